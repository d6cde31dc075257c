"""What a newcomer stumbled over on the first evening, each a journey of its own."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.server import EMAIL, Installation, eventually

pytestmark = [pytest.mark.browser, pytest.mark.once]

SignIn = Callable[[Page], Page]
LONG_NAME = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz GmbH"


def make_agent(installation: Installation, handle: str, **fields: str) -> None:
    body = {"name": handle.capitalize(), "handle": handle, "instructions": "Help.", **fields}
    installation.request("POST", "/agents", body)


def test_the_bar_on_top_ends_when_a_file_has_arrived(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    make_agent(installation, "bar-that-ends")
    sign_in(page).goto(f"{installation.url}/agents/bar-that-ends/settings")
    ways = {
        "/agents/bar-that-ends/settings": lambda: page.locator("main").get_by_role(
            "button", name="Export"
        ),
        "/agents?q=bar-that-ends": lambda: page.get_by_role("link", name="Export 1"),
        "/agents/import": lambda: page.get_by_role("button", name="Export"),
    }
    for path, way in ways.items():
        page.goto(installation.url + path)
        with page.expect_download() as download:
            way().click()
        assert download.value.suggested_filename == "agents.json"
        # The bar would come after a fifth of a second, by a timer that was set before this one.
        is_hidden = page.evaluate(
            "new Promise((told) => setTimeout("
            "() => told(document.querySelector('[data-loading]').hidden), 600))"
        )
        assert is_hidden, path


def test_long_names_of_views_and_organizations_keep_a_phone_page_as_wide_as_it_is(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    make_agent(installation, "long-view")
    sign_in(page).goto(f"{installation.url}/agents?q=long-view")
    name = "GPT-Agenten mit sehr langem Namen der Ansicht, die wir haben"
    assert len(name) == 60
    page.get_by_role("button", name="Save view…").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Save view", exact=True).click()
    page.set_viewport_size({"width": 390, "height": 844})
    chip = page.get_by_role("link", name=name)
    expect(chip).to_have_attribute("title", name)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("[name=id]").first.check()
    expect(page.locator("#bulk")).to_be_visible()
    bar = page.locator("#bulk").bounding_box()
    assert bar
    assert bar["x"] >= 0
    assert bar["x"] + bar["width"] <= 390
    # The name is written into the page, so that the organization keeps its own.
    page.locator(".menu summary .name").evaluate("(named, name) => named.append(name)", LONG_NAME)
    summary = page.locator(".menu summary")
    expect(summary.locator("svg, img").first).to_be_visible()
    named = summary.locator(".name").bounding_box()
    search = page.locator(".palette-touch").bounding_box()
    menu = summary.get_by_text("Menu", exact=True).bounding_box()
    assert named
    assert search
    assert menu
    assert named["x"] + named["width"] <= search["x"]
    assert search["x"] + search["width"] <= menu["x"] + 1
    assert menu["height"] < 30


def test_a_preview_draws_lists_as_lists(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    sign_in(page).goto(f"{installation.url}/agents/new")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.get_by_label("Instructions", exact=True).fill("* short\n* cited\n\n|a|b|\n|-|-|\n|1|2|")
    page.get_by_role("button", name="Preview").click()
    items = page.locator("#preview li")
    expect(items).to_have_text(["short", "cited"])
    first, second = items.first.bounding_box(), items.last.bounding_box()
    assert first
    assert second
    assert second["y"] > first["y"]
    style = "(item) => getComputedStyle(item).display"
    assert items.first.evaluate(style) == "list-item"
    # What fades at the edge of a table is of the colour that the table stands on.
    ground = page.locator("#preview").evaluate("(e) => getComputedStyle(e).backgroundColor")
    table = page.locator("#preview .wide")
    assert ground in table.evaluate("(e) => getComputedStyle(e).backgroundImage")


def test_the_search_of_a_list_is_left_for_its_rows(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    for number in "one", "two":
        make_agent(installation, f"left-search-{number}")
    sign_in(page).goto(f"{installation.url}/agents")
    field = page.get_by_role("searchbox", name="Find agents")
    rows = page.locator(".row-title")
    page.keyboard.press("/")
    page.keyboard.type("left-search")
    page.keyboard.press("Enter")
    expect(rows).to_have_count(2)
    expect(field).not_to_be_focused()
    page.keyboard.press("j")
    expect(rows.first).to_be_focused()
    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(field).not_to_be_focused()
    expect(field).to_have_value("left-search")
    expect(rows).to_have_count(2)


def test_a_failed_sign_in_goes_on_at_the_password_and_says_itself_what_is_missing(
    installation: Installation, page: Page
) -> None:
    page.goto(f"{installation.url}/sign-in")
    expect(page.get_by_label("E-mail")).to_be_focused()
    # No bubble of the browser: the page answers.
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".error-summary")).to_contain_text("Please look at")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".error-summary")).to_be_visible()
    expect(page.get_by_label("Password")).to_be_focused()


def test_publishing_can_be_left_and_leaves_its_button_where_it_was(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    make_agent(installation, "stays-put", name="A name that is so long that little room is left")
    sign_in(page).goto(f"{installation.url}/agents/stays-put/releases")
    opener = page.get_by_role("button", name="Publish version 1…")
    before = opener.bounding_box()
    sheet = page.get_by_role("dialog", name="Publish")
    opener.click()
    expect(page.get_by_label("Semantic version")).to_be_focused()
    sheet.get_by_role("button", name="Cancel").click()
    expect(sheet).to_be_hidden()
    opener.click()
    sheet.get_by_role("button", name="Publish", exact=True).click()
    reason = page.locator("#why-not-publish")
    expect(reason).to_have_text(re.compile(r"Version 1 is released as 1\.0\.0\."))
    assert opener.bounding_box() == before


def test_the_palette_offers_pages_and_actions_before_the_server_answers(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    make_agent(installation, "slowly-found")
    sign_in(page)
    options = page.locator(".palette [role=option]")
    said = page.locator("[data-palette-status]")
    field = page.get_by_role("combobox", name="Go to")
    page.keyboard.press("Control+k")
    expect(options.filter(has_text="Dark theme")).to_be_visible()
    page.keyboard.press("Escape")
    asked: list[Route] = []
    page.route("**/palette?*", lambda route: asked.append(route))
    page.goto(f"{installation.url}/tasks")
    page.keyboard.press("Control+k")
    expect(options.filter(has_text="Dark theme")).to_be_visible()
    page.keyboard.type("slowly")
    expect(said).to_have_text("Searching…")
    # What is pressed before there is anything to choose counts when there is.
    page.keyboard.press("Enter")
    expect(field).to_be_focused()
    for route in asked:
        route.continue_()
    expect(page).to_have_url(f"{installation.url}/agents/slowly-found")
    page.wait_for_load_state()

    page.unroute("**/palette?*")
    page.route("**/palette?*", lambda route: route.abort())
    page.keyboard.press("Control+k")
    page.keyboard.type("log out")
    expect(options).to_have_count(1)
    expect(options).to_have_text("Sign out")
    expect(said).to_contain_text("The server does not answer.")
    field.fill("absolute")
    expect(options).to_have_text("Show absolute times")
    page.keyboard.press("Enter")
    expect(page.locator("dialog.palette")).to_be_hidden()
    assert page.evaluate("localStorage.times") == "absolute"


def test_the_palette_means_the_agent_that_is_open_and_takes_a_pause_back(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    make_agent(installation, "first-made", name="First Made")
    for number in range(7):
        make_agent(installation, f"made-later-{number}")
    sign_in(page).goto(f"{installation.url}/agents/first-made/versions")
    options = page.locator(".palette [role=option]")
    for verb in "delete", "pause":
        page.keyboard.press("Control+k")
        page.keyboard.type(verb)
        expect(options.first).to_contain_text(f"{verb.capitalize()} First Made")
        if verb == "delete":
            page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    toast = page.locator(".toast", has_text="First Made is paused.")
    toast.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast", has_text="First Made goes on.")).to_be_visible()
    expect(page).to_have_url(f"{installation.url}/agents/first-made/versions")
    assert installation.request("GET", "/agents/first-made")["paused"] is False


def test_what_is_sent_while_the_server_is_away_is_kept_and_can_be_sent_again(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    make_agent(installation, "kept-draft")
    sign_in(page).goto(f"{installation.url}/agents/new")
    page.get_by_label("Name", exact=True).fill("Kept Draft Two")
    page.get_by_label("Instructions", exact=True).fill("Help with what is kept.")
    page.context.set_offline(True)
    page.get_by_role("button", name="Create agent").click()
    told = page.get_by_text("The server does not answer.")
    expect(told).to_be_visible()
    # It can be tried as often as one likes, and what was entered stands there still.
    page.get_by_role("button", name="Create agent").click()
    expect(told).to_have_count(1)
    expect(page.get_by_label("Name", exact=True)).to_have_value("Kept Draft Two")
    page.context.set_offline(False)
    page.get_by_role("button", name="Create agent").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Kept Draft Two")
    assert installation.request("GET", "/agents/kept-draft-two")["status"] == "draft"


def test_a_question_and_a_deed_stay_in_the_page_while_the_server_is_away(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    make_agent(installation, "asked-away")
    sign_in(page)
    told = page.get_by_text("The server does not answer.")
    # No socket comes about, and nothing is answered.
    page.route_web_socket("**/*", lambda socket: socket.close())
    for path in ("/agents/asked-away/ask", "/agents/asked-away/settings"):
        page.goto(installation.url + path)
        expect(page.locator("[data-live-dot]")).to_have_text("not live")
        page.context.set_offline(True)
        if path.endswith("ask"):
            page.get_by_label("Your question").fill("Where is everybody?")
            page.keyboard.press("Enter")
            expect(told).to_be_visible()
            expect(page.get_by_label("Your question")).to_have_value("Where is everybody?")
        else:
            page.get_by_role("button", name="Delete", exact=True).click()
            page.get_by_role("button", name="Delete agent").click()
            expect(told).to_be_visible()
        page.context.set_offline(False)
    # Then the question is not asked a second time.
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete agent").click()
    expect(page).to_have_url(re.compile(r"/agents(\?.*)?$"))


def test_all_numbers_are_written_as_the_person_does(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    make_agent(installation, "numbered", instructions="Help. " * 400)
    installation.request("POST", "/documents", {
        "title": "How wide the numbered lock is", "external_id": "numbered-lock",
        "content": "The numbered lock is twelve metres wide. " * 60,
    })  # fmt: skip
    sign_in(page)

    # In this page alone: the others who use the installation keep their numbers.
    page.add_init_script(
        "new MutationObserver(() => { document.documentElement.dataset.locale = 'de-DE' })"
        ".observe(document, { childList: true })"
    )
    page.goto(f"{installation.url}/agents/numbered")
    expect(page.locator("main")).to_contain_text("2.400 characters")
    page.goto(f"{installation.url}/documents?q=numbered+lock")
    expect(page.locator("#documents td[data-label=Size]")).to_have_text(re.compile("^2,5 kB$"))
    page.goto(f"{installation.url}/search?q=numbered+lock")
    expect(page.locator(".result .value, .score .value").first).to_have_text(
        re.compile(r"^\d,\d{3}$")
    )
    expect(page.locator("main")).to_contain_text(re.compile(r"in \d+,\d ms"))
    page.goto(f"{installation.url}/agents/numbered/ask")
    page.get_by_label("Your question").fill("How wide is the numbered lock?")
    page.keyboard.press("Enter")
    expect(page.locator("[data-ask-status]")).to_contain_text(re.compile(r"in \d+,\d ms"))
    expect(page.locator(".score .value").first).to_have_text(re.compile(r"^\d,\d{3}$"))


def test_numbers_in_titles_options_and_pictures_are_the_persons_too(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    """What can hold no element: it was English beside the page's own numbers."""
    nodes: list[dict[str, object]] = [
        {"path": ["Numbered 4.5", f"Numbered {at}"], "target_documents": 3} for at in range(1000)
    ]
    installation.request("POST", "/taxonomies", {"version": "0.8.1", "nodes": nodes})
    small = {"path": ["Measured 4.5", "Once"], "target_documents": 3}
    measured = installation.request("POST", "/taxonomies", {"version": "0.8.2", "nodes": [small]})
    body = {"name": "Measured", "handle": "measured-once", "taxonomy_version": "0.8.2",
            "taxonomy_node_ids": [node["node_id"] for node in measured["nodes"]]}  # fmt: skip
    installation.request("POST", "/agents/from-taxonomy", body)
    for title in ("Once", "Twice"):
        document = installation.request("POST", "/documents", {
            "title": f"Measured {title}", "content": "Measured.", "version": "0.8.2",
            "nodes": [small["path"]],
        })["id"]  # fmt: skip
        eventually(
            lambda at=document: installation.request("GET", f"/documents/{at}")["status"] == "ready"
        )
    sign_in(page)
    page.add_init_script(
        "new MutationObserver(() => { document.documentElement.dataset.locale = 'de-DE' })"
        ".observe(document, { childList: true })"
    )
    page.goto(f"{installation.url}/agents/measured-once/coverage")
    told = page.locator(".map title", has_text="Once")
    expect(told).to_have_text("Measured 4.5 › Once: 66,7 %, 2 of 3 documents")
    expect(page.locator(".map .share").last).to_have_text("66,7 %")
    page.goto(f"{installation.url}/taxonomies/new")
    expect(page.locator("option[value='0.8.1']")).to_have_text("0.8.1 with 1.001 topics")


def test_a_number_in_a_name_stays_as_its_author_wrote_it(
    installation: Installation, page: Page, sign_in: SignIn
) -> None:
    body = {"title": "1,000 kettles and 5.5 % more", "content": "Tea."}
    made = installation.request("POST", "/documents", body)
    installation.request("POST", "/taxonomies", {
        "version": "0.8.3", "nodes": [{"path": [f"Named {at}"]} for at in range(1002)]
    })  # fmt: skip
    sign_in(page)
    page.add_init_script(
        "new MutationObserver(() => { document.documentElement.dataset.locale = 'de-DE' })"
        ".observe(document, { childList: true })"
    )
    page.goto(f"{installation.url}/taxonomies/new")
    expect(page.locator("option[value='0.8.3']")).to_have_text("0.8.3 with 1.002 topics")
    page.goto(f"{installation.url}/documents/{made['id']}")
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete “1,000 kettles and 5.5 % more”?")
    dialog.get_by_role("button", name="Delete document").click()
    expect(page.locator("#toasts")).to_contain_text("“1,000 kettles and 5.5 % more” is deleted.")
