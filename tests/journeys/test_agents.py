"""The agents' pages as people use them: two at once, live, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.server import Installation

pytestmark = pytest.mark.browser

SignIn = Callable[[Page], Page]


def make(installation: Installation, handle: str, **fields: object) -> str:
    body = {"name": handle.title(), "handle": handle, "instructions": "Help.", **fields}
    agent = installation.request("POST", "/agents", body)
    return f"{installation.url}/agents/{agent['handle']}"


@pytest.mark.once
def test_agents_deleted_together_can_be_brought_back_as_long_as_the_page_is_open(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    for name in ("undone-first", "undone-second"):
        make(installation, name)
    sign_in(page).goto(f"{installation.url}/agents?q=undone")
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete 2 agents").click()
    toast = page.locator(".toast", has_text="2 agents deleted.")
    expect(toast).to_be_visible()
    # A toast that says no more than what is done is marked to leave; this one waits.
    assert toast.get_attribute("data-leaving") is None
    toast.get_by_role("button", name="Undo").press("Enter")
    toast = page.locator(".toast", has_text="2 agents restored.")
    expect(toast).to_have_attribute("data-leaving", "")
    page.goto(f"{installation.url}/agents?q=undone")
    expect(page.locator("#agents tbody tr")).to_have_count(2)


@pytest.mark.once
def test_a_phone_marks_no_view_of_a_comparison_that_it_does_not_show(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    url = make(installation, "narrow", instructions="One.")
    installation.request("PUT", "/agents/narrow", {"instructions": "Two."})
    sign_in(page).goto(f"{url}/versions/compare?from=1&to=2")
    views = page.get_by_role("navigation", name="View", exact=True)
    expect(views.get_by_role("link", name="Split")).to_have_attribute("aria-current", "true")
    page.set_viewport_size({"width": 390, "height": 800})
    expect(views).to_be_hidden()
    expect(page.locator(".diff")).to_be_visible()


@pytest.mark.once
def test_the_activity_shows_the_whole_name_of_a_thing(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    name = "An agent that says in its name at length what it is for, and that it goes on"
    make(installation, "wordy", name=name)
    installation.request(
        "POST", "/agents/wordy/versions/1/publish", {"environment": "staging", "semver": "1.0.0"}
    )
    sign_in(page)
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(installation.url)
        entry = page.locator("#activity .what", has_text="published").filter(has_text=name).first
        expect(entry).to_be_visible()
        assert entry.evaluate(
            "what => what.scrollWidth <= what.clientWidth"
            " && getComputedStyle(what).textOverflow === 'clip'"
        )


def test_two_who_edit_the_same_agent_lose_nothing(
    installation: Installation, new_page: Callable[[], Page], sign_in: SignIn
) -> None:
    url = make(installation, "shared", instructions="Greet.\nAsk.\nAnswer.\nLeave.")
    first, second = sign_in(new_page()), sign_in(new_page())
    for page in (first, second):
        page.goto(f"{url}/edit")
        expect(page.locator("[data-live-dot]")).to_have_text("live")

    second.get_by_label("Instructions").fill("Greet.\nAsk.\nAnswer.\nLeave with thanks.")
    second.get_by_label("Version note").fill("Politer")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_text("Saved as version 2.")).to_be_visible()

    # The first is told at once, while the form is still open.
    expect(first.locator("[data-newer-than]")).to_contain_text("has saved version 2")
    first.get_by_label("Instructions").fill("Greet by name.\nAsk.\nAnswer.\nLeave.")
    first.get_by_label("Description").fill("The one who greets")
    first.get_by_role("button", name="Save").click()

    expect(first.locator("#edit-conflict")).to_contain_text("changed instructions: Politer")
    expect(first.get_by_label("Instructions")).to_have_value(
        "Greet by name.\nAsk.\nAnswer.\nLeave with thanks."
    )
    first.get_by_role("button", name="Save").click()
    expect(first.get_by_text("Saved as version 3.")).to_be_visible()
    agent = installation.request("GET", "/agents/shared")
    assert agent["instructions"] == "Greet by name.\nAsk.\nAnswer.\nLeave with thanks."
    assert agent["description"] == "The one who greets"
    versions = installation.request("GET", "/agents/shared/versions")
    assert [row["version"] for row in versions] == [2, 1]


@pytest.mark.once
def test_publish_promote_and_roll_back_by_mouse(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    url = make(installation, "released")
    sign_in(page).goto(f"{url}/releases")
    page.get_by_role("button", name="Publish version 1…").click()
    sheet = page.locator("#publish")
    expect(sheet).to_be_visible()
    sheet.get_by_label("Staging").check()
    sheet.get_by_label("Changelog").fill("The first one.")
    sheet.get_by_role("button", name="Publish").click()
    expect(page.locator("#environment-staging")).to_contain_text("1.0.0")
    expect(page.get_by_role("button", name="Publish version 1…")).to_be_disabled()
    page.get_by_role("button", name="Promote 1.0.0 from staging").click()
    page.get_by_role("dialog").get_by_role("button", name="Promote").click()
    expect(page.locator("#environment-production")).to_contain_text("1.0.0")
    expect(page.locator("#agent-state")).to_contain_text("production 1.0.0")

    # A script publishes meanwhile; the open page follows.
    installation.request("PUT", "/agents/released", {"instructions": "Help more."})
    installation.request("POST", "/agents/released/versions/2/publish", {})
    expect(page.locator("#environment-production")).to_contain_text("1.1.0")
    page.get_by_role("button", name="Roll back to 1.0.0").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Roll production back to 1.0.0?")
    expect(dialog).to_contain_text("Production runs 1.1.0 now.")
    dialog.get_by_role("button", name="Roll back").click()
    expect(page.locator("#environment-production .semver")).to_have_text("1.0.0")


def test_the_list_is_live_and_filters_as_one_types(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    make(installation, "quail", model="bird-1")
    make(installation, "quokka", model="pouch-1")
    sign_in(page).goto(f"{installation.url}/agents")
    expect(page.locator("[data-live-dot]")).to_have_text("live")
    page.get_by_label("Find agents").fill("model:bird")
    expect(page.locator(".row-title")).to_have_text(["Quail"])
    expect(page).to_have_url(f"{installation.url}/agents?q=model%3Abird&status=&active=&modality=")
    make(installation, "raven", model="bird-2")
    expect(page.locator(".row-title")).to_have_text(["Raven", "Quail"])

    # A selection is not swept away by what others do.
    page.get_by_label("Select Quail").check()
    expect(page.locator("[data-tick-count]")).to_have_text("1 selected")
    make(installation, "robin", model="bird-3")
    page.wait_for_timeout(1000)
    expect(page.locator(".row-title")).to_have_text(["Raven", "Quail"])
    page.get_by_role("button", name="Pause…").click()
    expect(page.locator("main")).to_contain_text("1 will be paused")
    page.get_by_role("button", name="Pause 1 agent").click()
    expect(page.locator("tr", has_text="Quail")).to_contain_text("paused")


@pytest.mark.once
def test_the_editor_counts_previews_and_gives_examples(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    url = make(installation, "edited")
    sign_in(page).goto(f"{url}/edit")
    area = page.get_by_label("Instructions", exact=True)
    area.fill("# Title\n\n- 한국 text")
    expect(page.locator("[data-editor-count]")).to_have_text("3 lines · 18 characters · ≈ 6 tokens")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview h3")).to_have_text("Title")
    expect(area).to_be_hidden()
    page.get_by_role("button", name="Write").click()
    expect(area).to_be_focused()
    page.get_by_role("heading", name="Advanced").click()
    page.get_by_role("button", name="A ticket").first.click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()
    schema = installation.request("GET", "/agents/edited")["input_schema"]
    assert list(schema["properties"]) == ["subject", "priority", "tags"]


@pytest.mark.once
def test_an_import_is_checked_before_it_is_done(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    sign_in(page).goto(f"{installation.url}/agents/import")
    text = '[{"name": "Carried in", "instructions": "Help."}]'
    file = {"name": "agents.json", "mimeType": "application/json", "buffer": text.encode()}
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Check the file").click()
    expect(page.locator("tbody tr")).to_contain_text("Carried in")
    page.get_by_role("button", name="Import 1 agent").click()
    expect(page.get_by_text("1 agent imported.")).to_be_visible()


def test_what_was_asked_for_before_a_filter_does_not_undo_it(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    make(installation, "heron", model="late-1")
    sign_in(page).goto(f"{installation.url}/agents")
    expect(page.locator("[data-live-dot]")).to_have_text("live")
    held: list[Route] = []
    page.route(f"{installation.url}/agents", lambda route: held.append(route))
    with page.expect_request(f"{installation.url}/agents"):
        make(installation, "jackdaw", model="late-2")
    page.get_by_label("Find agents").fill("model:late")
    expect(page.locator(".row-title")).to_have_text(["Jackdaw", "Heron"])
    with page.expect_response(lambda answer: "q=model" in answer.url):
        held[0].continue_()
    expect(page.locator(".row-title")).to_have_text(["Jackdaw", "Heron"])
    make(installation, "kite", model="late-3")
    expect(page.locator(".row-title")).to_have_text(["Kite", "Jackdaw", "Heron"])


@pytest.mark.once
def test_tools_and_handoffs_are_chosen_by_keyboard_and_what_is_not_there_is_told_at_once(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    make(installation, "chip-target", tools=["chip_tool"])
    url = make(installation, "chip-source")
    sign_in(page).goto(f"{url}/edit")
    tools = page.get_by_label("Tools")
    tools.press_sequentially("chip_t")
    expect(page.get_by_role("option", name="chip_tool")).to_be_visible()
    tools.press("ArrowDown")
    tools.press("Enter")
    tools.press_sequentially("own,")
    doubt = page.get_by_text("No recent agent has a tool “own”.")
    expect(doubt).to_be_visible()
    tools.press_sequentially("oqn,")
    expect(page.get_by_text("No recent agent has a tool “oqn”.")).to_be_visible()
    expect(doubt).to_be_visible()  # both are named
    page.get_by_role("button", name="Remove oqn").press("Enter")
    expect(page.locator(".chip.doubt")).to_have_text("own×")
    expect(page.get_by_text("No recent agent has a tool “oqn”.")).to_be_hidden()
    expect(doubt).to_be_visible()

    model = page.get_by_label("Model", exact=True)
    note = page.get_by_text("Not among the models of Settings")
    expect(note).to_be_hidden()
    model.fill("gpt-9")
    expect(note).to_be_visible()
    model.fill("extractive")
    expect(note).to_be_hidden()

    targets = page.get_by_label("Hand-offs")
    targets.fill("nobody")
    targets.press("Tab")
    expect(page.get_by_text("No agent is called “nobody”.")).to_be_visible()
    targets.press("Backspace")
    expect(page.get_by_text("No agent is called “nobody”.")).to_be_hidden()
    targets.press_sequentially("Chip-Target")
    expect(page.get_by_role("option", name="chip-target")).to_be_visible()
    targets.press("Enter")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()
    agent = installation.request("GET", "/agents/chip-source")
    assert agent["tools"] == ["chip_tool", "own"]
    assert len(agent["handoff_targets"]) == 1
