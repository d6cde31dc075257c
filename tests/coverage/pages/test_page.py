"""The page of coverage as a person meets it: figures, map, tree, gaps, measuring."""

from __future__ import annotations

from selectolax.lexbor import LexborHTMLParser

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.coverage.pages.physicist import PAGE, text_of
from tests.coverage.physics import Ids, about
from tests.factories import make_agent
from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.coverage import refresh
from webapp.tasks import running


def test_an_agent_without_topics_has_nothing_to_measure(
    cast: Cast, browser: Browser, alice: Actor
) -> None:
    make_agent(alice)
    path = "/agents/coding-expert/coverage"
    page = browser.get(path)
    assert "Choose the topics it should know about" in page.text()
    link = page.css_first("#coverage .empty a")
    assert link.attributes["href"] == "/agents/coding-expert/scope"
    assert not page.css(".map, .tree, #gaps, #alert")
    assert "Refresh coverage" not in page.text()
    page = cast.browser("vera").get(path)
    assert "An admin can choose the topics" in page.text()
    assert not page.css("#coverage .empty a")


def test_figures_that_are_about_to_be_measured_again_say_so(
    cast: Cast, physicist: Agent, alice: Actor, ids: Ids
) -> None:
    def last_measured() -> str:
        return words_of(cast.browser("vera").get(PAGE).css(".figures .card")[3])

    refresh.refresh_changed("coverage-job", organization_id=str(alice.organization_id))
    assert last_measured().startswith("Last measured 16.7 % ")
    about(alice, ids["Heat"], count=2)
    assert last_measured() == "Last measured … is being measured"
    refresh.refresh_changed("coverage-job", organization_id=str(alice.organization_id))
    assert last_measured().startswith("Last measured 33.3 % ")


def test_the_page_shows_figures_a_map_and_a_tree(cast: Cast, physicist: Agent, ids: Ids) -> None:
    page = cast.browser("vera").get(PAGE)
    # 2 of 4 documents about wings, and none of 4 about heat and physics itself.
    assert [words_of(card) for card in page.css(".figures .card")][:3] == [
        "Coverage 16.7 % of the documents its topics want",
        "Topics with documents 1 of 3 in taxonomy 1.0.0",
        "Documents 2 2 passages",
    ]
    rows = [words_of(row) for row in page.css(".coverage-tree .row")]
    assert rows == ["Physics 2 / 12 16.7 %", "Heat 0 / 4 0 %", "Wings 2 / 4 50 %"]
    areas = {area.text() for area in page.css(".map title")}
    assert "Physics › Wings: 50 %, 2 of 4 documents" in areas
    # The number stands in the box as well, and a scale says what its colour means.
    assert {words_of(share) for share in page.css(".map .share")} == {"0 %", "50 %"}
    assert words_of(page.css_first(".scale")) == "coverage 0 % 100 %"
    assert page.css_first(".map").attributes["tabindex"] == "0"
    links = page.css(".map a, .coverage-tree .row a")
    assert len(links) > 4
    for link in links:
        assert (link.attributes["href"] or "").startswith(f"{PAGE}/topics/")
    assert "Refresh coverage" not in page.text()
    assert "Cooking" not in text_of(page, "#coverage")


def test_gaps_are_listed_from_the_chosen_share_down(
    cast: Cast, browser: Browser, physicist: Agent, ids: Ids
) -> None:
    def gaps(page: LexborHTMLParser) -> list[str]:
        return [link.text() for link in page.css("#gaps .gaps li > span > a")]

    page = browser.get(PAGE)
    assert gaps(page) == ["Physics", "Physics › Heat"]
    assert "2 below" in text_of(page, "#gaps")
    assert "0 of 4 · 4 missing" in text_of(page, "#gaps")
    upload = page.css_first("#gaps a.button").attributes["href"] or ""
    assert upload.endswith(f"node={ids['Physics']}")
    assert "Physics" in str(browser.get(upload).html)
    assert text_of(page, "#gaps [aria-current]") == "50 %"

    (link,) = (a for a in page.css("#gaps .segmented a") if a.text() == "100 %")
    page = browser.get(link.attributes["href"] or "")
    assert gaps(page) == ["Physics", "Physics › Heat", "Physics › Wings"]
    assert text_of(page, "#gaps [aria-current]") == "100 %"

    assert not cast.browser("vera").get(PAGE).css("#gaps a.button")
    page = browser.get(f"{PAGE}?threshold=0")
    assert "Every topic has at least 0 % of what it wants." in text_of(page, "#gaps")
    browser.get(f"{PAGE}?threshold=2", status=303)


def test_measuring_is_a_task_that_the_page_shows(
    cast: Cast, browser: Browser, physicist: Agent
) -> None:
    idle = browser.get(PAGE).css_first("#coverage-revision").attributes["data-revision"]
    page = browser.post(f"{PAGE}/refresh", {})
    assert "pending Coverage of Physicist" in text_of(page, ".task-strip")
    assert page.css_first("#coverage-revision").attributes["data-revision"] != idle
    task_id = (page.css_first(".task-strip a").attributes["href"] or "").split("/")[-1]
    running.run_task(task_id)
    page = browser.get(PAGE)
    assert not page.css(".task-strip")
    assert page.css("#coverage-chart")
    cast.browser("bob").post(f"{PAGE}/refresh", {}, status=403)
    cast.browser("charlie").post(f"{PAGE}/refresh", {}, status=404)


def test_the_page_asks_for_its_own_part_again(browser: Browser, physicist: Agent) -> None:
    page = browser.get(f"{PAGE}?threshold=0.75")
    part = page.css_first("#coverage").attributes["hx-get"] or ""
    assert part == f"{PAGE}?threshold=0.75"
    fragment = browser.get(part, headers={"HX-Request": "true"})
    assert len(fragment.css("#coverage")) == 1
    assert not fragment.css("h1, #alert")


def test_topics_have_one_word_on_the_tab_its_pages_and_what_leads_there(
    cast: Cast, alice: Actor
) -> None:
    make_agent(alice, handle="one-word", name="One word")
    browser = cast.browser("alice")
    for path in ("coverage", "scope"):
        page = browser.get(f"/agents/one-word/{path}")
        assert text_of(page, ".tabs [aria-current]") == "Topics"
    assert text_of(page, ".crumbs") == "Agents / One word / Topics"
    assert "Choose topics" in page.css_first("main").text()
