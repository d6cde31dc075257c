"""Topics are chosen by keyboard, in a taxonomy too large to be drawn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.server import Installation

#: how far a label's tick stands below its first line, in pixels; both in one look, as what is above
#: may still grow
TICK_BELOW = """
(label) => {
  const words = document.createRange();
  words.selectNodeContents(label.querySelector("span"));
  const [line] = words.getClientRects();
  const tick = label.querySelector("input").getBoundingClientRect();
  return tick.top + tick.height / 2 - (line.top + line.height / 2);
}
"""

pytestmark = [pytest.mark.browser, pytest.mark.once]


def test_topics_are_chosen_with_the_keyboard_alone(
    installation: Installation, page: Page, sign_in: Callable[[Page], Page]
) -> None:
    paths = [["Wide", f"Topic {number}"] for number in range(2000)]
    paths += [["npm", "Commands", name] for name in ("install", "run")]
    body = {"version": "77.0.0", "nodes": [{"path": path} for path in paths]}
    installation.request("POST", "/taxonomies", body)
    agent = {"name": "Packer", "handle": "packer", "instructions": "Help with packages."}
    installation.request("POST", "/agents", agent)
    sign_in(page).goto(f"{installation.url}/agents/packer/scope?version=77.0.0")
    field = page.get_by_role("combobox", name="Topics").or_(page.get_by_label("Topics").first)
    field.first.focus()
    offered = page.get_by_role("listbox", name="Found").get_by_role("option").first
    page.keyboard.type("topic 1999")
    expect(offered).to_have_text("Wide › Topic 1999")
    page.keyboard.press("Enter")
    page.keyboard.type("npm")
    expect(offered).to_have_text("npm")
    page.keyboard.press("Enter")
    chips = page.locator(".chip label")
    expect(chips).to_have_text(["Wide › Topic 1999", "npm"])
    page.get_by_role("button", name="Topics below npm").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("label[title='npm › Commands'] input")).to_be_checked()
    expect(page.locator("#extent")).to_contain_text("5 topics")
    field.first.focus()
    page.keyboard.press("Backspace")
    expect(chips).to_have_text(["Wide › Topic 1999"])
    expect(page.locator("label[title=Wide] input")).not_to_be_checked()
    expect(page.locator("#extent")).to_contain_text("1 topic")
    page.get_by_role("button", name="Save topics").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("The scope is changed.")


def test_a_tree_of_many_levels_is_read_on_a_phone(
    installation: Installation, page: Page, sign_in: Callable[[Page], Page]
) -> None:
    name = "Everything about the level below and who is in charge of it"
    path = [f"{name} {level}" for level in range(8)]
    body = {"version": "78.0.0", "nodes": [{"path": path}]}
    installation.request("POST", "/taxonomies", body)
    agent = {"name": "Deep", "handle": "deep", "instructions": "Go down."}
    installation.request("POST", "/agents", agent)
    sign_in(page).set_viewport_size({"width": 390, "height": 844})
    for address in ("/taxonomies/78.0.0", "/agents/deep/scope?version=78.0.0"):
        page.goto(installation.url + address)
        for level in range(7):
            twist = page.get_by_role("button", name=f"Topics below {path[level]}")
            if twist.get_attribute("aria-expanded") == "false":
                twist.click()
            said = page.locator(".twig .row-title, .twig label").filter(has_text=path[level + 1])
            expect(said).to_be_visible()
            place, button = said.bounding_box(), twist.bounding_box()
            assert place and button
            # Beside what opens it and not below, and as wide as words are.
            assert place["x"] >= button["x"] + button["width"], address
            assert place["width"] > 120, address
            if said.locator("input").count():
                assert abs(said.evaluate(TICK_BELOW)) < 8
