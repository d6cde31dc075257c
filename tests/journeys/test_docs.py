"""The API's two readers show all of it, and ask no other host for anything."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.server import Installation

pytestmark = [pytest.mark.browser, pytest.mark.once]

#: readers may treat a local host in a way of their own
HOST = "https://callboard.example"


@pytest.mark.parametrize(
    ("path", "drawn_last"),
    [("/docs", ".opblock-summary"), ("/redoc", "[role=search] input")],
)
def test_a_reader_asks_no_other_host(
    page: Page, installation: Installation, path: str, drawn_last: str
) -> None:
    foreign: list[str] = []

    def serve(route: Route) -> None:
        asked = route.request.url
        if asked.startswith(HOST):
            route.fulfill(response=route.fetch(url=asked.replace(HOST, installation.url)))
        else:
            foreign.append(asked)
            route.abort()

    page.route(lambda url: not url.startswith(("data:", "blob:")), serve)
    page.on("requestfailed", lambda request: foreign.append(request.url))
    page.goto(HOST + path)
    expect(page.locator("#docs")).to_contain_text("Create an agent")
    page.locator(drawn_last).first.wait_for(state="attached")
    page.wait_for_load_state("networkidle")
    assert foreign == []
