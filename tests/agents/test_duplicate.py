"""Duplicating an agent (docs/contract/agents.md, 6.8)."""

from __future__ import annotations

import pytest

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent
from webapp.agents import services
from webapp.agents.models import DEFINITION
from webapp.agents.releases import services as releases
from webapp.agents.schemas import AgentUpdate, PublishRequest
from webapp.core.actor import Actor


@pytest.mark.parametrize("verb", ["duplicate", "clone"])
def test_it_copies_the_definition_and_no_history(cast: Cast, alice: Actor, verb: str) -> None:
    make_agent(alice, handle="target")
    make_agent(
        alice, handle="a", name="Coding Expert", model="m", voice="v", tools=["x"],
        modality="audio_camera", panels=["notepad"], handoff_targets=["target"],
        input_schema={"type": "object"}, persona="p", scope_description="s",
        retrieval_config={"top_k": 9}, features_config={"f": 1}, model_overrides={"t": 1},
    )  # fmt: skip
    services.update_agent("a", AgentUpdate(description="d"), actor=alice)
    releases.publish_version("a", 2, PublishRequest(), actor=alice)
    api = cast.api("alice")
    source = api.get("/agents/a").json
    response = api.post(f"/agents/a/{verb}")
    copy = response.json
    assert response.status_code == 201
    assert response.headers["Location"].endswith(copy["id"])
    assert copy["id"] != source["id"]
    assert copy["name"] == "Coding Expert (Copy)"
    assert copy["handle"] == "coding-expert-copy"
    for name in set(DEFINITION) - {"name"}:
        assert copy[name] == source[name], name
    assert copy["current_version"] == 1
    assert (copy["status"], copy["environments"]) == ("draft", {})
    assert api.get(f"/agents/{copy['id']}/versions").json == []


def test_a_long_name_is_cut_and_a_second_copy_gets_a_handle(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a", name="ä" * 255)
    api = cast.api("alice")
    first, second = (api.post("/agents/a/duplicate").json for _ in range(2))
    assert first["name"] == second["name"] == "ä" * 248 + " (Copy)"
    assert second["handle"] == f"{first['handle']}-2"


def test_who_may_and_what_is_not_there(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a")
    assert cast.api("bob").post("/agents/a/duplicate").status_code == 403
    assert cast.api("charlie").post("/agents/a/duplicate").status_code == 404
    assert cast.api("alice").post("/agents/b/clone").json["detail"] == "Agent not found: b"


def test_the_page_leads_to_the_copy(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="a", name="A")
    page = browser.get("/agents/a/settings")
    page = browser.post(page.css_first("form[action$=copies]").attributes["action"])
    assert page.css_first("h1").text() == "A (Copy)"


def test_a_copy_is_told_from_its_original_where_names_are_cut(
    alice: Actor, browser: Browser
) -> None:
    make_agent(alice, handle="one", name="A long name")
    make_agent(alice, handle="two", name="A long name")
    titles = {link.attributes["title"] for link in browser.get("/agents").css(".row-title")}
    assert titles == {"A long name · one", "A long name · two"}


def test_a_copy_with_topics_says_that_it_is_not_measured_yet(cast: Cast, alice: Actor) -> None:
    taxonomy = {"version": "1.0.0", "nodes": [{"path": ["Tea"]}]}
    api, browser = cast.api("alice"), cast.browser("alice")
    api.post("/taxonomies", taxonomy)
    node_id = api.get("/taxonomies/1.0.0/nodes").json[0]["node_id"]
    body = {"name": "Tea", "taxonomy_node_ids": [node_id], "taxonomy_version": "1.0.0"}
    assert api.post("/agents/from-taxonomy", body).status_code == 201
    assert "0 % covered" in words_of(browser.get("/agents/tea").css_first("main"))
    handle = api.post("/agents/tea/duplicate").json["handle"]
    said = words_of(browser.get(f"/agents/{handle}").css_first("main"))
    assert "1 topic with what is below, not measured yet" in said
