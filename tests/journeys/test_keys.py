"""The keys of all pages: they go, search and list themselves, and leave alone who types."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.server import Installation

pytestmark = [pytest.mark.browser, pytest.mark.once]

SignIn = Callable[[Page], Page]


def test_g_and_a_letter_go_to_each_section(page: Page, sign_in: SignIn) -> None:
    sign_in(page)
    heading = page.get_by_role("heading", level=1)
    for letter, title in (
        ("a", "Agents"),
        ("d", "Documents"),
        ("t", "Tasks"),
        ("o", "Overview"),
        (",", "Profile"),
        ("s", "Search"),
    ):
        page.keyboard.press("g")
        page.keyboard.press(letter)
        expect(heading).to_have_text(title)
        # A heading is there before the scripts have run that know the keys.
        page.wait_for_load_state("domcontentloaded")
    expect(page.get_by_label("Search all documents")).to_be_focused()
    page.keyboard.type("ga?/")
    expect(page.get_by_label("Search all documents")).to_have_value("ga?/")
    expect(heading).to_have_text("Search")


def test_a_slash_goes_to_the_search_of_the_page_or_to_the_palette(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    agent = {"name": "Keyed", "handle": "keyed", "instructions": "Go."}
    installation.request("POST", "/agents", agent)
    nodes = [{"path": ["Keys"], "target_documents": 1}]
    installation.request("POST", "/taxonomies", {"version": "0.3.0", "nodes": nodes})
    sign_in(page)
    for path, label in (
        ("/agents", "Find agents"),
        ("/documents", "Find by title"),
        ("/taxonomies/0.3.0", "Find a topic"),
        ("/agents/keyed/ask", "Your question"),
        ("/search", "Search all documents"),
    ):
        page.goto(f"{installation.url}{path}")
        field = page.get_by_label(label, exact=True)
        field.blur()
        page.keyboard.press("Control+/")
        expect(field).not_to_be_focused()
        page.keyboard.press("/")
        expect(field).to_be_focused()
        expect(field).to_have_value("")
    page.goto(f"{installation.url}/tasks")
    page.keyboard.press("/")
    expect(page.locator("dialog.palette input[type=search]")).to_be_focused()


def test_a_question_mark_lists_the_keys_of_the_page(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    agent = {"name": "Listed", "handle": "listed", "instructions": "Go."}
    installation.request("POST", "/agents", agent)
    sign_in(page)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_contain_text("Search this page")
    expect(dialog).to_contain_text(re.compile(r"g then a\s*Agents"))
    expect(dialog).not_to_contain_text("Next row")
    # Behind an open dialog no key does anything.
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.goto(f"{installation.url}/agents")
    page.keyboard.press("?")
    expect(dialog).to_contain_text("Next row")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


@pytest.mark.parametrize("key", ["Control+Enter", "Meta+Enter"])
def test_the_text_that_one_writes_is_sent_without_leaving_it(
    installation: Installation, page: Page, sign_in: SignIn, key: str
) -> None:
    sign_in(page).goto(f"{installation.url}/agents/new")
    page.get_by_label("Name", exact=True).fill(f"Sent by {key}")
    page.get_by_label("Instructions").fill("Say hello.")
    page.get_by_label("Description").press(key.replace("Enter", "e"))  # no key of ours
    page.get_by_label("Instructions").press(key)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Sent by {key}")
    assert (
        installation.request("GET", f"/agents/sent-by-{key.lower().replace('+', '-')}")[
            "instructions"
        ]
        == "Say hello."
    )
