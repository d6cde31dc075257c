"""The pages of coverage as a person meets them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent, make_document
from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.coverage import services as coverage
from webapp.coverage.alerts import allowed_drop
from webapp.coverage.models import CoverageRecord
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.schemas import FromTaxonomyRequest
from webapp.tasks import running
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.schemas import TaxonomyRequest

Ids = dict[str, UUID]

PAGE = "/agents/physicist/coverage"
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def grow(actor: Actor, *paths: str, version: str = "1.0.0") -> Ids:
    """A taxonomy of these paths ("Physics > Heat") that wants 4 documents each; ids by label."""
    nodes = [{"path": path.split(" > "), "target_documents": 4} for path in paths]
    body = TaxonomyRequest.model_validate({"version": version, "nodes": nodes})
    return {n.label: n.node_id for n in taxonomies.extend_taxonomy(body, actor=actor).nodes}


@pytest.fixture
def ids(alice: Actor) -> Ids:
    return grow(alice, "Physics", "Physics > Wings", "Physics > Heat", "Cooking")


@pytest.fixture
def physicist(alice: Actor, ids: Ids) -> Agent:
    """Knows about physics, with two documents about wings and none about the rest."""
    for title in ("Lift", "Drag"):
        make_document(alice, title=title, nodes=[ids["Wings"]])
    body = FromTaxonomyRequest(name="Physicist", taxonomy_node_ids=[ids["Physics"]])
    return scopes.create_agent(body, actor=alice)


def text_of(page: LexborHTMLParser, selector: str) -> str:
    """What the one element says, its white space made even."""
    (element,) = page.css(selector)
    return words_of(element)


# The history


def keep_history(agent: Agent, *moments: datetime) -> None:
    fields = {"overall_coverage": 50.0, "total_documents": 1, "total_chunks": 1}
    db.session.add_all(CoverageRecord(agent_id=agent.id, timestamp=at, **fields) for at in moments)
    db.session.commit()


@pytest.mark.parametrize(
    ("moments", "query", "span"),
    [
        ([NOON], "", (NOON - DAY / 2, NOON + DAY / 2)),
        ([NOON, NOON + timedelta(seconds=2)], "", (NOON - DAY / 2, NOON + DAY / 2)),
        ([NOON, NOON + DAY], "", (NOON, NOON + DAY)),
        ([NOON], "?start_date=2026-03-01", (datetime(2026, 3, 1, tzinfo=UTC), NOON)),
        (
            [NOON, NOON + 9 * DAY],
            "?start_date=2026-03-01&end_date=2026-03-10",
            (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC)),
        ),
    ],
)
def test_the_chart_shows_the_chosen_days_or_a_day_round_one_point(
    browser: Browser,
    physicist: Agent,
    moments: list[datetime],
    query: str,
    span: tuple[datetime, datetime],
) -> None:
    keep_history(physicist, *moments)
    chart = browser.get(PAGE + query).css_first("#coverage-chart")
    found: list[Any] = json.loads(chart.attributes["data-range"])
    assert found == pytest.approx([moment.timestamp() for moment in span], abs=2)
    points = json.loads(chart.attributes["data-series"])["x"]
    assert found[0] <= points[0] <= points[-1] <= found[1]


def test_without_a_history_there_is_no_chart(browser: Browser, physicist: Agent) -> None:
    page = browser.get(PAGE)
    assert not page.css("#coverage-chart")
    assert "No history yet" in page.text()
    keep_history(physicist, NOON)
    page = browser.get(f"{PAGE}?start_date=2026-04-01&threshold=0.75")
    assert not page.css("#coverage-chart")
    assert "Nothing was measured in this time" in page.text()
    (everything,) = (link for link in page.css("#coverage a.button") if link.text() == "Show all")
    assert everything.attributes["href"] == f"{PAGE}?threshold=0.75#history"
    assert (
        "The first day is after the last one"
        in browser.get(f"{PAGE}?start_date=2026-04-02&end_date=2026-04-01", status=422).text()
    )


# The alert


def alert(drop: str = "", webhook: str = "") -> dict[str, str]:
    return {"coverage_alert_drop": drop, "coverage_alert_webhook": webhook}


def fields_of(page: LexborHTMLParser) -> dict[str, str | None]:
    """What stands in the form of the alert."""
    return {
        field.attributes["name"]: field.attributes.get("value")
        for field in page.css("#alert .field input")
    }


def features(agent: Agent) -> dict[str, Any]:
    db.session.refresh(agent)
    return agent.features_config


def test_an_admin_sets_the_alert(browser: Browser, physicist: Agent) -> None:
    assert fields_of(browser.get(PAGE)) == alert("5")

    page = browser.post(PAGE, alert("7.5", " https://example.com/fell "))

    assert "The alert is set, as version 2." in text_of(page, "#toasts")
    assert fields_of(page) == alert("7.5", "https://example.com/fell")
    assert features(physicist) == {
        "coverage_alert_drop": 7.5,
        "coverage_alert_webhook": "https://example.com/fell",
    }
    assert physicist.version_note == "The alert of its coverage"


def test_an_empty_alert_is_none(browser: Browser, physicist: Agent) -> None:
    page = browser.post(PAGE, alert())
    assert fields_of(page) == alert()
    assert features(physicist) == {"coverage_alert_drop": None}
    assert allowed_drop(physicist) is None
    assert fields_of(browser.post(PAGE, alert("0"))) == alert("0")
    assert features(physicist) == {"coverage_alert_drop": 0}


def test_the_alert_leaves_other_switches_alone(
    cast: Cast, browser: Browser, physicist: Agent
) -> None:
    switches = {"stream_delay_ms": 0, "coverage_alert_webhook": "http://localhost:9/"}
    cast.api("alice").request("PATCH", f"/agents/{physicist.id}", {"features_config": switches})
    page = browser.post(PAGE, alert("5", "http://localhost:9/"))
    assert "Nothing has changed." in text_of(page, "#toasts")
    assert (features(physicist), physicist.current_version) == (switches, 2)
    browser.post(PAGE, alert("5"))
    assert features(physicist) == {"stream_delay_ms": 0}


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("drop", "101", "between 0 and 100"),
        ("drop", "-0.5", "between 0 and 100"),
        ("drop", "nan", "between 0 and 100"),
        ("drop", "1e999", "between 0 and 100"),
        ("drop", "many", "Not a valid"),
        ("webhook", "http://example.com/", "The address must begin with https://"),
        ("webhook", "nonsense", "The address must begin with https://"),
        ("webhook", "https://a:b@example.com/", "must hold no user"),
        ("webhook", "https://10.1.1.1/", "names 10.1.1.1, a private address"),
        ("webhook", f"https://example.com/{'a' * 2000}", "more than 2,000 characters"),
    ],
)
def test_a_bad_alert_is_refused_beside_its_field(
    browser: Browser, physicist: Agent, field: str, value: str, sentence: str
) -> None:
    path = f"{PAGE}?threshold=0.75"
    page = browser.post(path, {**alert("9"), f"coverage_alert_{field}": value}, status=422)
    assert sentence in text_of(page, f"#coverage_alert_{field}-error")
    assert fields_of(page)[f"coverage_alert_{field}"] == value
    assert len(page.css("#alert .error")) == 1
    assert (features(physicist), physicist.current_version) == ({}, 1)
    # What the page asks for again by itself is an address that can be asked.
    again = page.css_first("#coverage").attributes["hx-get"]
    assert again == path
    assert text_of(browser.get(again or ""), "#gaps [aria-current]") == "75 %"


def test_an_archived_agents_alert_stays(cast: Cast, browser: Browser, physicist: Agent) -> None:
    physicist.status = "archived"
    db.session.commit()
    page = browser.post(PAGE, alert("9"), status=422)
    assert "archived and cannot be changed" in text_of(page, "#alert .notice")
    assert features(physicist) == {}


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_only_an_admin_sets_the_alert(cast: Cast, physicist: Agent, name: str) -> None:
    browser = cast.browser(name)
    assert not browser.get(PAGE).css("#alert")
    browser.post(PAGE, alert("9"), status=403)
    assert features(physicist) == {}


def test_nobody_elses_alert_is_set(cast: Cast, physicist: Agent) -> None:
    cast.browser("charlie").post(PAGE, alert("9"), status=404)
    assert features(physicist) == {}


# Choosing topics


def ticked(page: LexborHTMLParser) -> set[str | None]:
    return {box.attributes["value"] for box in page.css("#picker input[name=node][checked]")}


def choice(*node_ids: UUID | str, version: str = "1.0.0") -> dict[str, Any]:
    return {"node": [str(node_id) for node_id in node_ids], "version": version}


def test_topics_are_chosen_in_a_tree(
    browser: Browser, alice: Actor, physicist: Agent, ids: Ids
) -> None:
    make_document(alice, title="Soup", nodes=[ids["Cooking"]])
    path = "/agents/physicist/scope"
    page = browser.get(path)
    assert ticked(page) == {str(ids["Physics"])}
    assert text_of(page, "#extent") == "2 documents, 2 passages in 3 topics"

    page = browser.post(path, choice(ids["Cooking"], ids["Heat"]))

    assert "The scope is changed." in text_of(page, "#toasts")
    assert [link.text() for link in page.css("#coverage .tree a")] == ["Cooking", "Heat"]
    assert ticked(browser.get(path)) == {str(ids["Cooking"]), str(ids["Heat"])}
    page = browser.post(path, choice())
    assert "This agent knows about all documents" in page.text()
    assert text_of(browser.get(path), "#extent") == "Nothing ticked: all 3 documents"


def test_who_chooses_topics_is_told_of_another_who_did(
    cast: Cast, browser: Browser, physicist: Agent, ids: Ids
) -> None:
    path = "/agents/physicist/scope"

    def base_in(page: LexborHTMLParser) -> dict[str, Any]:
        return {"base": page.css_first("input[name=base]").attributes["value"]}

    base = base_in(browser.get(path))
    other = cast.browser("alice")
    other.post(path, choice(ids["Heat"]) | base_in(other.get(path)))

    page = browser.post(path, choice(ids["Cooking"]) | base, status=422)

    assert "Someone else has chosen topics" in text_of(page, "form .notice")
    assert ticked(page) == {str(ids["Cooking"])}
    db.session.refresh(physicist)
    assert physicist.taxonomy_node_ids == [ids["Heat"]]
    browser.post(path, choice(ids["Cooking"]) | base_in(page))
    db.session.refresh(physicist)
    assert physicist.taxonomy_node_ids == [ids["Cooking"]]


def test_what_is_ticked_can_be_measured_before_it_is_saved(
    cast: Cast, physicist: Agent, ids: Ids
) -> None:
    browser = cast.browser("vera")
    extent = browser.post("/knowledge/extent", choice(ids["Wings"], ids["Cooking"]))
    assert " ".join(extent.text().split()) == "2 documents, 2 passages in 2 topics"
    everything = browser.post("/knowledge/extent", choice())
    assert " ".join(everything.text().split()) == "Nothing ticked: all 2 documents"
    assert coverage.measure(physicist).total_documents == 2


@pytest.mark.parametrize(
    ("nodes", "sentence"),
    [
        ([str(uuid4())], "There is no such topic"),
        (["nonsense"], "is no topic"),
        ([str(uuid4()) for _ in range(501)], "at most 500"),
    ],
)
def test_topics_that_cannot_be_chosen_are_refused(
    browser: Browser, physicist: Agent, ids: Ids, nodes: list[str], sentence: str
) -> None:
    page = browser.post("/agents/physicist/scope", choice(*nodes), status=422)
    assert sentence in text_of(page, "form .notice")
    db.session.refresh(physicist)
    assert physicist.taxonomy_node_ids == [ids["Physics"]]


def test_another_version_can_be_chosen_from(
    browser: Browser, alice: Actor, physicist: Agent
) -> None:
    later = grow(alice, "Physics", "Physics > Sound", version="1.1.0")
    path = "/agents/physicist/scope"
    page = browser.get(path)
    assert [words_of(option) for option in page.css("select[name=version] option")] == [
        "1.1.0",
        "1.0.0",
    ]
    assert words_of(page.css_first("option[selected]")) == "1.0.0"
    page = browser.get(f"{path}?version=1.1.0")
    assert "Sound" in text_of(page, "#picker")
    assert ticked(page) == set()
    page = browser.post(path, choice(later["Sound"], version="1.1.0"))
    assert "of 1 in taxonomy 1.1.0" in text_of(page, "#coverage .figures")
    browser.get(f"{path}?version=9.9.9", status=404)
    browser.post(path, choice(later["Sound"], version="1.0.0"), status=422)


def test_an_agent_is_made_from_topics(browser: Browser, ids: Ids) -> None:
    path = "/agents/from-taxonomy/new"
    typed = {"name": "Cook", "scope_description": "Food", "instructions": ""}
    page = browser.post(path, {**typed, **choice()}, status=422)
    assert "Tick at least one topic." in text_of(page, "form .notice")
    assert page.css_first("#name").attributes["value"] == "Cook"
    page = browser.post(path, {**typed, **choice(ids["Cooking"]), "name": ""}, status=422)
    assert page.css("#name-error")
    assert ticked(page) == {str(ids["Cooking"])}

    page = browser.post(path, {**typed, **choice(ids["Cooking"])})

    assert text_of(page, "h1") == "Cook"
    assert "Cook is ready." in text_of(page, "#toasts")
    assert "about Cooking from the documents" in browser.get("/agents/cook").text()
    browser.post(path, {**typed, **choice(ids["Heat"]), "name": "Smith", "instructions": "Forge."})
    assert "Forge." in browser.get("/agents/smith").text()


def test_without_a_taxonomy_there_is_nothing_to_choose_from(browser: Browser, alice: Actor) -> None:
    make_agent(alice)
    for path in ("/agents/coding-expert/scope", "/agents/from-taxonomy/new"):
        page = browser.get(path)
        assert "There is no taxonomy yet" in page.text()
        assert page.css_first("main .empty a").attributes["href"] == "/taxonomies/new"
        assert not page.css(".save-bar")


def test_only_admins_choose_topics(cast: Cast, physicist: Agent, ids: Ids) -> None:
    path = "/agents/physicist/scope"
    for name, status in (("bob", 403), ("vera", 403), ("charlie", 404)):
        browser = cast.browser(name)
        browser.get(path, status=status)
        browser.post(path, choice(ids["Cooking"]), status=status)
    db.session.refresh(physicist)
    assert physicist.taxonomy_node_ids == [ids["Physics"]]


# The page of coverage


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
    for link in page.css(".map a, .coverage-tree .row a"):
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
    browser.get(f"{PAGE}?threshold=2", status=422)


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


# Targets


def test_an_admin_sets_the_target_of_a_topic(browser: Browser, physicist: Agent, ids: Ids) -> None:
    path = f"{PAGE}/topics/{ids['Wings']}"
    page = browser.get(path)
    assert text_of(page, "h1") == "Physicist"
    assert text_of(page, "h2.subject") == "Wings"
    assert {link.text() for link in page.css(".versions a")} == {"Lift", "Drag"}
    field = page.css_first("#target")
    assert (field.attributes["value"], field.attributes["placeholder"]) == ("", "4")

    page = browser.post(path, {"target": "2"})

    assert "The target is set." in text_of(page, "#toasts")
    assert "Wings 2 / 2 100 %" in text_of(page, ".coverage-tree")
    page = browser.post(path, {"target": "0"})
    assert "Wings 2 / 0 100 %" in text_of(page, ".coverage-tree")
    page = browser.post(path, {"target": ""})
    assert "Wings 2 / 4 50 %" in text_of(page, ".coverage-tree")


@pytest.mark.parametrize("target", ["-1", "1000001", "1.5", "many"])
def test_a_bad_target_is_refused_beside_its_field(
    browser: Browser, physicist: Agent, ids: Ids, target: str
) -> None:
    page = browser.post(f"{PAGE}/topics/{ids['Wings']}", {"target": target}, status=422)
    assert text_of(page, "#target-error")
    assert page.css_first("#target").attributes["value"] == target
    assert coverage.measure(physicist).target_counts[str(ids["Wings"])] == 4


def test_a_topic_without_documents_offers_to_upload_some(
    cast: Cast, browser: Browser, physicist: Agent, ids: Ids
) -> None:
    path = f"{PAGE}/topics/{ids['Heat']}"
    page = browser.get(path)
    assert "Nothing is known about Heat." in page.text()
    assert page.css("main .empty a")
    page = cast.browser("vera").get(path)
    assert not page.css("main .empty a, main form")


def test_targets_are_for_admins_and_for_topics_of_the_scope(
    cast: Cast, browser: Browser, physicist: Agent, ids: Ids
) -> None:
    wings, cooking = (f"{PAGE}/topics/{ids[label]}" for label in ("Wings", "Cooking"))
    cast.browser("bob").post(wings, {"target": "1"}, status=403)
    cast.browser("charlie").post(wings, {"target": "1"}, status=404)
    cast.browser("charlie").get(wings, status=404)
    browser.get(cooking, status=404)
    browser.post(cooking, {"target": "1"}, status=404)
    assert coverage.measure(physicist).target_counts[str(ids["Wings"])] == 4
    root = browser.get(f"{PAGE}/topics/{ids['Physics']}")
    facts = words_of(root.css_first(".facts"))
    assert facts.startswith("Documents in this topic 0 With topics below 2 Wanted in this topic")
    assert text_of(root, ".crumbs") == "Agents / Physicist / Coverage"


# Unanswered questions


def test_an_unanswered_question_is_dismissed_on_the_page(
    cast: Cast, browser: Browser, alice: Actor, physicist: Agent
) -> None:
    asked = "Who repairs the espresso machine?"
    cast.api("bob").post(f"/agents/{physicist.id}/query", {"query": asked})
    (question,) = cast.api("bob").get(f"/agents/{physicist.id}/unanswered").json
    seen = cast.browser("vera").get(PAGE)
    assert f"{asked} asked once" in text_of(seen, "#unanswered")
    assert not seen.css("#unanswered a, #unanswered form")
    member = cast.browser("bob")
    item = member.get(PAGE).css_first("#unanswered li")
    assert (item.css_first("a").attributes["href"] or "").startswith("/agents/physicist/ask?q=Who")
    assert not item.css("form")
    dismissal = f"{PAGE}/unanswered/{question['id']}/dismissal"
    member.post(dismissal, {}, status=403)
    cast.browser("charlie").post(dismissal, {}, status=404)
    other = make_agent(alice)
    elsewhere = dismissal.replace("physicist", other.handle)
    browser.post(elsewhere, {}, status=404)
    item = browser.get(PAGE).css_first("#unanswered li form")
    assert item.attributes["action"] == dismissal

    page = browser.post(dismissal, {})

    assert "Dismissed. Asked again, it comes back." in text_of(page, "#toasts")
    assert asked not in text_of(page, "#unanswered")
    assert "No unanswered question is open." in text_of(page, "#unanswered")


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        ("start_date=2026-02-01&end_date=2026-01-01", "The first day is after the last one."),
        ("start_date=someday", "must be a date"),
    ],
)
def test_days_that_cannot_be_are_refused_on_the_page_itself(
    browser: Browser, physicist: Agent, days: str, sentence: str
) -> None:
    page = browser.get(f"{PAGE}?{days}", status=422)
    assert sentence in words_of(page.css_first("[role=alert]"))
    given = page.css_first("input[name=start_date]").attributes["value"]
    assert given == days.partition("=")[2][:10].partition("&")[0]
    assert page.css_first("#unanswered") is not None
