"""A person stays in the application: after a refusal, at a wrong address, on a reload."""

from __future__ import annotations

import pytest
from apiflask import APIFlask
from flask import get_flashed_messages

from tests.browser import Browser
from tests.cast import Cast
from tests.factories import make_agent
from webapp.agents import deletion
from webapp.core.actor import Actor
from webapp.core.http import returning

ANY = {
    "handle": "helper",
    "version": "1",
    "semver": "1.0.0",
    "task_id": "nothing",
    "document_id": "00000000-0000-4000-8000-000000000000",
}
#: answer a part of a page, which no address bar shows
PARTS = {"/agents/preview"}


def toast(browser: Browser) -> str:
    assert browser.response is not None
    page = browser.get(browser.response.headers["Location"])
    return page.css_first(".toast.error").text(strip=True)


# Asked for with GET, an address that only takes forms


def only_for_forms(app: APIFlask) -> list[str]:
    """A path for each page rule that is posted to and cannot be looked at."""
    rules = [rule for rule in app.url_map.iter_rules() if not rule.rule.startswith("/api/")]
    looked_at = {rule.rule for rule in rules if "GET" in (rule.methods or ())}
    adapter = app.url_map.bind("localhost")
    return [
        adapter.build(rule.endpoint, {name: ANY.get(name, ANY["document_id"])
                                      for name in rule.arguments}, method="POST")
        for rule in rules
        if rule.rule not in looked_at | PARTS
    ]  # fmt: skip


def test_every_page_address_that_only_takes_forms_leads_to_the_page_above_it(
    app: APIFlask, cast: Cast
) -> None:
    paths, browser = only_for_forms(app), cast.browser("alice")
    assert len(paths) > 30
    for path in paths:
        browser.get(path, status=303)
        assert browser.response is not None
        location = browser.response.headers["Location"]
        assert path.startswith(location), (path, location)
        assert app.url_map.bind("localhost").match(location, method="GET")


@pytest.mark.parametrize(
    ("path", "above"),
    [
        ("/sign-out", "/"),
        ("/settings/profile/password", "/settings/profile"),
        ("/settings/webhooks/secret/retirement", "/settings/webhooks"),
        ("/agents/helper/releases/1.0.0/status", "/agents/helper/releases"),
        ("/knowledge/extent", "/"),
    ],
)
def test_the_nearest_page_above_is_meant(cast: Cast, path: str, above: str) -> None:
    browser = cast.browser("alice")
    browser.get(path, status=303)
    assert browser.response is not None
    assert browser.response.headers["Location"] == above


def test_an_api_address_still_says_what_it_allows(cast: Cast) -> None:
    refused = cast.api("alice").get("/knowledge/search")
    assert refused.status_code == 405
    assert refused.json["code"] == "method_not_allowed"


# A refused form


def test_a_refused_form_leads_back_to_its_page_with_the_reason(cast: Cast) -> None:
    browser = cast.browser("alice")
    referrer = {"Referer": "http://localhost/settings/members?from=here"}
    path = f"/settings/members/{cast.user('alice').id}"
    browser.post(path, {"role": "viewer"}, status=303, headers=referrer)
    assert browser.response is not None
    assert browser.response.headers["Location"] == "/settings/members?from=here"
    assert "the only active admin" in toast(browser)


@pytest.mark.parametrize(
    "referrer",
    ["", "http://localhost/nowhere", "http://localhost//evil.example/", "nonsense", "http://[",
     "http://localhost/settings/members/1/removal"],
)  # fmt: skip
def test_without_a_page_of_ours_it_leads_to_the_page_above(cast: Cast, referrer: str) -> None:
    browser = cast.browser("alice")
    path = f"/settings/members/{cast.user('alice').id}"
    browser.post(path, {"role": "viewer"}, status=303, headers={"Referer": referrer})
    assert browser.response is not None
    assert browser.response.headers["Location"] == "/settings/members"


def test_a_long_reason_is_cut_because_it_travels_in_a_cookie(app: APIFlask) -> None:
    with app.test_request_context("/agents/helper/pause", method="POST"):
        returning.to_page_before("m" * 601)
        assert get_flashed_messages() == ["m" * 599 + "…"]


@pytest.mark.parametrize(
    "referrer", ["http://localhost/tools/agents?q=x", "http://localhost/agents"]
)
def test_below_a_path_of_the_host_it_stays_below_it(app: APIFlask, referrer: str) -> None:
    with app.test_request_context(
        "/documents/proposals", "http://localhost/tools", headers={"Referer": referrer}
    ):
        location = returning.to_page_before("No.").headers["Location"]
    assert location == ("/tools/agents?q=x" if "tools" in referrer else "/tools/documents")


def test_htmx_gets_the_reason_as_a_toast_with_the_status(cast: Cast) -> None:
    browser = cast.browser("alice")
    path = f"/settings/members/{cast.user('alice').id}"
    part = browser.post(path, {"role": "viewer"}, status=409, headers={"HX-Request": "true"})
    assert "the only active admin" in part.css_first(".toast.error").text()


@pytest.mark.parametrize(
    ("referrer", "address"),
    [("http://localhost/agents/new?from=here", "/agents/new?from=here"), ("", "/")],
)
def test_the_answer_to_a_form_says_where_the_form_stands(
    cast: Cast, referrer: str, address: str
) -> None:
    browser = cast.browser("alice")
    page = browser.post("/agents", {"name": ""}, status=422, headers={"Referer": referrer})
    assert page.css_first("html").attributes["data-address"] == address
    assert "data-address" not in browser.get("/agents/new").css_first("html").attributes


# A wrong address


def test_a_wrong_address_keeps_the_navigation(cast: Cast) -> None:
    browser = cast.browser("vera")
    for path, status in (("/nowhere", 404), ("/agents/nobody", 404), ("/agents/new", 403)):
        page = browser.get(path, status=status)
        assert page.css("nav[aria-label=Main] a"), path
        assert "vera@example.com" in page.css_first(".who").text()


def test_a_visitor_gets_a_page_without_navigation(app: APIFlask) -> None:
    browser = Browser(app.test_client())
    page = browser.get("/nowhere", status=404)
    assert page.css("nav") == []


def test_what_one_types_is_code_and_the_rest_is_text(app: APIFlask) -> None:
    page = Browser(app.test_client()).get("/setup?token=wrong", status=404)
    assert page.css_first("main code").text() == "make run"
    assert "`" not in page.css_first("main").text()


# A deleted agent


@pytest.mark.parametrize("path", ["", "/releases", "/coverage", "/versions/1", "/ask"])
def test_a_deleted_agent_can_be_restored_where_it_was(cast: Cast, alice: Actor, path: str) -> None:
    make_agent(alice, handle="helper", name="Helper")
    deletion.delete_agent("helper", actor=alice)
    browser = cast.browser("alice")
    page = browser.get(f"/agents/helper{path}", status=404)
    assert page.css_first("h1").text(strip=True) == "Helper is deleted"
    assert page.css("nav[aria-label=Main] a")
    assert "/api/" not in page.css_first("main").text()
    form = page.css_first("main form")
    page = browser.post(form.attributes["action"])
    assert "Helper is back." in page.css_first(".toast").text()


def test_who_may_not_restore_it_is_told_who_may(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper", name="Helper")
    deletion.delete_agent("helper", actor=alice)
    page = cast.browser("vera").get("/agents/helper", status=404)
    assert "An admin can restore it." in page.css_first("main").text()
    assert page.css("main form") == []


def test_an_open_page_of_a_deleted_agent_tells_it_in_a_toast(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper", name="Helper")
    deletion.delete_agent("helper", actor=alice)
    part = cast.browser("alice").get("/agents/helper", status=404, headers={"HX-Request": "true"})
    assert part.css_first(".toast span").text() == "Helper was deleted."
