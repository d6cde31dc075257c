"""From a question to the place in a document where the answer stands, with the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.server import Installation

pytestmark = [pytest.mark.browser, pytest.mark.once]

#: of words in the letters of an element, and of what it stands in
WIDTHS = """
(element, words) => {
  const said = document.createElement("span");
  said.textContent = words;
  element.append(said);
  const range = document.createRange();
  range.selectNodeContents(said);
  const width = [...range.getClientRects()].reduce((sum, rect) => sum + rect.width, 0);
  said.remove();
  return [width, element.closest(".card").clientWidth];
}
"""
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


def test_a_text_is_narrow_code_is_mono_and_a_fold_has_a_sign_and_cuts_no_number(
    installation: Installation, page: Page, sign_in: Callable[[Page], Page]
) -> None:
    steps = "\n".join(f"{number}. Pick quince {number}." for number in range(90, 120))
    content = f"{'quince ' * 60}\n\n```\nquince --ripe\n```\n\n## Steps\n\n{steps}"
    made = installation.request("POST", "/documents", {"title": "Quinces", "content": content})
    sign_in(page).set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{installation.url}/documents/{made['id']}")
    for selector, lines in (("p", "0" * 72), ("ol", "119. ")):
        part = page.locator(f".rendered {selector}", has_text="quince").first
        width, room = part.evaluate(WIDTHS, lines)
        if selector == "p":
            assert part.evaluate("text => text.offsetWidth") <= width + 1 < room
        else:
            assert part.evaluate("list => parseFloat(getComputedStyle(list).paddingLeft)") > width
    code = page.locator(".rendered pre", has_text="quince --ripe")
    assert code.evaluate(WIDTHS, "iiii")[0] == code.evaluate(WIDTHS, "mmmm")[0]

    page.goto(f"{installation.url}/search?q=pick+quince&strategy=keyword&top_k=1")
    expect(page.locator(".unfold summary")).to_have_text("Show all", use_inner_text=True)
    text = page.locator(".passage .rendered")
    assert "gradient" in text.evaluate("text => getComputedStyle(text).maskImage")
