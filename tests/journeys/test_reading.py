"""From a question to the place in a document where the answer stands, with the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.server import Installation

pytestmark = [pytest.mark.browser, pytest.mark.once]

CHAPTERS = "\n\n".join(
    f"## Chapter {number}\n\n"
    + "\n\n".join(f"Line {line} of walnut {number}." for line in range(30))
    for number in range(60)
)


def test_a_passage_is_unfolded_and_found_in_its_document(
    installation: Installation, page: Page, sign_in: Callable[[Page], Page]
) -> None:
    installation.request("POST", "/documents", {"title": "Orchard", "content": CHAPTERS})
    sign_in(page).goto(f"{installation.url}/search?q=walnut+chapter+57&strategy=keyword&top_k=1")
    text, fold = page.locator(".passage .rendered"), page.locator(".unfold summary")
    height = text.evaluate("element => element.clientHeight")
    expect(fold).to_have_text("Show all", use_inner_text=True)
    fold.focus()
    page.keyboard.press("Enter")
    expect(fold).to_have_text("Show less", use_inner_text=True)
    assert text.evaluate("element => element.clientHeight") > height
    page.keyboard.press("Space")
    expect(fold).to_have_text("Show all", use_inner_text=True)
    assert text.evaluate("element => element.clientHeight") == height

    page.locator(".result h2 a").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".chunk.found")).to_be_in_viewport()
    expect(page.locator(".chunk.found")).to_contain_text("of walnut 57")

    page.goto(page.url.split("?")[0])
    more = page.get_by_role("link", name="Show more")
    expect(page.locator(".chunk")).to_have_count(40)
    more.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".chunk")).to_have_count(60)
    expect(more).to_have_count(0)
