"""A list: rows by keyboard, what is chosen, columns that somebody does not want to see."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.server import Installation

pytestmark = [pytest.mark.browser, pytest.mark.once]

SignIn = Callable[[Page], Page]
COLOUR = "row => getComputedStyle(row).backgroundColor"
LONG = "Garrulous about itself, more than a line has room for, " * 4


@pytest.fixture
def agents(installation: Installation, page: Page, sign_in: SignIn) -> Page:
    body = {"instructions": "Go.", "description": LONG}
    listed = installation.request("GET", "/agents?q=garrulous")
    for name in {"Auk", "Bee", "Cod"} - {agent["name"] for agent in listed}:
        installation.request("POST", "/agents", {"name": name, "handle": name.lower(), **body})
    sign_in(page).goto(f"{installation.url}/agents?sort=name&q=garrulous")
    return page


def test_keys_walk_through_rows_choose_them_and_open_one(agents: Page) -> None:
    for key in "jjk":
        agents.keyboard.press(key)
    expect(agents.get_by_role("link", name="Auk")).to_be_focused()
    row = agents.locator("#agents tbody tr", has_text="Auk")
    colours = [row.evaluate(COLOUR)]
    agents.keyboard.press("x")
    expect(agents.get_by_label("Select Auk")).to_be_checked()
    colours.append(row.evaluate(COLOUR))
    assert colours[0] != colours[1]
    agents.keyboard.press("j")
    agents.keyboard.press("x")
    expect(agents.locator("[data-tick-count]")).to_have_text("2 selected")
    agents.get_by_role("button", name="Clear").click()
    expect(agents.locator("#bulk")).to_be_hidden()
    agents.get_by_role("searchbox", name="Find agents").focus()
    agents.keyboard.press("End")
    agents.keyboard.press("x")
    expect(agents.get_by_role("searchbox", name="Find agents")).to_have_value("garrulousx")
    agents.keyboard.press("Backspace")
    expect(agents.locator("#agents tbody tr")).to_have_count(3)
    agents.get_by_role("link", name="Auk").focus()
    agents.keyboard.press("j")
    agents.keyboard.press("Enter")
    expect(agents.get_by_role("heading", level=1)).to_have_text("Bee")


def test_rows_are_of_one_line_each_and_no_word_is_broken(
    agents: Page, installation: Installation
) -> None:
    agents.set_viewport_size({"width": 1440, "height": 900})
    # One that runs in both environments says both, and is no higher for it.
    for environment in ("staging", "production"):
        body = {"environment": environment}
        installation.request("POST", "/agents/auk/versions/1/publish", body)
    expect(agents.locator("#agents tbody tr").first.locator(".badge")).to_have_count(2)
    heights = agents.locator("#agents tbody tr").evaluate_all(
        "rows => rows.map(r => r.offsetHeight)"
    )
    assert heights == [44, 44, 44]
    assert agents.locator("th", has_text="Name").get_attribute("aria-sort") == "ascending"
    # The head stays in sight while one reads on.
    agents.set_viewport_size({"width": 1440, "height": 220})
    agents.locator("#agents tbody tr").last.scroll_into_view_if_needed()
    box = agents.locator("th", has_text="Name").bounding_box()
    assert box
    assert box["y"] == 0


def test_a_column_that_is_not_wanted_stays_away(agents: Page, installation: Installation) -> None:
    expect(agents.get_by_role("columnheader", name="Model")).to_be_visible()
    agents.locator("summary", has_text="Columns").click()
    agents.get_by_role("checkbox", name="Model").uncheck()
    expect(agents.get_by_role("columnheader", name="Model")).to_have_count(0)
    agents.goto(f"{installation.url}/agents")
    expect(agents.get_by_role("columnheader", name="Release")).to_be_visible()
    expect(agents.get_by_role("columnheader", name="Model")).to_have_count(0)
    expect(agents.locator("td[data-label=Model]")).to_have_count(0)
    agents.locator("summary", has_text="Columns").click()
    agents.get_by_role("checkbox", name="Model").check()
    expect(agents.get_by_role("columnheader", name="Model")).to_be_visible()


def test_a_handle_stays_in_its_row_beside_a_long_name(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    handle = "wide-handles-of-agents-that-are-told-apart-by-them"
    for name, own in (("Of a wide name, " * 6, handle), ("Wide name too", "wide-2")):
        body = {"name": name, "handle": own, "instructions": "Go.", "description": LONG}
        installation.request("POST", "/agents", body)
    sign_in(page).goto(f"{installation.url}/agents?q=wide")
    cell = page.locator("#agents td.title", has_text="Of a wide name")
    shown = cell.locator(".handle")
    width, inner = shown.evaluate("at => [at.clientWidth, at.scrollWidth]")
    assert 60 <= width < inner
    assert shown.evaluate("at => getComputedStyle(at).textOverflow") == "ellipsis"
    row, mark = cell.bounding_box(), shown.bounding_box()
    assert row
    assert mark
    assert mark["x"] + mark["width"] <= row["x"] + row["width"]
    short = page.locator("#agents .handle", has_text="wide-2")
    assert short.evaluate("at => at.scrollWidth <= at.clientWidth")
    page.set_viewport_size({"width": 390, "height": 844})
    assert shown.evaluate("at => at.scrollWidth <= at.clientWidth")
    expect(shown).to_have_text(handle)


def test_a_long_name_takes_a_second_line_before_its_end_is_cut(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    names = [f"Zugverkehrsdatenschutzbeauftragtenvertretung, Bereich {n}" for n in (1, 2)]
    names += ["Zugbegleiter", f"Zug{'s' * 197}"]
    for at, name in enumerate(names):
        body = {"name": name, "handle": f"zug-{at}", "instructions": "Go.", "description": LONG}
        installation.request("POST", "/agents", body)
    page.set_viewport_size({"width": 1440, "height": 900})
    sign_in(page).goto(f"{installation.url}/agents?q=zug&sort=created_at")
    titles = page.locator("#agents .row-title")
    expect(titles).to_have_count(4)
    shown = "all => all.map(at => [at.clientHeight, at.scrollHeight <= at.clientHeight])"
    (first, is_whole), second, (line, is_short_whole), (most, is_longest_whole) = (
        titles.evaluate_all(shown)
    )
    assert [first, is_whole] == second == [2 * line, True]
    assert (is_short_whole, most, is_longest_whole) == (True, 2 * line, False)
    assert (
        page.locator("#agents tr", has_text="Zugbegleiter").evaluate("at => at.offsetHeight") == 44
    )
    page.set_viewport_size({"width": 390, "height": 844})
    *_, (line, _), (most, is_longest_whole) = titles.evaluate_all(shown)
    assert (most, is_longest_whole) == (3 * line, False)
    page.goto(f"{installation.url}/agents/zug-3")
    height, size = page.get_by_role("heading", level=1).evaluate(
        "at => [at.clientHeight, parseFloat(getComputedStyle(at).fontSize)]"
    )
    assert 2.5 * size < height < 5 * size
