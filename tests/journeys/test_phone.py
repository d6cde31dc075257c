"""A day on the way: a phone, a thumb, and no mouse to hover with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.walking import FINDS, PHONE, read_axe
from tests.server import EMAIL, PASSWORD, Installation, eventually

pytestmark = [pytest.mark.browser, pytest.mark.once]

SignIn = Callable[[Page], Page]


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(
        viewport=PHONE,  # type: ignore[arg-type]  # it is a size
        device_scale_factor=2,
        has_touch=True,
        is_mobile=True,
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


def look(page: Page) -> None:
    """Nothing is wider than the phone, and each target is 24 pixels wide and high, or alone."""
    excess = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert excess <= 0, f"{page.url} is {excess} px too wide."
    page.evaluate(read_axe())
    assert not page.evaluate(FINDS, {"runOnly": ["target-size"]}), page.url


def test_filters_leave_the_screen_to_the_list_and_say_how_many_are_set(
    installation: Installation, phone: Page, sign_in: SignIn
) -> None:
    installation.request("POST", "/agents", {"name": "Folded", "handle": "folded",
                                             "instructions": "Help."})  # fmt: skip
    sign_in(phone)
    for path, field in (("agents", "Status"), ("documents", "Status"), ("tasks", "Kind")):
        phone.goto(f"{installation.url}/{path}")
        form, fold = phone.locator("form.filters"), phone.locator(".more-filters > summary")
        count = fold.locator("[data-filter-count]")
        expect(phone.get_by_label(field, exact=True)).to_be_hidden()
        expect(count).to_be_hidden()
        box = form.bounding_box()
        assert box
        assert box["height"] < 60, path
        fold.tap()
        look(phone)
        phone.get_by_label(field, exact=True).select_option(index=1)
        expect(count).to_have_text("1 set")
        fold.tap()
        expect(phone.get_by_label(field, exact=True)).to_be_hidden()
        # The page says it by itself as well, where no script counts.
        expect(phone).to_have_url(re.compile("="))
        phone.reload()
        expect(count).to_have_text("1 set")
        expect(phone.get_by_label(field, exact=True)).to_be_hidden()


def test_an_agent_is_found_asked_paused_and_left_with_a_thumb(
    installation: Installation, phone: Page
) -> None:
    agent = {"name": "Pocket Guide", "handle": "pocket", "instructions": "Answer in short."}
    installation.request("POST", "/agents", agent)
    text = {"title": "On harbours", "content": "The harbour opens at dawn."}
    document = installation.request("POST", "/documents", text)["id"]
    eventually(lambda: installation.request("GET", f"/documents/{document}")["status"] == "ready")

    phone.goto(f"{installation.url}/sign-in")
    look(phone)
    phone.get_by_label("E-mail").fill(EMAIL)
    phone.get_by_label("Password").fill(PASSWORD)
    phone.get_by_role("button", name="Sign in").tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Overview")
    look(phone)

    menu, nav = phone.locator(".menu > summary"), phone.get_by_role("navigation", name="Main")
    expect(nav).to_be_hidden()
    menu.tap()
    look(phone)
    sections = nav.get_by_role("link").all_inner_texts()
    assert len(sections) >= 6
    nav.get_by_role("link", name="Agents", exact=True).tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Agents")
    look(phone)
    phone.get_by_label("Find agents").fill("pocket")
    phone.get_by_role("link", name="Pocket Guide").first.tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Pocket Guide")

    tabs = phone.get_by_role("navigation", name="Agent")
    names = tabs.get_by_role("link").all_inner_texts()
    for name in names:
        tabs.get_by_role("link", name=name, exact=True).tap()
        expect(tabs.get_by_role("link", name=name, exact=True)).to_have_attribute(
            "aria-current", "page"
        )
        look(phone)
    tabs.get_by_role("link", name="Ask", exact=True).tap()
    expect(phone.locator("[data-live-dot]")).to_have_text("live")
    phone.get_by_label("Your question").fill("When does the harbour open?")
    phone.get_by_role("button", name="Ask", exact=True).tap()
    expect(phone.locator(".result").first).to_contain_text("dawn")
    look(phone)

    tabs.get_by_role("link", name="Settings", exact=True).tap()
    phone.get_by_role("button", name="Pause", exact=True).tap()
    expect(phone.locator("#agent-state")).to_contain_text("paused")
    assert installation.request("GET", "/agents/pocket")["paused"]

    menu.tap()
    phone.locator("form[action='/sign-out'] button").tap()
    expect(phone.get_by_label("Password")).to_be_visible()


def test_a_list_is_sorted_where_its_table_has_no_head(
    installation: Installation, phone: Page, sign_in: SignIn
) -> None:
    for name in ("Zz Sorted last", "Aa Sorted first"):
        agent = {"name": name, "handle": name.lower().replace(" ", "-"), "instructions": "Help."}
        installation.request("POST", "/agents", agent)
    sign_in(phone)
    phone.goto(f"{installation.url}/agents?q=sorted")
    menu, titles = phone.locator(".sort-choice"), phone.locator("#agents .row-title")
    expect(menu.locator("summary")).to_have_text(re.compile(r"Sort: Newest"))
    expect(titles).to_have_text(["Aa Sorted first", "Zz Sorted last"])
    menu.locator("summary").tap()
    look(phone)
    # The same addresses as the table's head has, which a phone does not show.
    heads = phone.locator("#agents thead a").evaluate_all("links => links.map((at) => at.href)")
    orders = menu.locator("a").evaluate_all("links => links.map((at) => at.href)")
    assert orders == [f"{installation.url}/agents?q=sorted", *heads]
    menu.get_by_role("link", name="Name").tap()
    expect(phone).to_have_url(re.compile("q=sorted&sort=name"))
    expect(titles).to_have_text(["Aa Sorted first", "Zz Sorted last"])
    expect(menu.locator("summary")).to_have_text(re.compile(r"Sort: Name\s+↑"))
    # With keys, and downwards.
    menu.locator("summary").focus()
    phone.keyboard.press("Enter")
    phone.keyboard.press("Tab")
    expect(menu.get_by_role("link", name="Newest")).to_be_focused()
    phone.keyboard.press("Escape")
    expect(menu.get_by_role("link", name="Newest")).to_be_hidden()
    phone.keyboard.press("Enter")
    menu.get_by_role("link", name="Name").focus()
    phone.keyboard.press("Enter")
    expect(phone).to_have_url(re.compile("sort=-name"))
    expect(titles).to_have_text(["Zz Sorted last", "Aa Sorted first"])


def test_a_list_is_sorted_without_a_script_too(
    chromium: Browser, installation: Installation, sign_in: SignIn
) -> None:
    installation.request("POST", "/documents", {"title": "Sorted plainly", "content": "Plain."})
    context = chromium.new_context(viewport=PHONE, java_script_enabled=False)  # type: ignore[arg-type]  # it is a size
    page = context.new_page()
    sign_in(page)
    page.goto(f"{installation.url}/documents")
    page.locator(".sort-choice > summary").click()
    page.locator(".sort-choice").get_by_role("link", name="Title").click()
    expect(page).to_have_url(re.compile("sort=title"))
    context.close()


def test_topics_are_chosen_moved_and_read_on_a_map(
    installation: Installation, phone: Page, sign_in: SignIn
) -> None:
    long = "Thumbsandtheirlengthsinmillimetres"
    for version, root in (("0.9.1", "Thumbs"), ("0.9.2", "Fingers")):
        nodes = [{"path": [root, long], "target_documents": 3}, {"path": [root, "Nails"]}]
        grown = installation.request("POST", "/taxonomies", {"version": version, "nodes": nodes})
    top = next(node["node_id"] for node in grown["nodes"] if not node["parent_ids"])
    body = {"name": "Thumb", "handle": "thumb", "instructions": "Help.",
            "taxonomy_version": "0.9.2", "taxonomy_node_ids": [top]}  # fmt: skip
    installation.request("POST", "/agents/from-taxonomy", body)
    sign_in(phone)

    phone.goto(f"{installation.url}/taxonomies/0.9.2/move?start=0.9.1")
    picker = phone.locator(".topic-picker").first.bounding_box()
    assert picker
    assert picker["width"] >= 300
    look(phone)

    phone.goto(f"{installation.url}/agents/thumb/scope")
    label = phone.locator(".twig label", has_text=long)
    tops = label.evaluate(
        """at => {
          const text = document.createRange();
          text.selectNodeContents(at);
          const lines = [...text.getClientRects()].filter((line) => line.width > 40);
          return [at.querySelector("input").getBoundingClientRect().bottom, lines[0].top];
        }"""
    )
    assert tops[1] < tops[0]  # its first line stands beside its box
    look(phone)

    phone.goto(f"{installation.url}/agents/thumb/coverage")
    scale = phone.locator(".map svg").evaluate("at => at.getBoundingClientRect().width / 1000")
    assert scale * 11 >= 11  # what is drawn at 11 pixels is read at 11
    look(phone)


def test_no_word_loses_its_last_letter_to_the_next_line(
    installation: Installation, phone: Page, sign_in: SignIn
) -> None:
    word = "Kraftfahrzeughaftpflichtversicherungsgesellschaftsangestellte"
    agent = {"name": word, "handle": "one-word", "instructions": "Help."}
    installation.request("POST", "/agents", agent)
    sign_in(phone)
    phone.goto(f"{installation.url}/agents?q=one-word")
    title = phone.locator("#agents .row-title")
    expect(title).to_have_text(word)
    last = title.evaluate_handle("at => at.querySelector('.word-end')").as_element()
    assert last
    broken = []
    for width in range(320, 400, 4):
        phone.set_viewport_size({"width": width, "height": 844})
        lines = title.evaluate(
            "at => { const text = document.createRange(); text.selectNodeContents(at);"
            " return new Set([...text.getClientRects()].map(({top}) => Math.round(top))).size; }"
        )
        broken.append(lines > 1)
        assert last.evaluate("at => at.getClientRects().length") == 1, width
    assert any(broken)
