"""The live dot tells the truth."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.server import Installation

pytestmark = [pytest.mark.browser, pytest.mark.once]


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
