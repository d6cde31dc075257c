"""Graphs, charts and maps: what pointing and the keyboard bring out of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.server import Installation, eventually

pytestmark = [pytest.mark.browser, pytest.mark.once]

SignIn = Callable[[Page], Page]


def test_a_chart_tells_what_is_pointed_at_and_lists_it(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    installation.request("POST", "/agents", {
        "name": "Pictured", "handle": "pictured", "instructions": "Do.",
    })  # fmt: skip
    sign_in(page).goto(f"{installation.url}/?range=24h")
    expect(page.locator("[data-live-dot]")).to_have_text("live")
    # Others may have asked here before.
    legend = page.locator("#questions figcaption")
    before = int(legend.inner_text().split()[1].replace(",", "")) if legend.count() else 0
    # Who looks sees the first question come, in the range that is chosen.
    installation.request("POST", "/agents/pictured/query", {"query": "Who is there?"})
    expect(page.locator("#questions-chart canvas")).to_be_visible()
    expect(legend).to_have_text(f"Questions {before + 1:,} in 24 hours")
    # The chart's own one, which says nothing while nothing is pointed at, is not there.
    expect(page.locator(".u-legend")).to_have_count(0)
    over = page.locator("#questions .u-over")
    box = over.bounding_box()
    assert box is not None
    over.hover(position={"x": box["width"] - 2, "y": 20})
    tip = page.locator(".chart-tip b")
    expect(tip).to_be_visible()
    latest = int(tip.inner_text())
    assert latest > 0
    table = page.get_by_role("region", name="Questions, as a table")
    page.locator("#questions summary").focus()
    page.keyboard.press("Enter")
    expect(table.locator("tbody tr")).to_have_count(96)
    counts = table.locator("tbody tr td:last-child")
    # The quarter of an hour that is pointed at may be over by now.
    assert str(latest) in counts.all_inner_texts()
    installation.request("POST", "/agents/pictured/query", {"query": "And who else?"})
    eventually(lambda: sum(int(count) for count in counts.all_inner_texts()) == before + 2)


def test_what_is_said_in_a_box_stays_in_it(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    """A name is as wide as its letters are, which nobody can tell by counting them."""
    names = {
        "boxed-wide": "WWWW MMMM WWWW MMMM WWWW",
        "boxed-long": "Illiteracy of lilies, 2nd ed.",
    }
    for handle, name in names.items():
        installation.request("POST", "/agents", {
            "name": name, "handle": handle, "instructions": "Do.",
            "handoff_targets": ["boxed-wide"] if handle == "boxed-long" else [],
        })  # fmt: skip
    sign_in(page).goto(f"{installation.url}/agents/handoffs")
    for name in names.values():
        box = page.locator(".graph a", has_text=name)
        edge = box.locator("rect").bounding_box()
        assert edge
        for said in box.locator("div, text").all():
            place = said.bounding_box()
            assert place
            assert place["x"] + place["width"] < edge["x"] + edge["width"]
            assert said.evaluate("element => getComputedStyle(element).textOverflow") == "ellipsis"


def test_a_box_with_the_focus_brings_out_its_arrows(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    for handle, targets in (("end", []), ("between", ["end"]), ("begin", ["between", "end"])):
        installation.request("POST", "/agents", {
            "name": handle.title(), "handle": handle, "instructions": "Do.",
            "handoff_targets": targets,
        })  # fmt: skip
    sign_in(page).goto(f"{installation.url}/agents/handoffs")
    chosen, box = page.locator(".arrow.chosen"), page.locator(".graph a", has_text="Between")
    expect(page.locator(".graph svg")).to_be_visible()
    expect(chosen).to_have_count(0)
    box.focus()
    expect(chosen).to_have_count(2)
    page.keyboard.press("Shift+Tab")
    expect(page.locator(".has-chosen .near")).to_have_count(3)
    box.hover()
    expect(chosen).to_have_count(2)
    page.locator("h1").hover()
    expect(chosen).to_have_count(0)
    # On a phone the picture pans, and the list beside it has all of it.
    page.set_viewport_size({"width": 390, "height": 800})
    graph = page.locator(".graph")
    graph.focus()
    page.keyboard.press("ArrowRight")
    eventually(lambda: graph.evaluate("graph => graph.scrollLeft") > 0)
    expect(page.locator("#handoff-list")).to_contain_text("Between")
