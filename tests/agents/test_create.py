"""Creating an agent: both bodies, and what is refused (docs/contract/agents.md, spawn)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cast import Cast
from tests.factories import make_agent
from webapp.agents import services
from webapp.core.actor import Actor

BODY = {"name": "Coding Expert", "instructions": "Help with code."}


def test_the_answer_has_every_field_of_the_contract(cast: Cast, alice: Actor) -> None:
    response = cast.api("alice").post("/agents", BODY)
    assert response.status_code == 201
    agent = response.json
    fields = {"id", "organization_id", "name", "instructions", "model", "voice", "handoff_targets",
              "tools", "modality", "panels", "is_active", "created_at", "updated_at",
              "current_version"}  # fmt: skip
    assert fields <= set(agent)
    assert agent["organization_id"] == str(alice.organization_id)
    assert agent["model"] == "extractive"
    assert agent["current_version"] == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"), ({"name": " "}, "name"), ({"name": "x" * 256}, "name"),
        ({"name": None}, "name"), ({"instructions": ""}, "instructions"),
        ({"instructions": "\n"}, "instructions"), ({"instructions": "x" * 200_001}, "instructions"),
        ({"modality": "video"}, "modality"), ({"panels": ["moon"]}, "panels.0"),
        ({"tools": "x"}, "tools"), ({"tools": [""]}, "tools.0"), ({"tools": [1]}, "tools.0"),
        ({"handoff_targets": ["x"] * 201}, "handoff_targets"), ({"handle": "No Spaces"}, "handle"),
        ({"handle": "x" * 65}, "handle"), ({"handle": "search"}, "handle"),
        ({"handle": "preview"}, "handle"), ({"colour": "red"}, "colour"),
        ({"retrieval_config": {"top_k": 51}}, "retrieval_config"),
        ({"retrieval_config": {"strategy": "guess"}}, "retrieval_config"),
        ({"features_config": {"stream_delay_ms": -1}}, "features_config"),
        ({"model": "x" * 256}, "model"), ({"version_note": "x" * 501}, "version_note"),
    ],
)  # fmt: skip
def test_a_wrong_shape_is_422_and_names_the_field(
    cast: Cast, change: dict[str, Any], field: str
) -> None:
    api = cast.api("alice")
    refused = api.post("/agents", BODY | change)
    assert refused.status_code == 422
    assert field in [error["field"] for error in refused.json["errors"]], refused.json
    assert api.get("/agents").json == []


def test_the_extremes_are_kept(cast: Cast) -> None:
    body = {"name": "🦜" * 255, "instructions": "é" * 150_000 + "x" * 50_000}
    api = cast.api("alice")
    agent = api.post("/agents", body).json
    assert agent["name"] == body["name"]
    assert agent["handle"] == "agent"
    assert api.get("/agents/agent").json["instructions"] == body["instructions"]
    assert api.get("/agents/search?q=🦜🦜").json["total"] == 1
    too_large = api.post("/agents", {"name": "x", "instructions": "x" * 1_048_576})
    assert too_large.status_code == 413


def test_a_taken_handle_is_409(cast: Cast, alice: Actor, charlie: Actor) -> None:
    make_agent(alice, handle="a")
    make_agent(charlie, handle="a")
    refused = cast.api("alice").post("/agents", BODY | {"handle": "a"})
    assert (refused.status_code, refused.json["code"]) == (409, "handle_taken")


def test_the_body_of_a_spawn_makes_an_agent(cast: Cast, alice: Actor) -> None:
    parent = make_agent(alice, handle="lead")
    api = cast.api("alice")
    body = {"id": "helper", "system_prompt": "Help.", "parent": str(parent.id), "activate": False,
            "model_overrides": {"model": "gpt-4.1", "temperature": 0.1}}  # fmt: skip
    agent = api.post("/agents", body).json
    assert (agent["handle"], agent["name"]) == ("helper", "helper")
    assert agent["instructions"] == "Help."
    assert agent["parent"] == "lead"
    assert agent["paused"] is True
    assert agent["model"] == "gpt-4.1"
    empty = api.post("/agents", {"id": "quiet", "model_config_id": "extractive"})
    assert (empty.status_code, empty.json["instructions"]) == (201, "")
    assert [a["handle"] for a in api.get("/agents?is_sub=true").json] == ["helper"]
    assert [a["handle"] for a in api.get("/agents?parent=lead").json] == ["helper"]
    assert [a["handle"] for a in api.get("/agents?active=false").json] == ["helper"]
    assert "helper" not in [a["handle"] for a in api.get("/agents?is_sub=false").json]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"id": "x", "system_prompt": "y", "parent": "nobody"}, 400, "parent"),
        ({"id": "x", "model_config_id": "gpt-9"}, 400, "model_config_id"),
        ({"id": "x", "model_config_id": "gpt-9", "model_overrides": {"model": " "}}, 400,
         "model_config_id"),
    ],
)  # fmt: skip
def test_references_that_lead_nowhere_are_400(
    cast: Cast, body: dict[str, Any], status: int, field: str
) -> None:
    refused = cast.api("alice").post("/agents", body)
    assert refused.status_code == status
    assert refused.json["extras"]["field"] == field


def test_a_spawn_body_without_what_it_needs_is_422(cast: Cast) -> None:
    api = cast.api("alice")
    for body in (
        {"id": "x"},
        {"system_prompt": "x"},
        {"id": "x", "handle": "y"},
        {"id": "x", "system_prompt": "y", "instructions": "z"},
        {"id": "X Y"},
    ):
        assert api.post("/agents", body).status_code == 422, body


def test_model_overrides_may_stand_beside_a_model(cast: Cast) -> None:
    body = BODY | {"model": "gpt-4.1", "model_overrides": {"temperature": 0.2}}
    agent = cast.api("alice").post("/agents", body).json
    assert (agent["model"], agent["model_overrides"]) == ("gpt-4.1", {"temperature": 0.2})


def test_patch_takes_its_fields_and_no_other(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a", retrieval_config={"top_k": 9, "strategy": "vector"})
    api = cast.api("alice")
    answer = api.request("PATCH", "/agents/a", {"retrieval_config": {"top_k": 3}}).json
    # An object replaces the one before.
    assert answer["retrieval_config"] == {"top_k": 3}
    answer = api.request(
        "PATCH", "/agents/a",
        {"name": "B", "scope_description": "s", "features_config": {"x": 1}, "paused": True},
    ).json  # fmt: skip
    assert (answer["name"], answer["scope_description"], answer["paused"]) == ("B", "s", True)
    assert answer["current_version"] == 3
    for other in ("instructions", "model", "tools", "voice", "handle", "version_note"):
        assert api.request("PATCH", "/agents/a", {other: "x"}).status_code == 422
    assert services.get_agent("a", actor=alice).current_version == 3


def test_the_id_is_as_good_as_the_handle(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="a")
    api = cast.api("vera")
    assert api.get("/agents/a").json == api.get(f"/agents/{agent.id}").json
    assert api.get(f"/agents/{str(agent.id).upper()}").status_code == 200
