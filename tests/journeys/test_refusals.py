"""What is refused is told on the page that it was sent from, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.server import EMAIL, PASSWORD, Installation

pytestmark = [pytest.mark.browser, pytest.mark.once]


SECOND = "second.admin@example.com"


def test_the_last_admin_is_told_on_the_page_that_they_stay(
    installation: Installation,
    page: Page,
    new_page: Callable[[], Page],
    sign_in: Callable[[Page], Page],
) -> None:
    body = {"email": SECOND, "role": "admin", "password": PASSWORD}
    second = installation.request("POST", "/members", body)["id"]
    other = new_page()
    other.goto(f"{installation.url}/sign-in")
    other.get_by_label("E-mail").fill(SECOND)
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("Overview")

    sign_in(page).goto(f"{installation.url}/settings/members")
    # While the page is open, the other one stops being an admin.
    installation.request("PATCH", f"/members/{second}", {"role": "viewer"})
    row = page.get_by_role("row", name=EMAIL)
    row.get_by_label(f"Role of {EMAIL}").select_option("viewer")
    row.get_by_role("button", name="Change").click()
    told = page.get_by_role("alert")
    expect(told).to_contain_text("the only active admin")
    expect(told).to_be_in_viewport()
    # Nothing of the form is left in the row by now; the row itself says why.
    expect(row).to_contain_text("the only one")
    expect(row.get_by_label(f"Role of {EMAIL}")).to_have_count(0)

    # It was about that form, and the next page knows nothing of it.
    page.reload()
    expect(page.get_by_role("row", name=EMAIL)).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
