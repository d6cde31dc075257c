"""Forms that are sent later than they were clicked, on pages that change meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.server import Installation, eventually

pytestmark = pytest.mark.browser


SignIn = Callable[[Page], Page]


def publish(installation: Installation, handle: str, version: int, body: dict[str, str]) -> None:
    installation.request("POST", f"/agents/{handle}/versions/{version}/publish", body)


def ask_to_promote(installation: Installation, page: Page, handle: str) -> Locator:
    """The dialog that asks about 1.1.0, which runs in staging; 1.0.0 runs in production."""
    body = {"name": handle, "handle": handle, "instructions": "x"}
    installation.request("POST", "/agents", body)
    publish(installation, handle, 1, {"semver": "1.0.0"})
    installation.request("PATCH", f"/agents/{handle}", {"retrieval_config": {"top_k": 3}})
    publish(installation, handle, 2, {"semver": "1.1.0", "environment": "staging"})
    page.goto(f"{installation.url}/agents/{handle}/releases")
    expect(page.locator("[data-live-dot]")).to_have_text("live")
    page.get_by_role("button", name="Promote 1.1.0 from staging").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Promote 1.1.0 to production?")
    return dialog


def somebody_is_quicker(installation: Installation, page: Page, handle: str) -> None:
    """In the place of the button that was clicked stands another then."""
    publish(installation, handle, 2, {"environment": "production"})
    expect(page.locator("#environment-production")).to_contain_text("Roll back to 1.0.0")


def break_socket(page: Page) -> None:
    """Let the page take its socket for broken, as between two connections."""
    page.evaluate("document.dispatchEvent(new Event('htmx:ws:close'))")


def test_who_is_asked_sends_what_they_were_asked_though_the_page_has_changed(
    page: Page, sign_in: SignIn, installation: Installation
) -> None:
    dialog = ask_to_promote(installation, sign_in(page), "late-asker")
    somebody_is_quicker(installation, page, "late-asker")
    dialog.get_by_role("button", name="Promote").click()
    expect(page.locator("#toasts")).to_contain_text("Production runs 1.1.0.")
    expect(page.locator("#environment-production .semver")).to_have_text("1.1.0")


def test_a_form_that_waits_for_the_server_is_sent_though_the_page_has_changed(
    page: Page, sign_in: SignIn, installation: Installation
) -> None:
    held: list[Route] = []
    sign_in(page).route("**/health", lambda route: held.append(route))
    dialog = ask_to_promote(installation, page, "late-waiter")
    break_socket(page)
    dialog.get_by_role("button", name="Promote").click()
    eventually(lambda: page.evaluate("true") and held)
    somebody_is_quicker(installation, page, "late-waiter")
    held[0].continue_()
    expect(page.locator("#toasts")).to_contain_text("Production runs 1.1.0.")
    expect(page.locator("#environment-production .semver")).to_have_text("1.1.0")


def test_a_form_that_waits_for_the_server_is_busy_though_its_page_is_drawn_again(
    page: Page, sign_in: SignIn, installation: Installation
) -> None:
    held: list[Route] = []
    sign_in(page).route("**/health", lambda route: held.append(route))
    dialog = ask_to_promote(installation, page, "busy-waiter")
    break_socket(page)
    dialog.get_by_role("button", name="Promote").click()
    eventually(lambda: page.evaluate("true") and held)
    body, form = page.locator("#releases"), page.locator("#environment-production form").first
    expect(form).to_have_attribute("aria-busy", "true")
    body.evaluate("body => { body.dataset.old = ''; htmx.trigger(body, 'refresh'); }")
    expect(body).not_to_have_attribute("data-old", "")
    expect(form).to_have_attribute("aria-busy", "true")
    held[0].continue_()
    expect(page.locator("#toasts")).to_contain_text("Production runs 1.1.0.")
    expect(form).not_to_have_attribute("aria-busy", "true")


def test_a_form_that_left_the_page_is_sent_with_what_was_entered(
    page: Page, sign_in: SignIn, installation: Installation
) -> None:
    held: list[Route] = []
    sign_in(page).goto(f"{installation.url}/agents/new")
    page.route("**/health", lambda route: held.append(route))
    page.get_by_label("Name", exact=True).fill("Left Behind")
    page.get_by_label("Handle").fill("left-behind")
    page.get_by_label("Instructions").fill("One line.\nAnd another.")
    break_socket(page)
    page.get_by_role("button", name="Create agent").click()
    eventually(lambda: page.evaluate("true") and held)
    page.locator("form", has=page.get_by_label("Instructions")).evaluate("form => form.remove()")
    held[0].continue_()
    expect(page.get_by_role("heading", level=1)).to_have_text("Left Behind")
    made = installation.request("GET", "/agents/left-behind")
    assert made["instructions"].splitlines() == ["One line.", "And another."]


def test_an_action_of_the_palette_says_that_the_server_is_away(
    page: Page, sign_in: SignIn, installation: Installation
) -> None:
    body = {"name": "Night Nurse", "handle": "night-nurse", "instructions": "x"}
    installation.request("POST", "/agents", body)
    sign_in(page).goto(f"{installation.url}/tasks")
    page.keyboard.press("Control+k")
    page.keyboard.type("pause night nurse")
    option = page.get_by_role("option", name="Pause Night Nurse").first
    expect(option).to_be_visible()
    page.route("**/health", lambda route: route.abort())
    break_socket(page)
    option.click()
    told = page.get_by_role("alert")
    expect(told).to_have_text("The server does not answer. Nothing was sent.")
    expect(told).to_be_in_viewport()
