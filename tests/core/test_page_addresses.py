"""What the address of a page says behind its question mark, and its form, however odd."""

from __future__ import annotations

import pytest

from tests.browser import Browser
from tests.factories import make_agent, make_document
from webapp.core.actor import Actor


@pytest.mark.parametrize(
    "odd", ["endpoint=x", "_method=x", "_scheme=odd", "_external=1", "_anchor=x", "_scheme="]
)
def test_no_parameter_leads_the_links_of_a_page_elsewhere(
    alice: Actor, browser: Browser, odd: str
) -> None:
    make_agent(alice, handle="tea")
    for path in ("/agents?q=a", "/?range=24h", "/tasks?status=failed", "/documents?q=a"):
        plain, page = browser.get(path), browser.get(f"{path}&{odd}")
        assert [link.attributes["href"] for link in page.css("a[href]")] == [
            link.attributes["href"] for link in plain.css("a[href]")
        ]


def test_a_parameter_called_like_a_part_of_the_path_changes_no_link(
    alice: Actor, browser: Browser
) -> None:
    make_agent(alice, handle="tea")
    page = browser.get("/agents/tea/coverage?handle=oak")
    assert all("/agents/oak" not in (link.attributes["href"] or "") for link in page.css("a"))


@pytest.mark.parametrize("number", ["--5", "-", "1-", "5" * 12, "²", "١"])
def test_what_is_no_whole_number_is_said_to_be_none(browser: Browser, number: str) -> None:
    page = browser.get(f"/settings/webhooks?offset={number}")
    assert "offset must be a whole number" in page.css_first(".toast.error").text()


@pytest.mark.parametrize(
    ("path", "odd", "rest"),
    [
        ("/", "range=7w", ""),
        ("/agents", "sort=upside-down", "q=a&status=draft"),
        ("/agents", "status=asleep&limit=0", "sort=name"),
        ("/documents", "sort=size", "q=a"),
        ("/tasks", "status=sleeping", "kind=a"),
        ("/agents/tea/coverage", "threshold=2", "range=7d"),
        ("/agents/tea/versions", "before=x", ""),
        ("/settings/webhooks", "limit=x", "offset=1"),
    ],
)
def test_what_a_page_cannot_show_is_told_and_left_out_of_its_address(
    alice: Actor, browser: Browser, path: str, odd: str, rest: str
) -> None:
    make_agent(alice, handle="tea")
    both = "&".join(part for part in (odd, rest) if part)
    browser.get(f"{path}?{both}", status=303)
    assert browser.response is not None
    assert browser.response.headers["Location"] == (f"{path}?{rest}" if rest else path)
    page = browser.get(f"{path}?{rest}")
    (told,) = page.css(".toast.error > span")
    for pair in odd.split("&"):
        assert f"{pair.partition('=')[0]}" in told.text()
    assert told.text().endswith("The page leaves it out.")
    assert not browser.get(f"{path}?{rest}").css(".toast")
    # A part that is fetched by itself keeps the page around it.
    part = browser.client.get(f"{path}?{both}", headers={"HX-Request": "true"})
    assert part.status_code == 422
    assert "toast error" in part.text


def test_many_parameters_are_no_trouble_to_a_list(browser: Browser) -> None:
    for path in ("/agents", "/tasks", "/documents"):
        browser.get(f"{path}?{'&'.join(['unknown=1'] * 101)}")


@pytest.mark.parametrize(
    ("path", "status"),
    [("/agents", 422), ("/sign-in", 422), ("/api/v1/agents", 422), ("/nothing", 404)],
)
def test_a_query_in_another_encoding_is_refused(browser: Browser, path: str, status: int) -> None:
    """As an old program writes "ä" into a link."""
    answer = browser.client.get(path, environ_overrides={"QUERY_STRING": "q=\xe4"})
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("passage", [2**63, 10**30, 0, -1])
def test_a_passage_with_an_id_that_no_database_holds_is_gone(
    alice: Actor, browser: Browser, passage: int
) -> None:
    document = make_document(alice)
    page = browser.get(f"/documents/{document.id}?passage={passage}")
    assert "passage is no longer in this document" in page.body.text()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/views", {"list": "agents", "name": "a\x00b"}),
        ("/agents/tea/ask", {"q": "a\x00b"}),
        ("/first-steps/text", {"content": "a\x00b"}),
    ],
)
def test_a_form_holds_only_what_can_be_stored(
    alice: Actor, browser: Browser, path: str, body: dict[str, str]
) -> None:
    make_agent(alice, handle="tea")
    page = browser.post(path, body)
    assert "holds characters that are not text" in page.css_first("#toasts .error").text()
