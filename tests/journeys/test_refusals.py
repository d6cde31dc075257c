"""What is refused is told beside the form that was sent, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.server import EMAIL, Installation

pytestmark = [pytest.mark.browser, pytest.mark.once]


def test_the_last_admin_is_told_at_their_row_that_they_stay(
    installation: Installation, page: Page, sign_in: Callable[[Page], Page]
) -> None:
    sign_in(page).goto(f"{installation.url}/settings/members")
    row = page.get_by_role("row", name=EMAIL)
    row.get_by_label(f"Role of {EMAIL}").select_option("viewer")
    row.get_by_role("button", name="Change").click()
    told = row.get_by_role("alert")
    expect(told).to_contain_text("the only active admin")
    expect(told).to_be_in_viewport()
    expect(row.get_by_label(f"Role of {EMAIL}")).to_have_value("admin")
    expect(page.locator("#toasts .toast")).to_have_count(0)

    # It was about that form, and the next page knows nothing of it.
    page.reload()
    expect(page.get_by_role("row", name=EMAIL)).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
