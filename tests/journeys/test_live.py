"""The live dot tells the truth."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import create_engine, text

from tests.server import Installation, eventually

pytestmark = pytest.mark.browser


@pytest.mark.once
@pytest.mark.parametrize("script", ["js/app", "vendor/htmx", "vendor/hx-ws"])
def test_the_dot_is_live_however_late_a_script_arrives(
    page: Page, sign_in: Callable[[Page], Page], script: str
) -> None:
    def late(route: Route) -> None:
        time.sleep(1.5)
        route.continue_()

    page.route(f"**/static/{script}*.js*", late)
    sign_in(page)
    expect(page.locator("[data-live-dot]")).to_have_text("live")


def test_activity_grows_by_what_is_new_and_misses_nothing(
    page: Page, sign_in: Callable[[Page], Page], installation: Installation
) -> None:
    def make(name: str) -> None:
        installation.request("POST", "/agents", {"name": name, "instructions": "x"})

    sign_in(page)
    expect(page.locator("[data-live-dot]")).to_have_text("live")
    rows = page.locator("#activity-list [data-row]")
    make("First news")
    expect(rows.first).to_contain_text("First news")
    # What happens before the page is connected again is not lost.
    page.evaluate(
        "document.querySelector('[hx-ws\\\\:connect]')._htmx.ws.connection.socket.close()"
    )
    make("Second news")
    expect(rows.first).to_contain_text("Second news")
    for number in range(12):
        make(f"News {number}")
    expect(rows.first).to_contain_text("News 11")
    expect(rows).to_have_count(12)
    ids = rows.evaluate_all("rows => rows.map((row) => Number(row.dataset.row))")
    assert ids == sorted(set(ids), reverse=True)
    # All of it is one actor's, who is named once.
    expect(rows.locator(".actor:visible")).to_have_count(1)


def test_a_page_whose_session_was_ended_elsewhere_is_not_live(
    page: Page, sign_in: Callable[[Page], Page], installation: Installation
) -> None:
    sign_in(page)
    expect(page.locator("[data-live-dot]")).to_have_text("live")
    # Another tab of the same browser signs out.
    page.evaluate(
        """async () => {
          const form = document.querySelector("form[action='/sign-out']");
          await fetch(form.action, { method: "POST", body: new FormData(form) });
        }"""
    )
    expect(page.locator("[data-live-dot]")).to_have_text("not live")


def test_an_open_ask_page_follows_its_agent_being_paused_and_going_on(
    page: Page, sign_in: Callable[[Page], Page], installation: Installation
) -> None:
    made = installation.request(
        "POST", "/agents", {"name": "Night Porter", "handle": "porter", "instructions": "x"}
    )
    sign_in(page).goto(f"{installation.url}/agents/porter/ask")
    expect(page.locator("[data-live-dot]")).to_have_text("live")
    question = page.get_by_label("Your question")
    question.fill("Where is the key?")
    for is_paused in (True, False):
        installation.request("PATCH", f"/agents/{made['agent_id']}", {"paused": is_paused})
        expect(question).to_be_enabled(enabled=not is_paused)
        expect(page.get_by_role("button", name="Ask")).to_be_enabled(enabled=not is_paused)
        sentence = page.get_by_text("Night Porter is paused and answers nobody.")
        expect(sentence).to_be_visible(visible=is_paused)
        expect(page.locator("[data-ask-status]")).to_be_visible(visible=not is_paused)
    expect(question).to_have_value("Where is the key?")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("[data-ask-status]")).not_to_contain_text("Searching")


def test_the_list_of_agents_counts_the_questions_that_come(
    page: Page, sign_in: Callable[[Page], Page], installation: Installation
) -> None:
    installation.request(
        "POST", "/agents", {"name": "Day Porter", "handle": "day-porter", "instructions": "x"}
    )
    sign_in(page).goto(f"{installation.url}/agents?q=day-porter")
    expect(page.locator("[data-live-dot]")).to_have_text("live")
    asked = page.get_by_role("row", name="Day Porter").locator("td[data-label=Questions]")
    for count in ("0", "1", "2"):
        expect(asked).to_have_text(count)
        installation.request("POST", "/agents/day-porter/query", {"query": "Where is the key?"})


def test_a_form_that_was_pushed_can_be_sent(
    page: Page, sign_in: Callable[[Page], Page], installation: Installation
) -> None:
    sign_in(page)
    task_id = installation.request("POST", "/knowledge/index/check")["task_id"]
    eventually(lambda: installation.request("GET", f"/tasks/{task_id}")["completed_at"])
    engine = create_engine(installation.database_url)
    with engine.begin() as connection:
        failed = text("UPDATE tasks SET status = 'failed' WHERE id = :id")
        connection.execute(failed, {"id": task_id})
    engine.dispose()
    page.goto(f"{installation.url}/tasks/{task_id}")
    # The first state has come over the socket: its form brings no token of its own.
    expect(page.locator("#main form input[name=csrf_token]:not([value])")).to_have_count(1)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#main")).to_contain_text("the first try")
