"""A line with 400 ms and 50 KB a second: one sees that it works, and nothing is sent twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.server import Installation

pytestmark = [pytest.mark.browser, pytest.mark.once]

SignIn = Callable[[Page], Page]
LINE = {
    "offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000
}  # fmt: skip
#: A page that is being left can be asked nothing, so it writes down what it shows.
NOTES = """
new MutationObserver((changes) => {
  for (const { target } of changes) {
    if (target.matches?.("[data-loading]") && !target.hidden) sessionStorage.bar = "shown";
    if (target.ariaBusy === "true") sessionStorage.busy = "shown";
  }
}).observe(document, { subtree: true, attributeFilter: ["hidden", "aria-busy"] });
"""
FROM_THE_NETWORK = """
() => performance.getEntriesByType("resource")
  .filter(({ name, transferSize }) => name.includes("/static/") && transferSize > 0)
  .map(({ name }) => name)
"""


@pytest.fixture
def slow(page: Page) -> Iterator[Page]:
    page.add_init_script(NOTES)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", LINE)
    yield page
    session.detach()


def shown(page: Page) -> dict[str, str]:
    """What has been shown since it was asked last."""
    notes: dict[str, str] = page.evaluate(
        "() => { const notes = { ...sessionStorage }; delete sessionStorage.bar;"
        " delete sessionStorage.busy; return notes }"
    )
    return {name: notes[name] for name in ("bar", "busy") if name in notes}


def test_a_slow_line_shows_what_it_does_and_sends_everything_once(
    installation: Installation, slow: Page, sign_in: SignIn, tmp_path: Path
) -> None:
    posts: list[str] = []
    slow.on(
        "request",
        lambda request: posts.append(request.url) if request.method == "POST" else None,
    )
    sign_in(slow)
    assert len(posts) == 1
    assert shown(slow) == {"bar": "shown", "busy": "shown"}

    slow.get_by_role("link", name="Agents", exact=True).click()
    expect(slow.get_by_role("heading", level=1)).to_have_text("Agents")
    assert shown(slow) == {"bar": "shown"}
    # The first page has brought it all, but for what only lists with views need.
    names = [name.rpartition("/")[2] for name in slow.evaluate(FROM_THE_NETWORK)]
    assert names in ([], ["views.js"])

    slow.get_by_label("Find agents").fill("nothing-like-it")
    expect(slow.locator("#agents")).to_contain_text("No agent matches")
    expect(slow.locator("[data-loading]")).to_be_hidden()
    assert shown(slow) == {"bar": "shown", "busy": "shown"}

    slow.goto(f"{installation.url}/agents/new")
    slow.locator("input[name=name]").fill("Far Away")
    slow.locator("textarea[name=instructions]").fill("Be patient.")
    posts.clear()
    slow.get_by_role("button", name="Create agent").dblclick(no_wait_after=True)
    expect(slow.get_by_role("heading", level=1)).to_have_text("Far Away")
    assert len(posts) == 1
    assert shown(slow) == {"bar": "shown", "busy": "shown"}
    assert len(installation.request("GET", "/agents?q=far-away")) == 1

    slow.goto(f"{installation.url}/agents/far-away/ask")
    expect(slow.locator("[data-live-dot]")).to_have_text("live")
    posts.clear()
    slow.get_by_label("Your question").fill("Is anybody there?")
    slow.get_by_label("Your question").press("Enter")
    slow.get_by_label("Your question").press("Enter")
    expect(slow.locator("[data-ask-status]")).not_to_be_empty()
    slow.wait_for_timeout(2_000)
    assert installation.request("GET", "/agents/far-away")["total_queries"] == 1

    path = tmp_path / "far.md"
    path.write_text("# Far\n\n" + "A long way from here. " * 4_000)
    slow.goto(f"{installation.url}/documents/new")
    slow.get_by_label("Files").set_input_files(path)
    slow.get_by_role("button", name="Upload").dblclick(no_wait_after=True)
    expect(slow.get_by_text("completed", exact=False).first).to_be_visible()
    assert shown(slow) == {"bar": "shown", "busy": "shown"}
    found = installation.request("GET", "/documents?q=far")
    assert [document["title"] for document in found] == ["Far"]
