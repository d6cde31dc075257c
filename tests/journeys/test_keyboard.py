"""A day at the desk without a mouse: every step by keys, and always with a focus that is seen."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.server import EMAIL, PASSWORD, Installation, eventually

pytestmark = [pytest.mark.browser, pytest.mark.once]

#: more stops of the Tab key than any page of this journey has
STOPS = 120
#: what has the focus, and whether one sees it: a ring, or the caret of a field with another border
FOCUSED = """
(selector) => {
  const at = document.activeElement;
  if (!at?.matches(selector)) return "";
  const { outlineStyle, boxShadow } = getComputedStyle(at);
  return outlineStyle !== "none" || boxShadow !== "none" ? "seen" : "unseen";
}
"""


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element that `selector` matches has the focus."""
    for _ in range(STOPS):
        if state := page.evaluate(FOCUSED, selector):
            assert state == "seen", f"Nobody sees that {selector} has the focus."
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never comes to {selector} on {page.url}.")


def go(page: Page, selector: str, path: str) -> None:
    """Come, by keys, to the page at `path`, with what follows its links and forms."""
    tab_to(page, selector)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"{path}$"))


def test_an_agent_is_made_asked_published_and_found_without_a_mouse(
    installation: Installation, page: Page
) -> None:
    text = {"title": "On lifts", "content": "The lift is repaired by Otis."}
    document = installation.request("POST", "/documents", text)["id"]
    eventually(lambda: installation.request("GET", f"/documents/{document}")["status"] == "ready")

    page.goto(f"{installation.url}/sign-in")
    tab_to(page, "input[name=email]")
    page.keyboard.type(EMAIL)
    tab_to(page, "input[name=password]")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    go(page, ".nav a[href='/agents']", "/agents")
    go(page, "main a[href='/agents/new']", "/agents/new")
    tab_to(page, "input[name=name]")
    page.keyboard.type("Lift Warden")
    tab_to(page, "textarea[name=instructions]")
    page.keyboard.type("Answer about lifts.")
    go(page, "main form button:is(:not([type]), [type=submit]).primary", "/lift-warden")

    go(page, "main a[href='/agents/lift-warden/ask']", "/ask")
    expect(page.locator("[data-live-dot]")).to_have_text("live")
    tab_to(page, "main [name=q]")
    page.keyboard.type("Who repairs the lift?")
    page.keyboard.press("Enter")
    expect(page.locator(".result").first).to_contain_text("Otis")

    go(page, "main a[href='/agents/lift-warden/releases']", "/releases")
    tab_to(page, "[popovertarget=publish]")
    page.keyboard.press("Enter")
    sheet = page.locator("#publish")
    expect(sheet).to_be_visible()
    tab_to(page, "#publish input[type=radio]")
    sheet.get_by_label("Staging").focus()
    page.keyboard.press("Space")
    expect(sheet.get_by_label("Staging")).to_be_checked()
    tab_to(page, "#publish button.primary")
    page.keyboard.press("Enter")
    expect(page.locator("#environment-staging")).to_contain_text("1.0.0")

    page.keyboard.press("Control+k")
    expect(page.locator("dialog.palette input[type=search]")).to_be_focused()
    page.keyboard.type("On lifts")
    expect(page.locator(".palette [role=option]").first).to_contain_text("On lifts")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("On lifts")

    tab_to(page, "form[action='/sign-out'] button")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/sign-in"))
