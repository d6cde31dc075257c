"""A field of a definition has one name: on the form, the agent's page, in versions, in changes."""

from __future__ import annotations

from tests.browser import Browser, words_of
from tests.factories import make_agent
from webapp.agents import services
from webapp.agents.labels import FIELDS, VALUES
from webapp.agents.models import DEFINITION, Modality, Panel
from webapp.agents.schemas import AgentUpdate
from webapp.core.actor import Actor


def test_every_field_and_every_value_of_ours_has_a_name() -> None:
    assert set(DEFINITION) <= FIELDS.keys()
    assert list(VALUES["modality"]) == list(Modality)
    assert list(VALUES["panels"]) == list(Panel)


def test_the_form_has_the_words_of_such_tools_with_help_below(browser: Browser) -> None:
    page = browser.get("/agents/new")
    starred = [
        field.attributes["name"] for field in page.css("main form :is(input, textarea)[required]")
    ]
    assert starred == ["name", "instructions", "model"]
    assert "Fields with a star must be filled in." in page.text()
    headings = [words_of(heading) for heading in page.css("main h2")]
    assert headings == ["Identity", "Instructions", "Model and tools", "Knowledge", "Advanced"]
    labels = {label.attributes["for"]: words_of(label) for label in page.css("main label[for]")}
    asked = {
        "name": "Name",
        "handle": "Handle",
        "persona": "Persona",
        "model": "Model",
        "modality": "Modality",
        "scope_description": "Knowledge scope",
        "top_k": "Top k",
        "strategy": "Search",
        "tools": "Tools",
        "handoff_targets": "Hand-offs",
    }
    assert {name: labels[name] for name in asked} == asked
    assert [words_of(option) for option in page.css("#strategy option")] == [
        "Hybrid",
        "Keyword",
        "Vector",
    ]
    # Whoever writes instructions would look for what they do.
    told = words_of(page.css_first("#instructions-hint"))
    assert "Answers are passages from documents: they do not follow it." in told
    for name in ("persona", "modality", "scope_description", "top_k", "strategy"):
        assert words_of(page.css_first(f"#{name}-hint")) == FIELDS[name].help
    assert words_of(page.css_first("#modality [selected]")) == "Text or voice"
    named = [words_of(option) for option in page.css("#modality option")]
    assert named == list(VALUES["modality"].values())
    text = words_of(page.css_first("main form"))
    assert not [panel for panel in VALUES["panels"].values() if panel not in text]


def test_all_pages_of_an_agent_call_a_field_the_same(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="a")
    body = AgentUpdate(scope_description="Birds", retrieval_config={"strategy": "keyword"})
    services.update_agent("a", body, actor=alice)
    overview = words_of(browser.get("/agents/a").css_first("#agent-overview"))
    assert "Search Keyword" in overview
    assert "Top k 5" in overview
    assert "knowledge scope, retrieval" in overview
    assert "changed knowledge scope, retrieval" in words_of(
        browser.get("/agents/a/versions").css_first("#version-2")
    )
    compared = browser.get("/agents/a/versions/compare?from=1&to=2")
    assert [words_of(heading) for heading in compared.css(".change h2")] == [
        "Knowledge scope",
        "Retrieval",
    ]
    facts = browser.get("/agents/a/versions/2").css("dt")
    assert "Knowledge scope" in [words_of(fact) for fact in facts]
    bulk = browser.get(f"/agents/bulk?action=change&id={services.get_agent('a', actor=alice).id}")
    assert "Modality" in [words_of(option) for option in bulk.css("[name=field] option")]
