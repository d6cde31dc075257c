"""An agent is run from its page, and one watches it there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.server import Installation

pytestmark = [pytest.mark.browser, pytest.mark.once]


def test_one_runs_an_agent_and_watches_it_to_its_end(
    installation: Installation, page: Page, sign_in: Callable[[Page], Page]
) -> None:
    installation.request(
        "POST", "/documents", {"title": "Medlars", "content": "Medlars are eaten when soft."}
    )
    body = {"name": "Orchardist", "handle": "orchardist", "instructions": "Help."}
    installation.request("POST", "/agents", body)

    sign_in(page).goto(f"{installation.url}/agents/orchardist")
    page.get_by_role("link", name="Run", exact=True).click()
    page.get_by_label("Prompt").fill("When are medlars eaten?")
    page.get_by_role("button", name="Run", exact=True).click()

    expect(page.get_by_role("heading", level=1)).to_have_text("When are medlars eaten?")
    expect(page.locator(".status").first).to_have_text("completed")
    expect(page.locator(".rendered")).to_contain_text("Medlars are eaten when soft.")
    # The log is fetched again by itself, to its closing line.
    expect(page.locator(".log li").last).to_contain_text("end")
    page.get_by_label("Level").select_option("error")
    expect(page.get_by_text("No line matches.")).to_be_visible()
    page.get_by_role("link", name="Medlars").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Medlars")


def test_who_was_offline_sees_what_has_happened_and_a_question_comes_before_the_end(
    installation: Installation, page: Page, sign_in: Callable[[Page], Page]
) -> None:
    body = {"name": "Pruner", "handle": "pruner", "instructions": "Help."}
    installation.request("POST", "/agents", body)
    installation.request("PATCH", "/agents/pruner", {"paused": True})
    made = [
        installation.request("POST", "/agents/pruner/execute", {"input": f"Tree {number}"})["id"]
        for number in range(2)
    ]

    sign_in(page).goto(f"{installation.url}/executions/{made[0]}")
    expect(page.locator("[data-live-dot]")).to_have_text("live")
    expect(page.get_by_text("Its agent is paused")).to_be_visible()
    page.context.set_offline(True)
    installation.request("POST", f"/executions/{made[0]}/cancel")
    page.context.set_offline(False)
    expect(page.locator(".status").first).to_have_text("cancelled")

    page.goto(f"{installation.url}/executions/{made[1]}")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_contain_text("Stop “Tree 1”?")
    page.get_by_role("button", name="Stop execution").click()
    expect(page.locator(".status").first).to_have_text("cancelled")
