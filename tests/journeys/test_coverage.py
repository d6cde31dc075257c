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
