"""The first day of an installation, in a real Chromium: from the one-time link to an answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.server import PASSWORD, Installation

pytestmark = pytest.mark.browser


def test_from_the_one_time_link_to_a_streamed_answer(
    first_start: Installation, page: Page, tmp_path: Path
) -> None:
    first_start.start()
    link = re.search(r"http\S+/setup\?token=\S+", first_start.output())
    assert link
    page.goto(first_start.url)
    sentence = page.locator("p.notice")
    expect(sentence).to_contain_text("Open the link that make run has printed")
    expect(sentence).to_have_css("display", "block")  # as a grid it would break around its code
    page.goto(link[0])
    page.get_by_label("Your e-mail").fill("admin@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("With sample data").uncheck()
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.locator("[data-live-dot]")).to_have_text("live")

    files = []
    for name, text in (("tea", "Green tea wants water of 80 degrees."), ("oak", "Oaks grow old.")):
        path = tmp_path / f"{name}.md"
        path.write_text(f"# All about {name}\n\n## Details\n\n{text}\n")
        files.append(path)
    page.get_by_role("link", name="Add documents").click()
    page.get_by_label("Files").set_input_files(files)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Import 2 files")
    expect(page.get_by_text("completed", exact=True)).to_be_visible()

    page.get_by_role("link", name="Agents", exact=True).click()
    page.get_by_role("link", name="Define the first agent").click()
    page.get_by_label("Name", exact=True).fill("Gardener")
    page.get_by_label("Instructions").fill("Answer from the documents.")
    page.get_by_role("button", name="Create agent").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Gardener")

    page.locator("main").get_by_role("link", name="Ask").first.click()
    expect(page.locator("[data-live-dot]")).to_have_text("live")
    page.get_by_label("Your question").fill("How hot is the water for tea?")
    page.get_by_role("button", name="Ask", exact=True).click()
    best = page.locator(".result").first
    expect(best.locator("h2")).to_have_text("All about tea")
    expect(best.locator("mark").first).to_have_text("tea")
    expect(page.locator("[data-ask-status]")).to_contain_text("passages in")

    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Go to").fill("oak")
    expect(page.locator(".palette [role=option]").first).to_contain_text("All about oak")
    page.get_by_role("combobox", name="Go to").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("All about oak")
    page.goto(link[0])
    expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
