"""A day on the way: a phone, a thumb, and no mouse to hover with."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.walking import FINDS, PHONE, read_axe
from tests.server import EMAIL, PASSWORD, Installation, eventually

pytestmark = [pytest.mark.browser, pytest.mark.once]


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(
        viewport=PHONE,  # type: ignore[arg-type]  # it is a size
        device_scale_factor=2,
        has_touch=True,
        is_mobile=True,
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


def look(page: Page) -> None:
    """Nothing is wider than the phone, and each target is 24 pixels wide and high, or alone."""
    excess = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert excess <= 0, f"{page.url} is {excess} px too wide."
    page.evaluate(read_axe())
    assert not page.evaluate(FINDS, {"runOnly": ["target-size"]}), page.url


def test_filters_leave_the_screen_to_the_list_and_say_how_many_are_set(
    installation: Installation, phone: Page
) -> None:
    installation.request("POST", "/agents", {"name": "Folded", "handle": "folded",
                                             "instructions": "Help."})  # fmt: skip
    phone.goto(f"{installation.url}/sign-in")
    phone.get_by_label("E-mail").fill(EMAIL)
    phone.get_by_label("Password").fill(PASSWORD)
    phone.get_by_role("button", name="Sign in").tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Overview")
    for path, field in (("agents", "Status"), ("documents", "Status"), ("tasks", "Kind")):
        phone.goto(f"{installation.url}/{path}")
        form, fold = phone.locator("form.filters"), phone.locator(".more-filters > summary")
        count = fold.locator("[data-filter-count]")
        expect(phone.get_by_label(field, exact=True)).to_be_hidden()
        expect(count).to_be_hidden()
        box = form.bounding_box()
        assert box
        assert box["height"] < 60, path
        fold.tap()
        look(phone)
        phone.get_by_label(field, exact=True).select_option(index=1)
        expect(count).to_have_text("1 set")
        fold.tap()
        expect(phone.get_by_label(field, exact=True)).to_be_hidden()
        # The page says it by itself as well, where no script counts.
        expect(phone).to_have_url(re.compile("="))
        phone.reload()
        expect(count).to_have_text("1 set")
        expect(phone.get_by_label(field, exact=True)).to_be_hidden()


def test_an_agent_is_found_asked_paused_and_left_with_a_thumb(
    installation: Installation, phone: Page
) -> None:
    agent = {"name": "Pocket Guide", "handle": "pocket", "instructions": "Answer in short."}
    installation.request("POST", "/agents", agent)
    text = {"title": "On harbours", "content": "The harbour opens at dawn."}
    document = installation.request("POST", "/documents", text)["id"]
    eventually(lambda: installation.request("GET", f"/documents/{document}")["status"] == "ready")

    phone.goto(f"{installation.url}/sign-in")
    look(phone)
    phone.get_by_label("E-mail").fill(EMAIL)
    phone.get_by_label("Password").fill(PASSWORD)
    phone.get_by_role("button", name="Sign in").tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Overview")
    look(phone)

    menu, nav = phone.locator(".menu > summary"), phone.get_by_role("navigation", name="Main")
    expect(nav).to_be_hidden()
    menu.tap()
    look(phone)
    sections = nav.get_by_role("link").all_inner_texts()
    assert len(sections) >= 6
    nav.get_by_role("link", name="Agents", exact=True).tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Agents")
    look(phone)
    phone.get_by_label("Find agents").fill("pocket")
    phone.get_by_role("link", name="Pocket Guide").first.tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Pocket Guide")

    tabs = phone.get_by_role("navigation", name="Agent")
    names = tabs.get_by_role("link").all_inner_texts()
    for name in names:
        tabs.get_by_role("link", name=name, exact=True).tap()
        expect(tabs.get_by_role("link", name=name, exact=True)).to_have_attribute(
            "aria-current", "page"
        )
        look(phone)
    tabs.get_by_role("link", name="Ask", exact=True).tap()
    expect(phone.locator("[data-live-dot]")).to_have_text("live")
    phone.get_by_label("Your question").fill("When does the harbour open?")
    phone.get_by_role("button", name="Ask", exact=True).tap()
    expect(phone.locator(".result").first).to_contain_text("dawn")
    look(phone)

    tabs.get_by_role("link", name="Settings", exact=True).tap()
    phone.get_by_role("button", name="Pause", exact=True).tap()
    expect(phone.locator("#agent-state")).to_contain_text("paused")
    assert installation.request("GET", "/agents/pocket")["paused"]

    menu.tap()
    phone.locator("form[action='/sign-out'] button").tap()
    expect(phone.get_by_label("Password")).to_be_visible()
