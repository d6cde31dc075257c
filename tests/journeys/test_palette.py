"""The command palette by keyboard, by touch, and what it remembers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.server import Installation, eventually

pytestmark = [pytest.mark.browser, pytest.mark.once]

SignIn = Callable[[Page], Page]


def make(installation: Installation, handle: str, name: str) -> None:
    body = {"name": name, "handle": handle, "instructions": "Help."}
    installation.request("POST", "/agents", body)


def test_an_agent_is_paused_and_published_with_the_keyboard_alone(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    make(installation, "greeter", "Greeter")
    sign_in(page).goto(f"{installation.url}/tasks")
    field, options = (
        page.get_by_role("combobox", name="Go to"),
        page.locator(".palette [role=option]"),
    )
    page.keyboard.press("Control+k")
    page.keyboard.type("pause gree")
    expect(options.first).to_contain_text("Pause Greeter")
    expect(field).to_have_attribute("aria-expanded", "true")
    chosen = page.locator(f"#{field.get_attribute('aria-activedescendant')}")
    expect(chosen).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Greeter is paused.")
    expect(page.get_by_role("heading", level=1)).to_have_text("Tasks")
    assert installation.request("GET", "/agents/greeter")["paused"] is True

    # What was done last stands first, and is asked for anew: now it is the opposite.
    page.keyboard.press("Control+k")
    expect(options.first).to_contain_text("Pause Greeter")
    page.keyboard.type("resume gre")
    expect(options.first).to_contain_text("Resume Greeter")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Greeter goes on.")

    # Staging harms nobody: Enter is enough. Production wants to be meant.
    page.keyboard.press("Control+k")
    page.keyboard.type("publish greeter to stag")
    expect(options.first).to_contain_text("Publish Greeter to staging")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Publish version 1 of Greeter?")
    expect(dialog.get_by_role("button", name="Publish to staging")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#environment-staging")).to_contain_text("1.0.0")

    body = {"model": "another"}
    installation.request("PUT", "/agents/greeter", body)
    page.keyboard.press("Control+k")
    page.keyboard.type("publish greeter to prod")
    expect(options.first).to_contain_text("Publish Greeter to production")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Publish version 2 of Greeter?")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#environment-production")).to_contain_text("1.0.1")

    page.keyboard.press("Control+k")
    page.keyboard.type("nothing is called so")
    expect(options).to_have_count(4)
    page.keyboard.press("Escape")
    expect(page.locator("dialog.palette")).to_be_hidden()


def test_what_was_opened_last_comes_first_until_one_signs_out(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    for number in range(8):
        make(installation, f"visited-{number}", f"Visited {number}")
    sign_in(page)
    for number in range(8):
        page.goto(f"{installation.url}/agents/visited-{number}")
    for passing in ("/agents/nobody", "/agents/bulk?action=pause&q=visited", "/agents/new", "/"):
        page.goto(installation.url + passing)  # a refusal, a confirmation, a form, a list
    page.keyboard.press("Control+k")
    recent = page.get_by_role("group", name="Recent").get_by_role("option")
    expect(recent).to_have_text([f"Visited {number}" for number in (7, 6, 5, 4, 3, 2)])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Visited 6")
    page.keyboard.press("Control+k")
    page.keyboard.type("sign out")
    expect(page.locator(".palette [role=option]").first).to_have_text("Sign out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    sign_in(page)
    page.keyboard.press("Control+k")
    expect(page.locator(".palette [role=option]").first).to_contain_text("Overview")


def test_theme_times_and_keys_are_chosen_in_the_palette(page: Page, sign_in: SignIn) -> None:
    sign_in(page)
    for words, shown in (("keyboard", "Keyboard shortcuts"), ("absolute", "Show absolute times")):
        page.keyboard.press("Control+k")
        page.keyboard.type(words)
        expect(page.locator(".palette [role=option]").first).to_contain_text(shown)
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
    assert page.evaluate("localStorage.times") == "absolute"
    page.keyboard.press("Control+k")
    page.keyboard.type("dark")
    expect(page.locator(".palette [role=option]").first).to_contain_text("Dark theme")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_css("color-scheme", "dark")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_a_phone_has_a_button_for_it(
    installation: Installation, chromium: Browser, sign_in: SignIn
) -> None:
    make(installation, "pouch", "Pouch")
    context = chromium.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    page = sign_in(context.new_page())
    button = page.get_by_role("button", name="Go to or do…")
    # Its keys are for those who have some.
    assert page.evaluate("matchMedia('(hover: none)').matches")
    for key in page.locator("[data-palette] kbd").all():
        assert key.evaluate("at => getComputedStyle(at).display") == "none"
    box = button.bounding_box()
    assert box and min(box["width"], box["height"]) >= 44
    button.tap()
    page.get_by_role("combobox", name="Go to").fill("pouch")
    page.get_by_role("option", name="Pouch").first.tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Pouch")
    context.close()


def test_who_leaves_the_palette_before_the_answer_goes_nowhere(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    make(installation, "forsaken-wombat", "Forsaken Wombat")
    held: list[Route] = []
    sign_in(page).goto(f"{installation.url}/tasks")
    page.route("**/palette?*", lambda route: held.append(route))
    page.keyboard.press("Control+k")
    page.keyboard.type("pause forsaken")
    page.keyboard.press("Enter")
    eventually(lambda: page.evaluate("true") and held)
    page.keyboard.press("Escape")
    expect(page.locator("dialog.palette")).to_be_hidden()
    with page.expect_response(lambda answer: "q=pause+forsaken" in answer.url):
        for route in held:
            route.continue_()
    page.unroute("**/palette?*")
    # The next answer is drawn, so that the one before has been dealt with.
    page.keyboard.press("Control+k")
    page.keyboard.type("pause forsaken")
    expect(page.locator(".palette [role=option]").first).to_contain_text("Pause Forsaken Wombat")
    assert installation.request("GET", "/agents/forsaken-wombat")["paused"] is False
