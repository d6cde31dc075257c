"""Many documents at once, from the list to the task and back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.server import Installation

pytestmark = [pytest.mark.browser, pytest.mark.once]


def test_choose_look_delete_and_watch(
    installation: Installation, page: Page, sign_in: Callable[[Page], Page]
) -> None:
    for number in range(3):
        body = {"title": f"Surplus {number}", "content": "Nobody needs this."}
        installation.request("POST", "/documents", body)
    sign_in(page).goto(f"{installation.url}/documents?q=surplus")
    delete = page.get_by_role("button", name="Delete…")
    expect(delete).to_be_hidden()
    page.get_by_label("Select Surplus 1").check()
    expect(page.locator("[data-tick-count]")).to_have_text("1 selected")
    page.get_by_label("Select all on this page").check()
    expect(page.locator("[data-tick-count]")).to_have_text("3 selected")
    page.get_by_label("Select Surplus 1").uncheck()
    delete.click()
    expect(page.locator("main")).to_contain_text("Surplus 2")
    expect(page.locator("main")).not_to_contain_text("Surplus 1")
    page.get_by_role("button", name="Delete 2 documents").click()
    # The task is watched, not asked again.
    expect(page.locator("main")).to_contain_text("completed")
    page.get_by_role("link", name="See the documents").click()
    page.goto(f"{installation.url}/documents?q=surplus")
    expect(page.locator("#documents tbody tr")).to_have_count(1)
    expect(page.locator("#documents")).to_contain_text("Surplus 1")
