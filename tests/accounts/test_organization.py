"""The organization's own page: its name and its logo."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from apiflask import APIFlask

from tests.cast import Cast
from webapp.accounts import organizations
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.errors import Forbidden, Invalid, NotFound

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
PICTURES = [
    (PNG, "image/png"),
    (b"\xff\xd8\xff\xe0" + bytes(20), "image/jpeg"),
    (b"RIFF\x20\0\0\0WEBPVP8 " + bytes(20), "image/webp"),
]


def a_file(content: bytes, name: str = "logo.png") -> dict[str, object]:
    return {"logo": (BytesIO(content), name)}


def test_an_admin_changes_the_name_that_everybody_sees(cast: Cast) -> None:
    page = cast.browser("alice").post("/settings/organization", {"name": " Acme & Sons "})
    assert "The organization is saved." in page.body.text()
    vera = cast.browser("vera")
    assert vera.get("/").css_first(".brand").text(strip=True) == "Acme & Sons"
    assert cast.api("vera").get("/organization").json["name"] == "Acme & Sons"
    page = vera.get("/settings/organization")
    assert "Acme & Sons" in page.css_first("main").text()
    assert page.css_first("main form") is None
    assert cast.browser("charlie").get("/").css_first(".brand").text(strip=True) == "Other"
    (entry,) = [
        entry
        for entry in audit.latest(cast.actor("alice").organization_id)
        if entry.action == "update"
    ]
    assert (entry.subject_type, entry.detail) == ("organization", {"name": "Acme & Sons"})


@pytest.mark.parametrize("name", ["", "   ", 256 * "x"])
def test_a_name_that_is_none_is_refused(cast: Cast, alice: Actor, name: str) -> None:
    page = cast.browser("alice").post("/settings/organization", {"name": name}, status=422)
    assert page.css_first("#name-error")
    with pytest.raises(Invalid, match="1 to 255 characters"):
        organizations.rename_organization(name, actor=alice)
    assert organizations.get_organization(actor=alice).name == "Acme"


@pytest.mark.parametrize(("content", "media_type"), PICTURES)
def test_a_logo_stands_in_the_sidebar_and_is_sent_as_what_it_is(
    cast: Cast, content: bytes, media_type: str
) -> None:
    browser = cast.browser("alice")
    page = browser.post("/settings/organization/logo", a_file(content))
    assert "The logo is saved." in page.body.text()
    vera = cast.browser("vera")
    address = vera.get("/agents").css_first(".brand img").attributes["src"]
    assert address
    answer = vera.client.get(address)
    assert (answer.status_code, answer.data, answer.mimetype) == (200, content, media_type)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    # Another organization has neither this picture nor this address.
    charlie = cast.browser("charlie")
    assert charlie.client.get(address).status_code == 404
    assert charlie.get("/agents").css_first(".brand img") is None
    assert cast.app.test_client().get(address).status_code == 303

    page = browser.post("/settings/organization/logo/removal")
    assert "The logo is removed." in page.body.text()
    assert page.css_first(".brand img") is None
    assert vera.client.get(address).status_code == 404
    actions = [entry.action for entry in audit.latest(cast.actor("alice").organization_id)]
    assert {"set_logo", "remove_logo"} <= set(actions)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "PNG, JPEG or WebP"),
     (b"GIF89a", "PNG, JPEG or WebP"), (b"RIFF\x20\0\0\0WAVE", "PNG, JPEG or WebP"),
     (b"", "PNG, JPEG or WebP"),
     (PNG + bytes(organizations.MAX_LOGO), "at most 64 KiB")],
)  # fmt: skip
def test_what_is_no_small_picture_is_refused_whatever_it_is_called(
    cast: Cast, alice: Actor, content: bytes, sentence: str
) -> None:
    page = cast.browser("alice").post("/settings/organization/logo", a_file(content), status=422)
    assert sentence in page.css_first("#logo-error").text()
    with pytest.raises(Invalid, match=sentence):
        organizations.set_logo(content, actor=alice)
    assert organizations.get_organization(actor=alice).logo_digest is None


def test_a_form_without_a_file_says_so(cast: Cast) -> None:
    page = cast.browser("alice").post("/settings/organization/logo", {}, status=422)
    assert "Choose a picture." in page.css_first("#logo-error").text()


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_only_admins_change_it(cast: Cast, name: str) -> None:
    actor, browser = cast.actor(name), cast.browser(name)
    with pytest.raises(Forbidden):
        organizations.rename_organization("Mine", actor=actor)
    with pytest.raises(Forbidden):
        organizations.set_logo(PNG, actor=actor)
    with pytest.raises(Forbidden):
        organizations.remove_logo(actor=actor)
    browser.post("/settings/organization", {"name": "Mine"}, status=403)


def test_an_earlier_logo_has_gone_with_its_address(alice: Actor) -> None:
    before = str(organizations.set_logo(PNG, actor=alice).logo_digest)
    after = str(organizations.set_logo(PNG + b"x", actor=alice).logo_digest)
    with pytest.raises(NotFound):
        organizations.get_logo(before, actor=alice)
    assert organizations.get_logo(after, actor=alice) == (PNG + b"x", "image/png")


def test_what_changes_nothing_is_not_recorded(alice: Actor) -> None:
    before = audit.latest_id(alice.organization_id)
    organizations.rename_organization("Acme", actor=alice)
    organizations.remove_logo(actor=alice)
    assert audit.latest_id(alice.organization_id) == before


def test_logos_that_two_set_at_once_are_never_mixed(app: APIFlask, alice: Actor) -> None:
    def set_elsewhere(content: bytes) -> None:
        with app.app_context():
            organizations.set_logo(content, actor=alice)

    first = organizations.set_logo(PNG, actor=alice).logo_digest or ""
    seen = organizations.get_organization(actor=alice)  # as the page's frame does
    assert seen.logo_digest == first
    with ThreadPoolExecutor(1) as pool:
        pool.submit(set_elsewhere, PICTURES[1][0]).result()
    # Browsers keep for a year what this address answers.
    with pytest.raises(NotFound):
        organizations.get_logo(first, actor=alice)
    later = organizations.set_logo(PNG + b"later", actor=alice).logo_digest or ""
    assert organizations.get_logo(later, actor=alice) == (PNG + b"later", "image/png")
