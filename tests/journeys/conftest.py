"""Chromium for the journeys. What a page logs as an error fails the test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.server import EMAIL, PASSWORD, Installation

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)
expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser a file: while it is open its loop runs in this thread, where no other can."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "The journeys need Chromium on the PATH (Debian: apt-get install chromium)."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[Callable[[], Page]]:
    """Makes the first page of another browser: cookies and storage of its own."""
    contexts, flaws = [], []

    def make() -> Page:
        context = chromium.new_context()
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: flaws.append(str(error)))
        page.on(
            "console",
            lambda message: flaws.append(message.text) if message.type == "error" else None,
        )
        return page

    yield make
    for context in contexts:
        context.close()
    # An expected 4xx is reported by Chromium as an error of its own.
    assert not [flaw for flaw in flaws if "Failed to load resource" not in flaw]


@pytest.fixture
def page(new_page: Callable[[], Page]) -> Page:
    return new_page()


@pytest.fixture
def sign_in(installation: Installation) -> Callable[[Page], Page]:
    """Signs a page in as the installation's admin."""
    return partial(sign_in_at, installation.url)


def sign_in_at(url: str, page: Page) -> Page:
    """Sign a page in as the admin of the installation at `url`."""
    page.goto(f"{url}/sign-in")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    # The page's keys are there when its scripts have run, which is before this event.
    page.wait_for_load_state("domcontentloaded")
    return page
