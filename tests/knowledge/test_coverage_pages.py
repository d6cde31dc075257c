"""The pages of coverage as a person meets them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.browser import Browser
from tests.cast import Cast
from tests.factories import make_document
from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.knowledge.coverage.models import CoverageRecord
from webapp.knowledge.scopes import services as scopes
from webapp.knowledge.scopes.schemas import FromTaxonomyBody
from webapp.knowledge.taxonomies import services as taxonomies
from webapp.knowledge.taxonomies.schemas import TaxonomyBody

Ids = dict[str, UUID]

PAGE = "/agents/physicist/coverage"
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def grow(actor: Actor, *paths: str, version: str = "1.0.0") -> Ids:
    """A taxonomy of these paths ("Physics > Heat") that wants 4 documents each; ids by label."""
    nodes = [{"path": path.split(" > "), "target_documents": 4} for path in paths]
    body = TaxonomyBody.model_validate({"version": version, "nodes": nodes})
    return {n.label: n.node_id for n in taxonomies.grow_taxonomy(body, actor=actor).nodes}


@pytest.fixture
def ids(alice: Actor) -> Ids:
    return grow(alice, "Physics", "Physics > Wings", "Physics > Heat", "Cooking")


@pytest.fixture
def physicist(alice: Actor, ids: Ids) -> Agent:
    """Knows about physics, with two documents about wings and none about the rest."""
    for title in ("Lift", "Drag"):
        make_document(alice, title=title, nodes=[ids["Wings"]])
    body = FromTaxonomyBody(name="Physicist", taxonomy_node_ids=[ids["Physics"]])
    return scopes.create_agent(body, actor=alice)


def text_of(page: LexborHTMLParser, selector: str) -> str:
    """What the one element says, its white space made even."""
    (element,) = page.css(selector)
    return " ".join(element.text().split())


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
    assert "Nothing was kept in these days" in page.text()
    (everything,) = (link for link in page.css("#coverage a.button") if link.text() == "Show all")
    assert everything.attributes["href"] == f"{PAGE}?threshold=0.75"
    assert (
        "start_date is after end_date"
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
    assert physicist.coverage_alert_drop is None
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
