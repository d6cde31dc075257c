"""Choosing what an agent knows about, on its pages."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.coverage.pages.physicist import text_of
from tests.coverage.physics import Ids, grow
from tests.factories import make_agent, make_document
from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.coverage import services as coverage
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.schemas import ScopeRequest


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
    assert "makes no version" in browser.get(path).text()
    assert "Version 1" in browser.get("/agents/physicist/versions").text()
    assert "Version 2" not in browser.get("/agents/physicist/versions").text()
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
    later = grow(alice, ["Physics"], ["Physics", "Sound"], version="1.1.0", target=4)
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


def test_what_is_chosen_is_noted_in_the_tree_before_any_script_comes(
    browser: Browser, alice: Actor, physicist: Agent, ids: Ids
) -> None:
    def notes() -> dict[str, str]:
        labels = browser.get("/agents/physicist/scope").css("#picker .twig label")
        return {
            words_of(label).split()[0]: words_of(note)
            for label in labels
            for note in label.css(".note")
        }

    assert notes() == {"Heat": "included", "Wings": "included"}
    body = ScopeRequest(taxonomy_node_ids=[ids["Wings"], ids["Heat"]])
    scopes.set_scope("physicist", body, actor=alice)
    assert notes() == {"Physics": "2 chosen below"}
