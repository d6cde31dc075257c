"""The first page says what happens, what agents do not know, and who did what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from apiflask import APIFlask
from selectolax.lexbor import LexborHTMLParser

from tests.browser import Browser
from tests.cast import Cast
from tests.factories import make_agent, make_document
from webapp.agents import deletion
from webapp.agents.schemas import AgentPatch
from webapp.agents.services import update_agent
from webapp.audit import services as audit
from webapp.audit import wording
from webapp.audit.models import AuditEntry
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.coverage import services as coverage
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.schemas import FromTaxonomyRequest
from webapp.questions.unanswered import services as questions
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.schemas import TaxonomyRequest


@pytest.fixture
def topics(alice: Actor) -> dict[str, UUID]:
    nodes = [{"path": [label], "target_documents": 2} for label in ("Tea", "Bread", "Soup")]
    body = TaxonomyRequest.model_validate({"version": "1.0.0", "nodes": nodes})
    return {n.label: n.node_id for n in taxonomies.extend_taxonomy(body, actor=alice).nodes}


def make_expert(alice: Actor, name: str, node_id: UUID) -> Any:
    return scopes.create_agent(
        FromTaxonomyRequest(name=name, taxonomy_node_ids=[node_id]), actor=alice
    )


def lines(page: LexborHTMLParser, selector: str) -> list[str]:
    return [" ".join(node.text(separator=" ").split()) for node in page.css(selector)]


def test_agents_that_know_least_come_first(
    cast: Cast, alice: Actor, topics: dict[str, UUID]
) -> None:
    make_document(alice, nodes=[topics["Tea"]])
    make_document(alice, nodes=[topics["Tea"]])
    make_document(alice, nodes=[topics["Bread"]])
    for label in topics:
        make_expert(alice, f"{label} expert", topics[label])
    make_agent(alice, name="Knows about everything")
    gone = make_expert(alice, "Gone", topics["Soup"])
    deletion.delete_agent(gone.id, actor=alice)
    page = cast.browser("vera").get("/")
    assert lines(page, "#knowledge .meters li") == [
        "Soup expert 0 %", "Bread expert 50 %", "Tea expert 100 %",
    ]  # fmt: skip
    least = coverage.least_covered(actor=alice, limit=1)
    assert [(agent.name, percent) for agent, percent in least] == [("Soup expert", 0.0)]
    assert lines(cast.browser("charlie").get("/"), "#knowledge .meters li") == []


def test_what_is_asked_most_and_not_answered(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice)
    api = cast.api("bob")
    for query in ("Where do penguins sleep?", "Who won?", "Where do penguins sleep?"):
        api.post(f"/agents/{agent.handle}/query", {"query": query})
    page = cast.browser("vera").get("/")
    assert lines(page, "#knowledge .gaps li") == [
        "Where do penguins sleep? Coding Expert · asked 2 times",
        "Who won? Coding Expert · asked once",
    ]
    (link, _) = page.css("#knowledge .gaps a")
    path, anchor = str(link.attributes["href"]).split("#")
    assert cast.browser("vera").get(path).css_first(f"#{anchor}") is not None
    asked = questions.most_asked(actor=alice, limit=1)
    assert [question.text for question, _ in asked] == ["Where do penguins sleep?"]
    assert "No question is open" in cast.browser("charlie").get("/").css("#knowledge")[0].text()


def test_an_agents_page_says_what_it_knows(
    cast: Cast, alice: Actor, topics: dict[str, UUID]
) -> None:
    anybody = make_agent(alice)
    browser = cast.browser("alice")
    (panel,) = lines(browser.get(f"/agents/{anybody.handle}"), "#agent-knowledge")
    assert "There are no documents yet" in panel
    make_document(alice, nodes=[topics["Bread"]])
    make_document(alice)
    agent = make_expert(alice, "Baker", topics["Bread"])
    cook = make_expert(alice, "Cook", topics["Soup"])
    (panel,) = lines(browser.get(f"/agents/{agent.handle}"), "#agent-knowledge")
    assert "50 % of the documents wanted on 1 topic; 1 is there" in panel
    (panel,) = lines(browser.get(f"/agents/{cook.handle}"), "#agent-knowledge")
    assert "Largest gaps Soup 0 of 2" in panel
    (panel,) = lines(browser.get(f"/agents/{anybody.handle}"), "#agent-knowledge")
    assert "Answers from all documents of the organization (2)." in panel
    assert "1 document about this agent’s topics" in text(browser, agent.handle)
    assert "no documents about this agent’s topics yet" in text(browser, cook.handle)
    assert "from 2 documents." in text(browser, anybody.handle)


def text(browser: Browser, handle: str) -> str:
    return lines(browser.get(f"/agents/{handle}/ask"), "[data-ask-status]")[0]


def test_activity_reads_as_sentences(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice)
    document = make_document(alice)
    deletion.delete_agent(agent.id, actor=alice)
    audit.record(alice, "coverage_fell", agent, **{"from": 40.0, "to": 12.5})
    db.session.commit()
    page = cast.browser("vera").get("/")
    told = lines(page, "#activity .what")
    assert told[1:5] == [
        "saw coverage fall of agent Coding Expert from 40 % to 12.5 %",
        "deleted agent Coding Expert",
        "created document Tea",
        "created agent Coding Expert",
    ]
    assert lines(page, "#activity li")[0].startswith("vera@example.com signed in")
    triage = make_agent(alice, handle="triage", name="Triage Agent")
    for paused in (True, False):
        update_agent(triage.id, AgentPatch(paused=paused), actor=alice)
    told = lines(cast.browser("vera").get("/"), "#activity .what")
    told = [line for line in told if "Triage" in line]
    assert told[:2] == [
        "resumed agent Triage Agent",
        "paused agent Triage Agent",
    ]
    assert f"/documents/{document.id}" in [a.attributes["href"] for a in page.css("#activity a")]


def test_the_palette_has_the_order_of_the_sidebar(browser: Browser) -> None:
    page = browser.get("/")
    sidebar = [link.text().strip() for link in page.css("nav.nav a")]
    found = [item.text() for item in LexborHTMLParser(browser.get("/palette").html).css("a span")]
    assert [text for text in found if text in sidebar][: len(sidebar)] == sidebar


def test_every_section_has_a_key_of_its_own(app: APIFlask, browser: Browser) -> None:
    links = browser.get("/").css("nav.nav a")
    keys = {link.text().strip(): link.attributes.get("data-key") for link in links}
    assert keys == {
        "Overview": "o", "Agents": "a", "Executions": "e", "Documents": "d", "Search": "s",
        "Tasks": "t", "Settings": ",",
    }  # fmt: skip


#: the reviewed list of addresses without arguments that the palette leaves out: of nobody who is
#: signed in, what acts on a selection of a list, what is no page, and the documents of the API
NOT_IN_PALETTE = {
    "/join",
    "/password",
    "/setup",
    "/sign-in",
    "/agents/bulk",
    "/agents/export",
    "/audit/export",
    "/agents/search/handoffs",
    "/agents/search/tools",
    "/documents/bulk",
    "/executions/bulk",
    "/executions/compare",
    "/favicon.ico",
    "/health",
    "/health/ready",
    "/palette",
    "/taxonomies/topics",
    "/views/chips",
    "/ws/live",
    "/docs",
    "/openapi.json",
    "/redoc",
}


@pytest.mark.parametrize(
    ("words", "label"),
    [
        ("invite", "Members"),
        ("logo", "Organization"),
        ("password", "Profile"),
        ("taxonomy", "Taxonomies"),
    ],
)
def test_a_page_is_found_by_what_is_done_there(browser: Browser, words: str, label: str) -> None:
    options = browser.get(f"/palette?q={words}").css("[role=option]")
    assert " ".join(options[0].text().split()) == label


def test_the_palette_has_every_page_that_stands_for_itself(app: APIFlask, browser: Browser) -> None:
    found = browser.get("/palette").css("a")
    offered = {str(link.attributes["href"]) for link in found}
    pages = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.arguments and "/api/" not in rule.rule
    }
    assert pages - offered == NOT_IN_PALETTE


def test_an_action_without_a_wording_is_told_by_its_name(app: APIFlask) -> None:
    entry = AuditEntry(action="turn_over", subject_type="stone", subject_name="x", detail={})
    assert (wording.verb(entry), wording.noun(entry), wording.aside(entry)) == (
        "turn over", "stone", "",
    )  # fmt: skip


def test_what_one_actor_did_in_a_row_stands_below_one_name(cast: Cast, alice: Actor) -> None:
    by_key = replace(alice, name="a key")
    for actor, names in ((alice, "ab"), (by_key, "c"), (alice, "de")):
        for name in names:
            make_document(actor, title=name)
    page = cast.browser("vera").get("/")
    told = [
        (
            "follows" in (row.attributes.get("class") or ""),
            row.css_first(".actor").text(),
            row.css_first("a").text(),
        )
        for row in page.css("#activity li")
        if row.css("a")
    ]
    assert [(follows, name) for follows, _, name in told] == [
        (False, "e"), (True, "d"), (False, "c"), (False, "b"), (True, "a"),
    ]  # fmt: skip
    assert {actor for _, actor, name in told if name in "abde"} == {"alice@example.com"}
