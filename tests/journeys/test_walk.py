"""Every page, empty and filled, light and dark, at a desk and on a phone: nobody is kept out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.database import new_database
from tests.journeys.conftest import sign_in_at
from tests.journeys.filled import fill
from tests.journeys.walking import BROKEN, CUTS, WATCHES, Visit, is_page, list_pages, look_at, visit
from tests.server import Installation

pytestmark = [pytest.mark.browser, pytest.mark.once]

#: each with much text in little room; whether it says so
BOXES = [
    ("overflow: hidden; white-space: nowrap", False),
    ("overflow: clip; white-space: nowrap", False),
    ("overflow: hidden; white-space: nowrap; text-overflow: ellipsis", True),
    ("overflow: hidden; height: 20px", False),
    ("overflow: hidden; height: 20px; mask-image: linear-gradient(#000, transparent)", True),
    (
        "overflow: hidden; display: -webkit-box; -webkit-box-orient: vertical; "
        "-webkit-line-clamp: 1",
        True,
    ),
    ("overflow: auto; height: 20px", False),
    ("overflow: auto; height: 20px; background: linear-gradient(#000, #fff)", True),
    ("position: absolute; left: -50px", False),
    ("white-space: normal", True),
]
MAX_HTML_BYTES = 200_000
MAX_SCRIPT_BYTES = 60_000
MAX_SHIFT = 0.02


@pytest.fixture(scope="module")
def running(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation in which nobody has put anything yet, with its style guide."""
    running = Installation(tmp_path_factory.mktemp("walk"), new_database(database_url))
    running.environment |= {"FLASK_DEBUG": "1", "CALLBOARD_RATE_LIMIT": "100000"}
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def page(chromium: Browser, running: Installation) -> Iterator[Page]:
    context = chromium.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.add_init_script(WATCHES)
    sign_in_at(running.url, page)
    yield page
    context.close()


@pytest.fixture(scope="module", params=["empty", "filled"])
def visits(request: pytest.FixtureRequest, running: Installation, page: Page) -> list[Visit]:
    """All pages: first of the empty installation, then of the filled one."""
    is_filled = request.param == "filled"
    things = fill(running) if is_filled else {}
    paths = [path for path in list_pages(running, things) if is_page(page, running.url + path)]
    assert len(paths) > (40 if is_filled else 15)
    return [visit(page, running.url, path, is_phone_too=is_filled) for path in paths]


def test_axe_finds_nothing_serious_on_any_page(visits: list[Visit]) -> None:
    look_for(lambda met: met.findings, visits)


def test_nothing_moves_while_a_page_loads(visits: list[Visit]) -> None:
    moved = {
        f"{met.path} at {width}: {shift:.3f}": whose
        for met in visits
        for width, (shift, whose) in met.shifts.items()
        if shift > MAX_SHIFT
    }
    assert not moved, said(moved)


def test_no_page_scrolls_sideways_on_a_phone(visits: list[Visit]) -> None:
    assert not {met.path: met.excess for met in visits if met.excess > 0}


def test_nothing_is_cut_without_a_sign(visits: list[Visit]) -> None:
    look_for(lambda met: met.cuts, visits)


def test_no_word_is_broken(visits: list[Visit]) -> None:
    look_for(lambda met: met.broken, visits)


def test_one_goes_from_page_to_page_in_one_frame(visits: list[Visit]) -> None:
    assert len({met.frame["width"] for met in visits}) == 1
    assert not any(met.frame["isLiveInCrumbs"] for met in visits)
    assert all(met.frame["tabs"] for met in visits if met.path.startswith("/settings"))
    # Whether a page is a tab or stands below one.
    agent = [met for met in visits if met.path.startswith("/agents/tea-expert")]
    of_it = [met.frame for met in agent]
    assert {(frame["heading"], frame["tabs"]) for frame in of_it} <= {("Tea-Expert", "Agent")}


def test_no_page_and_no_script_is_heavy(visits: list[Visit]) -> None:
    assert not {met.path: met.html_bytes for met in visits if met.html_bytes > MAX_HTML_BYTES}
    heavy = {met.path: met.script_bytes for met in visits if met.script_bytes > MAX_SCRIPT_BYTES}
    assert not heavy


def test_what_is_cut_without_a_sign_would_be_seen(new_page: Callable[[], Page]) -> None:
    page = new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    for style, says_so in BOXES:
        words = "Much more is said here than there is room for. " * 4
        page.set_content(f'<main><p style="width: 120px; {style}">{words}</p></main>')
        assert (not page.evaluate(CUTS)) is says_so, style
    page.set_content('<svg width="80"><text x="60" y="20">Beyond its picture</text></svg>')
    assert page.evaluate(CUTS)
    page.set_content("<p style='width: 40px; overflow-wrap: anywhere'>extractive")
    assert page.evaluate(BROKEN)
    page.set_content("<p style='width: 40px'>extractive one<p style='width: 40px'>tea-expert")
    assert not page.evaluate(BROKEN)
    page.set_content("<input placeholder='Find agents by name, model, tool or modality'>")
    assert page.evaluate(CUTS)


def look_for(faults: Callable[[Visit], Mapping[Any, list[str]]], visits: list[Visit]) -> None:
    """Fail where a visit has met any of these faults, which it has by look or by width."""
    found = {
        f"{met.path} ({look})": findings
        for met in visits
        for look, findings in faults(met).items()
        if findings
    }
    assert not found, said(found)


def said(found: dict[str, list[str]]) -> str:
    return "\n".join(f"{place}\n    " + "\n    ".join(lines) for place, lines in found.items())


def test_axe_finds_nothing_serious_before_one_is_signed_in(
    running: Installation, new_page: Callable[[], Page]
) -> None:
    page = new_page()
    page.add_init_script(WATCHES)
    paths = ("/sign-in", "/setup", "/password", "/nothing-here")
    look_for(lambda met: met.findings, [visit(page, running.url, path) for path in paths])


def test_what_opens_over_a_page_keeps_nobody_out(running: Installation, page: Page) -> None:
    agent = {"name": "Opened Over", "handle": "opened-over", "instructions": "Be there."}
    running.request("POST", "/agents", agent)
    found = {}
    page.goto(f"{running.url}/agents?q=opened")
    page.get_by_label("Select Opened Over").check()
    expect(page.locator("[data-tick-count]")).to_have_text("1 selected")
    found["bar of a selection"] = look_at(page)
    page.keyboard.press("Control+k")
    page.keyboard.type("opened")
    expect(page.locator("dialog.palette [role=option]").first).to_be_visible()
    found["palette"] = look_at(page)
    page.goto(f"{running.url}/agents/opened-over/settings")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("dialog", name="Delete Opened Over?")).to_be_visible()
    found["question"] = look_at(page)
    page.goto(f"{running.url}/documents")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    found["keys"] = look_at(page)
    page.goto(f"{running.url}/agents/new")
    page.get_by_label("Name", exact=True).fill("Refused")
    page.get_by_label("Instructions", exact=True).fill("Go.")
    page.get_by_label("Handle", exact=True).fill("opened-over")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".error-summary")).to_be_visible()
    found["refused form"] = look_at(page)
    text = (
        "## How lids open\n\nA lid is `opened` over a pot.\n\n| lid | pot |\n|---|---|\n| 1 | 2 |"
    )
    running.request("POST", "/documents", {"title": "Lids", "content": text})
    page.goto(f"{running.url}/agents/opened-over/ask")
    expect(page.locator("[data-live-dot]")).to_have_text("live")
    page.get_by_label("Your question").fill("How is a lid opened?")
    page.keyboard.press("Enter")
    expect(page.locator(".result").first).to_contain_text("over a pot")
    found["answers"] = look_at(page)
    agents = [{**agent, "handle": f"opened-{number}"} for number in range(120)]
    page.goto(f"{running.url}/agents/import")
    page.get_by_label("Or the text").fill(json.dumps({"agents": agents}))
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check the import")
    found["import"] = look_at(page)
    found = {place: findings for place, findings in found.items() if findings}
    assert not found, said(found)


def test_a_page_is_right_before_any_script_has_run(
    running: Installation, chromium: Browser, page: Page
) -> None:
    """What scripts would change after the first paint would be seen as a flash."""
    agent = {"name": "Early", "handle": "early", "instructions": "Be there."}
    running.request("POST", "/agents", agent)
    state = page.context.storage_state()
    context = chromium.new_context(
        java_script_enabled=False, storage_state=state, color_scheme="dark"
    )
    early = context.new_page()
    early.goto(f"{running.url}/agents")
    expect(early.locator("[data-live-dot]")).to_be_empty()
    expect(early.locator("main time").first).to_have_text(re.compile(r" (sec|min)\. ago|^now$"))
    icons = early.locator(".nav svg")
    assert icons.count() == early.locator(".nav a").count()
    drawn = [icon.locator("use").get_attribute("href") for icon in icons.all()]
    assert all(early.locator(f"symbol{name}").count() == 1 for name in drawn)
    expect(early.locator("html")).to_have_attribute("data-theme", "system")
    dark = early.screenshot(clip={"x": 700, "y": 600, "width": 8, "height": 8})
    early.emulate_media(color_scheme="light")
    assert early.screenshot(clip={"x": 700, "y": 600, "width": 8, "height": 8}) != dark
    context.close()
