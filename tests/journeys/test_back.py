"""Back and reload after a refused form, in a real Chromium, which sends no form by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.server import EMAIL, PASSWORD, Installation

pytestmark = [pytest.mark.browser, pytest.mark.once]


def test_back_to_a_refused_form_opens_the_page_of_the_form(
    installation: Installation, page: Page, sign_in: Callable[[Page], Page]
) -> None:
    sign_in(page).goto(f"{installation.url}/agents/new")
    page.get_by_label("Name", exact=True).fill("Gardener")
    page.get_by_label("Handle").fill("Not a handle")
    page.get_by_label("Instructions").fill("Answer from the documents.")
    page.get_by_role("button", name="Create agent").click()
    expect(page.get_by_label("Handle")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Gardener")
    assert page.url == f"{installation.url}/agents/new"

    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Agents")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("New agent")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("New agent")


def test_back_to_a_refused_sign_in_opens_the_sign_in(
    installation: Installation, page: Page
) -> None:
    page.goto(f"{installation.url}/sign-in?next=/agents")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill("a wrong password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.goto(f"{installation.url}/health")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sign in")
    assert page.url == f"{installation.url}/sign-in?next=/agents"


def test_who_comes_next_at_the_browser_finds_no_text_of_who_was_there(
    installation: Installation, page: Page, sign_in: Callable[[Page], Page]
) -> None:
    next_one = "next.at.browser@example.com"
    body = {"email": next_one, "role": "admin", "password": PASSWORD}
    member = installation.request("POST", "/members", body)["id"]
    name = page.get_by_label("Name", exact=True)
    sign_in(page).goto(f"{installation.url}/agents/new")
    name.fill("A draft of my own")
    page.goto(f"{installation.url}/tasks")
    # One's own text is there again on the way back.
    page.go_back()
    expect(name).to_have_value("A draft of my own")
    page.goto(f"{installation.url}/tasks")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sign in")
    page.goto(f"{installation.url}/sign-in")
    page.get_by_label("E-mail").fill(next_one)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.evaluate(
        """() => {
          const isForm = ({ url }) => url.endsWith("/agents/new");
          navigation.traverseTo(navigation.entries().find(isForm).key);
        }"""
    )
    expect(page.get_by_role("heading", level=1)).to_have_text("New agent")
    expect(page.get_by_text(next_one)).to_be_visible()
    expect(name).to_have_value("")
    # Other tests count the admins.
    installation.request("PATCH", f"/members/{member}", {"role": "viewer"})
