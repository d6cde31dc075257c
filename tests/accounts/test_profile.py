"""One's own profile: the first page of Settings; name, theme, time zone, format of numbers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser import Browser
from tests.cast import PASSWORD, Cast
from webapp.accounts import preferences, profiles, services, sessions
from webapp.accounts.models import Session
from webapp.accounts.preferences import Theme
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.errors import Forbidden, Invalid
from webapp.core.extensions import db

FORM = {"display_name": "Bob Miller", "theme": "dark", "time_zone": "Asia/Tokyo", "locale": "de-DE"}


def html_of(browser: Browser, path: str = "/agents") -> dict[str, str | None]:
    attributes = browser.get(path).css_first("html").attributes
    kept = ("data-theme", "data-locale", "data-time-zone")
    return {name: value for name, value in attributes.items() if name in kept}


def test_settings_open_with_the_profile(cast: Cast) -> None:
    browser = cast.browser("vera")
    browser.get("/settings", status=303)
    assert browser.response is not None
    assert browser.response.headers["Location"] == "/settings/profile"
    page = browser.get("/settings/profile")
    headings = [heading.text(strip=True) for heading in page.css("h2")]
    assert headings[:4] == ["You", "Password", "Sessions", "Organizations"]
    assert page.css_first(".tabs a").text() == "Profile"


def test_what_one_likes_is_kept_and_stands_on_every_page(cast: Cast) -> None:
    browser = cast.browser("bob")
    assert html_of(browser) == {
        "data-theme": "system", "data-locale": "en-GB", "data-time-zone": "",
    }  # fmt: skip
    page = browser.post("/settings/profile", FORM)
    assert "Your profile is saved." in page.body.text()
    chosen = [option.attributes["value"] for option in page.css("option[selected]")]
    assert {"dark", "Asia/Tokyo", "de-DE"} <= set(chosen)
    kept = {"data-theme": "dark", "data-locale": "de-DE", "data-time-zone": "Asia/Tokyo"}
    assert html_of(browser) == kept
    # Another browser of the same person, and nobody else.
    assert html_of(cast.browser("bob")) == kept
    assert html_of(cast.browser("vera"))["data-theme"] == "system"
    # Where nobody is signed in the browser remembers, so the server says nothing.
    assert html_of(Browser(cast.app.test_client()), "/sign-in") == {}
    entry = audit.latest(cast.actor("bob").organization_id)[2]
    assert (entry.action, entry.actor_name) == ("update_profile", "bob@example.com")
    assert entry.detail == FORM


def test_a_name_stands_beside_the_email_and_never_instead_of_it(cast: Cast) -> None:
    browser = cast.browser("bob")
    browser.post("/settings/profile", FORM | {"display_name": " alice@example.com "})
    page = browser.get("/")
    assert page.css_first(".who a").text() == "alice@example.com"
    row = next(row for row in browser.get("/settings/members").css("tbody tr") if "bob" in row.html)
    assert "bob@example.com" in row.text()
    # Records keep the e-mail, which nobody can choose to be another's.
    latest = audit.latest(cast.actor("bob").organization_id)[0]
    assert (latest.actor_name, latest.subject_name) == ("bob@example.com", "bob@example.com")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [("display_name", 256 * "x", "255"), ("theme", "pink", "Not a valid choice"),
     ("time_zone", "Mars/Olympus", "Not a valid choice"), ("locale", "xx", "Not a valid choice")],
)  # fmt: skip
def test_what_is_none_is_refused_beside_its_field(
    cast: Cast, field: str, value: str, sentence: str
) -> None:
    browser = cast.browser("bob")
    page = browser.post("/settings/profile", FORM | {field: value}, status=422)
    assert sentence in page.css_first(f"#{field}-error").text()
    assert html_of(browser)["data-theme"] == "system"


@pytest.mark.parametrize(
    "wrong", [{"display_name": 256 * "x"}, {"time_zone": "Mars/Olympus"}, {"locale": "xx"}]
)
def test_the_service_refuses_it_too(cast: Cast, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        profiles.change_profile(actor=cast.actor("bob"), **wrong)


def test_what_changes_nothing_is_not_recorded(cast: Cast, alice: Actor) -> None:
    before = audit.latest_id(alice.organization_id)
    profiles.change_profile(theme=Theme.SYSTEM, time_zone="", actor=alice)
    assert audit.latest_id(alice.organization_id) == before


def test_a_theme_can_be_chosen_from_anywhere(cast: Cast) -> None:
    browser = cast.browser("vera")
    browser.post("/settings/profile/theme", {"theme": "light"})
    assert html_of(browser)["data-theme"] == "light"
    browser.post("/settings/profile/theme", {"theme": "pink"}, status=404)
    assert html_of(browser)["data-theme"] == "light"


def test_a_key_has_no_profile(cast: Cast) -> None:
    actor = Actor(**vars(cast.actor("alice")) | {"api_key_id": cast.user("alice").id})
    with pytest.raises(Forbidden, match="An API key cannot do this"):
        profiles.change_profile(theme=Theme.DARK, actor=actor)
    with pytest.raises(Forbidden):
        sessions.revoke_other_sessions(actor=actor)


def test_all_other_browsers_are_signed_out_at_once(cast: Cast) -> None:
    here, there, vera = cast.browser("bob"), cast.browser("bob"), cast.browser("vera")
    button = here.get("/settings/profile").css_first("#sessions form[data-confirm]")
    assert button.attributes["action"] == "/settings/sessions/revocation"
    page = here.post("/settings/sessions/revocation")
    assert "All other browsers are signed out." in page.body.text()
    assert len(page.css("#sessions tbody tr")) == 1
    assert page.css_first("#sessions form[data-confirm]") is None
    assert there.client.get("/").status_code == 303
    vera.get("/")
    entry = audit.latest(cast.actor("bob").organization_id)[0]
    assert (entry.action, entry.detail) == ("sign_out_others", {"count": 1})
    here.post("/settings/sessions/revocation")
    assert audit.latest(cast.actor("bob").organization_id)[0].id == entry.id


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36",
      "Chrome on Linux"),
     ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0",
      "Edge on Windows"),
     ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1",
      "Safari on iPhone"),
     ("Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", "Firefox on Android"),
     ("curl/8.9", "curl/8.9"), ("", "unknown")],
)  # fmt: skip
def test_a_session_is_called_by_its_browser(user_agent: str, name: str) -> None:
    assert Session(user_agent=user_agent).browser == name


def test_the_zones_are_the_ianas() -> None:
    zones = preferences.time_zones()
    assert zones[0] == "UTC"
    assert {"Europe/Berlin", "America/New_York", "Asia/Kolkata"} <= set(zones)
    assert not [zone for zone in zones if len(zone) > 64 or zone.startswith("Etc/")]


def test_who_is_new_begins_with_what_the_browser_has(cast: Cast, alice: Actor) -> None:
    services.add_member("new@example.com", role=alice.role, password=PASSWORD, actor=alice)
    db.session.expire_all()
    user = cast.user("new")
    assert (user.theme, user.time_zone, user.locale, user.display_name) == (
        "system", "", "en-GB", "",
    )  # fmt: skip
