"""What stands round every page: times, the question before a deed, refused and busy forms."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, Route, expect

from tests.core.test_clock import WORDS
from tests.server import Installation
from webapp.core import clock

pytestmark = [pytest.mark.browser, pytest.mark.once]

SignIn = Callable[[Page], Page]


def test_times_are_said_as_the_server_says_them_and_a_click_shows_the_moments(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    sign_in(page)
    # Half a minute on is the same word for all that is longer ago than minutes.
    slow = [(seconds, words) for seconds, words in WORDS if abs(seconds) > 3600]
    times = "".join(
        f'<time data-relative datetime="{clock.iso(clock.now() + timedelta(seconds=seconds))}">'
        "</time>"
        for seconds, _ in slow
    )
    page.evaluate(
        "(times) => { document.querySelector('main').innerHTML = times;"
        " document.dispatchEvent(new Event('htmx:after:swap')) }",
        times,
    )
    said = page.locator("main time")
    expect(said).to_have_text([words for _, words in slow])
    said.first.click()
    expect(said.first).to_have_text(re.compile(r"^\d+ \w+ \d{4}, \d\d:\d\d$"))
    expect(said.first).to_have_attribute("title", slow[0][1])
    page.reload()
    expect(page.locator("main time").first).to_have_text(re.compile(r", \d\d:\d\d$"))


def test_no_dialog_is_there_before_it_is_asked_for(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    sign_in(page)
    for path in ("/", "/agents", "/settings"):
        page.goto(installation.url + path)
        dialogs = page.locator("dialog")
        assert dialogs.count() >= 3
        assert not [at for at in range(dialogs.count()) if dialogs.nth(at).is_visible()]


def test_a_question_names_the_thing_and_the_deed_and_can_be_answered_with_keep(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    agent = {"name": "Short Lived", "handle": "short-lived", "instructions": "Go."}
    installation.request("POST", "/agents", agent)
    sign_in(page).goto(f"{installation.url}/agents/short-lived/settings")
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog", name="Delete Short Lived?")
    expect(dialog).to_contain_text("can be restored")
    expect(dialog.get_by_role("button", name="Keep")).to_be_focused()
    dialog.get_by_role("button", name="Keep").click()
    expect(dialog).to_be_hidden()
    assert installation.request("GET", "/agents/short-lived")["status"] == "draft"
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog.get_by_role("button", name="Delete agent").click()
    expect(page.get_by_text("Short Lived", exact=False).first).to_be_visible()
    expect(page).to_have_url(re.compile(r"/agents(\?.*)?$"))


def test_a_form_is_busy_while_it_is_sent_and_a_refused_one_leads_to_its_first_fault(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    sign_in(page).goto(f"{installation.url}/agents/new")
    page.get_by_label("Name", exact=True).fill("Refused")
    page.get_by_label("Instructions", exact=True).fill("Help.")
    schema = page.locator("textarea[name=output_schema]")
    schema.evaluate("field => { field.value = '{' }")
    # Nothing can be asked of a page that is being left, so the page writes down what it shows.
    page.evaluate(
        """() => new MutationObserver((changes) => {
             for (const { target, attributeName: name } of changes)
               sessionStorage[`${target.className}:${name}`] = target.getAttribute(name) ?? "gone";
           }).observe(document, { subtree: true, attributeFilter: ["aria-busy", "hidden"] })"""
    )
    sent: list[str] = []

    def answer_late(route: Route) -> None:
        sent.append(route.request.method)
        page.wait_for_timeout(600)
        route.continue_()

    page.route(lambda url: url.endswith("/agents"), answer_late)
    page.get_by_role("button", name="Create").dblclick(no_wait_after=True)
    summary = page.locator(".error-summary")
    expect(summary).to_contain_text("This is not JSON")
    expect(schema).to_be_focused()
    shown = page.evaluate("({ ...sessionStorage })")
    assert shown["form:aria-busy"] == "true"
    assert shown["loading:hidden"] == "gone"
    assert sent == ["POST"]
