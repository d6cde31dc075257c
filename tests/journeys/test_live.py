"""The live dot tells the truth."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.browser


def test_the_dot_is_live_however_late_the_page_s_own_script_arrives(
    page: Page, sign_in: Callable[[Page], Page]
) -> None:
    def late(route: Route) -> None:
        time.sleep(1.5)
        route.continue_()

    page.route("**/static/js/app.js", late)
    sign_in(page)
    expect(page.locator("[data-live-dot]")).to_have_text("live")
