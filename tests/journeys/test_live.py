"""The live dot tells the truth."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

pytestmark = [pytest.mark.browser, pytest.mark.once]


@pytest.mark.parametrize("script", ["js/app", "vendor/htmx", "vendor/hx-ws"])
def test_the_dot_is_live_however_late_a_script_arrives(
    page: Page, sign_in: Callable[[Page], Page], script: str
) -> None:
    def late(route: Route) -> None:
        time.sleep(1.5)
        route.continue_()

    page.route(f"**/static/{script}*.js", late)
    sign_in(page)
    expect(page.locator("[data-live-dot]")).to_have_text("live")
