"""A view is made of the filters that one has just chosen, with the keyboard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.server import Installation

pytestmark = [pytest.mark.browser, pytest.mark.once]


def test_a_view_takes_the_filters_and_the_order_that_it_is_shown_with_now(
    installation: Installation,
    new_page: Callable[[], Page],
    sign_in: Callable[[Page], Page],
) -> None:
    body = {"name": "Changed View", "handle": "changed-view", "instructions": "Help."}
    installation.request("POST", "/agents", body)
    page, other = sign_in(new_page()), sign_in(new_page())
    other.goto(f"{installation.url}/agents")
    expect(other.locator("[data-live-dot]")).to_have_text("live")
    page.goto(f"{installation.url}/agents?q=nothing-is-called-so")
    update = page.locator("[data-view-update]")
    expect(update).to_be_hidden()
    page.get_by_role("button", name="Save view…").click()
    page.get_by_label("Name", exact=True).fill("Kept up")
    page.keyboard.press("Enter")
    chip = page.get_by_role("link", name="Kept up", exact=True)
    expect(chip).to_have_attribute("aria-current", "true")
    expect(update).to_be_hidden()
    # The other page is open all the time, and draws the new view by itself.
    expect(other.get_by_role("link", name="Kept up", exact=True)).to_be_visible()
    expect(other.locator(".view-chips [aria-current]")).to_have_text("All")

    page.get_by_role("searchbox", name="Find agents").fill("changed view")
    expect(update).to_have_text("Update “Kept up”")
    page.get_by_role("link", name="Name", exact=True).click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Name")
    update.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Kept up is saved.")
    expect(chip).to_have_attribute("aria-current", "true")
    assert chip.get_attribute("href") == "/agents?q=changed+view&sort=name"
    expect(update).to_be_hidden()
    followed = other.get_by_role("link", name="Kept up", exact=True)
    expect(followed).to_have_attribute("href", "/agents?q=changed+view&sort=name")
    page.get_by_role("button", name="Edit view…").press("Enter")
    page.get_by_role("button", name="Delete view…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete view", exact=True).click()
    expect(followed).to_have_count(0)


def test_filters_become_a_view(
    installation: Installation, page: Page, sign_in: Callable[[Page], Page]
) -> None:
    for name in ("Viewed", "Hidden"):
        body = {"name": name, "handle": name.lower(), "instructions": "Help."}
        installation.request("POST", "/agents", body)
    sign_in(page).goto(f"{installation.url}/agents")
    shown = page.locator(".view-chips [aria-current]")
    expect(shown).to_have_text("All")
    page.keyboard.press("/")
    page.keyboard.type("viewed")
    expect(page.locator(".row-title")).to_have_text(["Viewed"])
    expect(shown).to_have_count(0)
    page.get_by_role("button", name="Save view…").press("Enter")
    expect(page.get_by_role("dialog", name="Save view")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("Watched")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Watched is saved.")
    expect(shown).to_have_text("Watched")
    expect(page.locator(".row-title")).to_have_text(["Viewed"])
    page.get_by_role("link", name="All", exact=True).press("Enter")
    expect(page.locator(".row-title", has_text="Hidden")).to_be_visible()
    page.get_by_role("link", name="Watched").press("Enter")
    page.get_by_role("button", name="Edit view…").press("Enter")
    page.get_by_role("button", name="Delete view…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete view", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("The view Watched is deleted.")
    expect(page.get_by_role("link", name="Watched")).to_have_count(0)
