"""What a person likes is on the next page from its first paint on, in every browser of theirs."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.server import Installation

pytestmark = [pytest.mark.browser, pytest.mark.once]


def test_theme_time_zone_and_numbers_are_those_of_the_person(
    installation: Installation, new_page: Callable[[], Page], sign_in: Callable[[Page], Page]
) -> None:
    page = sign_in(new_page())
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Profile")
    page.get_by_label("Name", exact=True).fill("Ada Admin")
    page.get_by_label("Theme").select_option("Dark")
    expect(page.locator("html")).to_have_css("color-scheme", "dark")  # at once, before it is kept
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.get_by_label("Numbers and dates").select_option("de-DE")
    page.get_by_role("button", name="Save profile").click()
    expect(page.locator(".toast")).to_contain_text("Your profile is saved.")

    other = sign_in(new_page())
    expect(other.locator("html")).to_have_css("color-scheme", "dark")
    expect(other.locator(".who")).to_contain_text("Ada Admin · admin")
    moment = other.locator("time[data-relative]").first
    expect(moment).to_have_attribute("title", re.compile(r"^\w+, \d+\. \w+ \d{4} .*GMT\+9$"))
    # A part that arrives is written as the person writes numbers.
    other.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<data value=12345>12,345</data>');"
        "document.dispatchEvent(new CustomEvent('htmx:after:swap'))"
    )
    expect(other.locator("data[value='12345']")).to_have_text("12.345")
    other.goto(f"{installation.url}/settings/profile")
    other.get_by_role("button", name="Sign out all others").click()
    other.get_by_role("dialog").get_by_role("button", name="Sign out all others").click()
    expect(other.locator("#sessions tbody tr")).to_have_count(1)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page.locator("html")).to_have_css("color-scheme", "dark")  # as this browser last was
