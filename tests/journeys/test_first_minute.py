"""From the first command on an empty folder to a streamed answer from one's own text.

The goal is a minute on a fresh machine; how long it took is printed (`pytest -s`), not asserted,
because a machine of tests is busy with others. Installing what Callboard needs is not a part of it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from tests.server import Installation

pytestmark = pytest.mark.browser

TEXT = "# The lift\n\nMia repairs the lift on weekdays. Her number is on the board in the hall."


@contextmanager
def timed(what: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    print(f"{time.monotonic() - started:6.1f} s  {what}")


def test_from_the_first_command_to_an_answer_from_ones_own_text(
    first_start: Installation, page: Page
) -> None:
    with timed("in all, from the first command to the answer"):
        with timed("until it is ready"):
            first_start.start()
        with timed("until the first page"):
            open_first_page(first_start, page)
        with timed("the three steps, ticked as they are taken"):
            ask_sample_agent(page)
            paste_own_text(page)
            make_agent(page)
        with timed("until the answer"):
            ask_own_agent(page)
    page.locator(".nav").get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.locator("#first-steps")).to_be_hidden()


def open_first_page(installation: Installation, page: Page) -> None:
    page.goto(installation.url)
    expect(page.get_by_label("E-mail")).to_be_focused()
    expect(page.locator("p.notice")).to_contain_text("the link that make run has printed")
    link = re.search(r"http\S+/setup\?token=\S+", installation.output())
    assert link
    page.goto(link[0])
    expect(page.get_by_label("Your e-mail")).to_be_focused()
    page.keyboard.type("ada@example.com")
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse battery")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.get_by_text("no language model is called")).to_be_visible()
    expect(page.locator(".step")).to_have_count(3)
    expect(page.locator(".step.done")).to_have_count(0)


def ask_sample_agent(page: Page) -> None:
    page.get_by_role("link", name="Ask “How do I rotate an API key?”").click()
    question = page.get_by_label("Your question")
    expect(question).to_have_value("How do I rotate an API key?")
    expect(question).to_be_focused()
    expect(page.locator("[data-live-dot]")).to_have_text("live")
    page.keyboard.press("Enter")
    expect(page.locator(".result").first).to_contain_text("Rotate an API key")
    page.locator(".nav").get_by_role("link", name="Overview").click()
    expect(page.locator(".step.done")).to_have_count(1)


def paste_own_text(page: Page) -> None:
    page.get_by_label("Paste a text").fill(TEXT)
    page.get_by_role("button", name="Add text").click()
    expect(page.locator(".toast")).to_contain_text("“The lift” is ready.")
    expect(page.locator(".step.done")).to_have_count(2)


def make_agent(page: Page) -> None:
    page.get_by_role("link", name="Make an agent").click()
    page.get_by_label("Name", exact=True).fill("Caretaker")
    page.get_by_label("Instructions").fill("Answer from the documents.")
    page.get_by_role("button", name="Create agent").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Caretaker")


def ask_own_agent(page: Page) -> None:
    page.locator("main").get_by_role("link", name="Ask").first.click()
    expect(page.locator("[data-live-dot]")).to_have_text("live")
    page.get_by_label("Your question").fill("Who repairs the lift?")
    page.keyboard.press("Enter")
    best = page.locator(".result").first
    expect(best).to_contain_text("The lift")
    expect(best).to_contain_text("Mia repairs the lift")
    expect(page.locator("[data-ask-status]")).to_contain_text("passage")
