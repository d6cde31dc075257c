"""The coverage page while documents come in: it moves by itself."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.server import Installation, eventually

pytestmark = pytest.mark.browser

SignIn = Callable[[Page], Page]


def test_coverage_moves_while_an_import_runs(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    nodes = [{"path": ["Baking", name], "target_documents": 100} for name in ("Bread", "Cake")]
    grown = installation.request("POST", "/taxonomies", {"version": "0.7.0", "nodes": nodes})
    root = next(node for node in grown["nodes"] if not node["parent_ids"])
    agent = installation.request("POST", "/agents/from-taxonomy", {
        "name": "Baker", "handle": "baker",
        "taxonomy_version": "0.7.0", "taxonomy_node_ids": [root["node_id"]],
    })  # fmt: skip
    sign_in(page).goto(f"{installation.url}/agents/baker/coverage")
    expect(page.locator("[data-live-dot]")).to_have_text("live")
    bread = page.locator(".coverage-tree li", has_text="Bread").last
    expect(bread).to_contain_text("0 / 100")

    lines = "\n".join(
        json.dumps(
            {
                "title": f"Bread {number}",
                "content": "Flour, water, salt and time. " * 20,
                "nodes": [["Baking", "Bread"]],
                "version": "0.7.0",
            }
        )
        for number in range(100)
    )
    installation.request("POST", "/documents/import", lines.encode(), "application/x-ndjson")
    # Nobody touches the page: figures, tree and gaps follow the import.
    expect(bread).to_contain_text("100 / 100", timeout=60_000)
    expect(page.locator("#gaps")).to_contain_text("2 below")

    page.get_by_role("button", name="Refresh coverage").click()
    path = f"/agents/{agent['agent_id']}/coverage/history"
    eventually(lambda: _last_kept(installation, path) == 100)


def _last_kept(installation: Installation, path: str) -> int | None:
    history = installation.request("GET", path)["history"]
    return history[0]["total_documents"] if history else None


@pytest.mark.once
def test_parts_of_the_page_stand_close_and_a_phone_is_told_where_the_map_goes_on(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    nodes = [{"path": ["Sailing", f"Knot {number}"]} for number in range(12)]
    grown = installation.request("POST", "/taxonomies", {"version": "0.8.0", "nodes": nodes})
    root = next(node for node in grown["nodes"] if not node["parent_ids"])
    installation.request("POST", "/agents/from-taxonomy", {
        "name": "Sailor", "handle": "sailor",
        "taxonomy_version": "0.8.0", "taxonomy_node_ids": [root["node_id"]],
    })  # fmt: skip
    sign_in(page).set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{installation.url}/agents/sailor/coverage")
    page.get_by_role("button", name="Topics below Sailing").click()
    expect(page.locator(".coverage-tree .twig").last).to_be_hidden()
    # Topics are few now, and gaps many: what follows the topics comes right after them.
    cards = page.locator("#coverage .split > .stack").first.locator("> .card")
    topics, history = (cards.nth(number).bounding_box() for number in range(2))
    gaps = page.locator("#gaps").bounding_box()
    assert topics and history and gaps
    assert gaps["height"] > topics["height"] + 200
    assert 0 < history["y"] - topics["y"] - topics["height"] < 30

    told = page.get_by_text("It goes on to the right")
    expect(told).to_be_hidden()
    page.set_viewport_size({"width": 390, "height": 800})
    expect(told).to_be_visible()
    assert page.locator(".map").evaluate("map => map.scrollWidth > map.clientWidth")
