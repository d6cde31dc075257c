"""Models over the API: added, found, changed and deleted; their keys come in and never out."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from tests.cast import Api, Cast
from tests.factories import make_agent
from webapp.audit import services as audit
from webapp.catalog import prices, services
from webapp.catalog.models import ModelConfig
from webapp.core import sealing
from webapp.core.actor import Actor
from webapp.core.extensions import db

KEY = "sk-garnet-0123456789"
MINI = {"provider": "openai", "model": "gpt-4.1-mini", "api_key": KEY}
LOCAL = {
    "provider": "openai-compatible", "model": "llama3.2",
    "base_url": "http://127.0.0.1:11434/v1/", "input_cost": 0, "output_cost": 0,
    "max_context_tokens": 8192,
}  # fmt: skip


@pytest.fixture
def api(cast: Cast) -> Api:
    return cast.api("alice")


def add(api: Api, **body: Any) -> dict[str, Any]:
    made = api.post("/models", LOCAL | body)
    assert made.status_code == 201, made.text
    return dict(made.json)


def find(organization_id: UUID, name: str) -> ModelConfig:
    found = services.find_model(organization_id, name)
    assert found is not None
    return found


def test_extractive_is_always_there(api: Api) -> None:
    [built_in] = api.get("/models").json
    assert built_in["id"] == built_in["name"] == built_in["provider"] == "extractive"
    assert (built_in["is_built_in"], built_in["is_default"]) == (True, True)
    assert (built_in["input_cost"], built_in["output_cost"]) == (0, 0)
    assert api.get("/models/extractive").json == built_in
    for answer in (
        api.post("/models", {"provider": "extractive", "model": "extractive"}),
        api.delete("/models/extractive"),
        api.request("PATCH", "/models/extractive", {"model": "other"}),
        api.post("/models", LOCAL | {"name": "extractive"}),
    ):
        assert answer.status_code == 409, answer.text


def test_a_model_is_added_found_changed_and_deleted(api: Api, alice: Actor) -> None:
    made = api.post("/models", LOCAL)
    assert made.status_code == 201
    path = f"/models/{made.json['id']}"
    assert made.headers["Location"] == f"/api/v1{path}"
    assert made.json["name"] == "openai-compatible:llama3.2"
    assert made.json["base_url"] == "http://127.0.0.1:11434/v1"
    assert api.get(path).json == made.json
    assert [model["name"] for model in api.get("/models").json] == [
        "extractive", "openai-compatible:llama3.2",
    ]  # fmt: skip
    changed = api.request("PATCH", path, {"name": "local", "input_cost": 0.25}).json
    assert (changed["name"], changed["input_cost"], changed["output_cost"]) == ("local", 0.25, 0)
    assert set(audit.latest(alice.organization_id)[0].detail["fields"]) == {"input_cost", "name"}
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == api.delete(path).status_code == 404
    assert [entry.action for entry in audit.latest(alice.organization_id)[:3]] == [
        "delete", "update", "create",
    ]  # fmt: skip


def test_another_name_is_followed_by_one_that_was_made_of_it(api: Api) -> None:
    path = f"/models/{add(api)['id']}"
    changed = api.request("PATCH", path, {"model": "qwen3", "input_cost": 0, "output_cost": 0})
    assert changed.json["name"] == "openai-compatible:qwen3"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"base_url": None}, "base_url"),
        ({"base_url": "ftp://host"}, "base_url"),
        ({"base_url": "http://me:secret@host/v1"}, "base_url"),
        ({"base_url": "http://host/v1?key=secret"}, "base_url"),
        ({"base_url": "http://"}, "base_url"),
        ({"provider": "hal"}, "provider"),
        ({"model": " "}, "model"),
        ({"model": "x" * 201}, "model"),
        ({"input_cost": -1}, "input_cost"),
        ({"output_cost": "free"}, "output_cost"),
        ({"max_context_tokens": 0}, "max_context_tokens"),
        ({"api_key": "two words"}, "api_key"),
        ({"api_key": "sk-\nx"}, "api_key"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_is_refused_by_field(api: Api, body: dict[str, Any], field: str) -> None:
    answer = api.post("/models", LOCAL | body)
    assert answer.status_code == 422, answer.text
    assert answer.json["errors"][0]["field"] == field
    assert "secret" not in answer.text
    assert len(api.get("/models").json) == 1


def test_two_models_have_two_names(api: Api) -> None:
    add(api)
    taken = api.post("/models", LOCAL | {"base_url": "http://127.0.0.1:8001/v1"})
    assert (taken.status_code, taken.json["code"]) == (409, "model_exists")
    assert taken.json["errors"][0]["field"] == "name"
    other = add(api, name="vllm", base_url="http://127.0.0.1:8001/v1")
    renamed = api.request("PATCH", f"/models/{other['id']}", {"name": "openai-compatible:llama3.2"})
    assert (renamed.status_code, renamed.json["code"]) == (409, "model_exists")
    assert api.get(f"/models/{other['id']}").json["name"] == "vllm"


def test_a_key_comes_in_and_never_out(api: Api, alice: Actor) -> None:
    made = api.post("/models", MINI)
    path = f"/models/{made.json['id']}"
    assert made.json["key"] == "set"
    told = [made, api.get(path), api.get("/models")]
    told.append(api.request("PATCH", path, {"api_key": f"{KEY}-2"}))
    told.append(api.post("/models", MINI))
    told.append(api.post("/models", MINI | {"api_key": f"{KEY} {KEY}", "name": "other"}))
    assert [answer.status_code for answer in told] == [201, 200, 200, 200, 409, 422]
    assert not any("garnet" in answer.text for answer in told)
    written = json.dumps([entry.detail for entry in audit.latest(alice.organization_id)])
    assert "garnet" not in written
    assert "api_key" in written
    row = str(db.session.execute(text("SELECT * FROM model_configs")).all())
    assert "garnet" not in row
    model = db.session.scalars(select(ModelConfig)).one()
    assert sealing.unseal(model.sealed_key or "") == f"{KEY}-2"
    assert model.as_order()["api_key"] == f"{KEY}-2"
    assert api.request("PATCH", path, {"api_key": None}).json["key"] == "none"
    db.session.refresh(model)
    assert model.as_order()["api_key"] is None


def test_a_key_is_not_sent_to_another_server_than_it_was_given_for(api: Api) -> None:
    path = f"/models/{add(api, api_key=KEY)['id']}"
    elsewhere = {"base_url": "http://127.0.0.1:9999/v1"}
    refused = api.request("PATCH", path, elsewhere)
    assert refused.status_code == 422
    assert refused.json["errors"][0]["field"] == "api_key"
    assert api.request("PATCH", path, {"provider": "openai"}).status_code == 422
    assert api.get(path).json["base_url"] == "http://127.0.0.1:11434/v1"
    assert api.request("PATCH", path, elsewhere | {"api_key": "another"}).status_code == 200
    assert (
        api.request("PATCH", path, {"base_url": LOCAL["base_url"], "api_key": None}).json["key"]
        == "none"
    )


def test_prices_and_context_are_looked_up_where_they_are_listed(api: Api) -> None:
    made = api.post("/models", MINI).json
    assert (made["input_cost"], made["output_cost"]) == (0.4, 1.6)
    assert made["max_context_tokens"] > 100_000
    # The price of long prompts is another one.
    sonnet = {"provider": "anthropic", "model": "claude-sonnet-4-5", "api_key": KEY}
    made = api.post("/models", sonnet | {"output_cost": 9.5}).json
    assert (made["input_cost"], made["output_cost"]) == (3, 9.5)
    unknown = api.post("/models", MINI | {"model": "gpt-of-tomorrow"}).json
    assert unknown["input_cost"] is unknown["output_cost"] is unknown["max_context_tokens"] is None
    path = f"/models/{unknown['id']}"
    assert api.request("PATCH", path, {"model": "gpt-4o"}).json["input_cost"] == 2.5
    none = api.request("PATCH", path, {"model": "gpt-4o-mini", "input_cost": None}).json
    assert (none["input_cost"], none["output_cost"]) == (None, 0.6)


def test_a_server_is_known_by_its_address_or_not_at_all() -> None:
    router = prices.find_prices(
        "openai-compatible", "openai/gpt-4o", "https://openrouter.ai/api/v1"
    )
    assert router["input_cost"] == 2.5
    local = prices.find_prices("openai-compatible", "gpt-4o", "http://127.0.0.1:1/v1")
    assert local == dict.fromkeys(prices.FIELDS)


def test_one_model_is_the_default_and_new_agents_begin_with_it(api: Api, alice: Actor) -> None:
    first, second = add(api, name="first", is_default=True), add(api, name="second")
    assert [model["name"] for model in api.get("/models").json if model["is_default"]] == ["first"]
    plain = api.post("/agents", {"name": "Plain", "instructions": "x"})
    assert plain.json["model"] == "first"
    api.request("PATCH", f"/models/{second['id']}", {"is_default": True})
    assert [model["name"] for model in api.get("/models").json if model["is_default"]] == ["second"]
    assert find(alice.organization_id, "").name == "second"
    chosen = api.request("PATCH", "/models/extractive", {"is_default": True})
    assert chosen.json["is_default"] is True
    assert not any(api.get(f"/models/{item['id']}").json["is_default"] for item in (first, second))
    assert find(alice.organization_id, "").is_built_in


def test_an_agent_names_a_model_by_id_by_name_or_by_provider(api: Api, alice: Actor) -> None:
    made = add(api, name="local")
    own = alice.organization_id
    for name in (made["id"], "local", "openai-compatible:llama3.2"):
        found = services.find_model(own, name)
        assert found is not None and str(found.id) == made["id"]
    older = services.find_model(own, "openai-compatible:llama3.2")
    add(api, name="newer", base_url="http://127.0.0.1:8001/v1")
    assert services.find_model(own, "openai-compatible:llama3.2") is older
    named = add(api, name="openai-compatible:llama3.2", base_url="http://127.0.0.1:8002/v1")
    assert str(find(own, "openai-compatible:llama3.2").id) == named["id"]
    for name in ("Local", "gpt-9", "openai:llama3.2"):
        assert services.find_model(own, name) is None
    assert services.find_names(own) == [
        "extractive", "local", "newer", "openai-compatible:llama3.2",
    ]  # fmt: skip
    order = older.as_order() if older else {}
    assert order == {
        "provider": "openai-compatible", "model": "llama3.2", "api_key": None,
        "base_url": "http://127.0.0.1:11434/v1", "input_cost": 0, "output_cost": 0,
        "max_context_tokens": 8192,
    }  # fmt: skip


def test_a_model_of_another_organization_is_not_there(api: Api, cast: Cast, charlie: Actor) -> None:
    made = add(api, name="local")
    for name in (made["id"], "local"):
        assert services.find_model(charlie.organization_id, name) is None
    theirs = cast.api("charlie")
    assert [model["name"] for model in theirs.get("/models").json] == ["extractive"]
    body = {"name": "Spy", "instructions": "x", "model_config_id": made["id"]}
    refused = theirs.post("/agents", body)
    assert refused.status_code == 400
    assert refused.json["extras"] == {"field": "model_config_id", "available": ["extractive"]}


def test_a_body_may_name_the_model_of_the_catalog(api: Api) -> None:
    made = add(api, name="local")
    body = {"name": "By id", "handle": "by-id", "instructions": "x"}
    assert api.post("/agents", body | {"model_config_id": made["id"]}).json["model"] == made["id"]
    changed = api.put("/agents/by-id", {"model_config_id": "local"})
    assert changed.json["model"] == "local"
    refused = api.put("/agents/by-id", {"model_config_id": "gpt-9"})
    assert (refused.status_code, refused.json["code"]) == (400, "unknown_model")
    assert refused.json["extras"]["available"] == ["extractive", "local"]
    assert api.put("/agents/by-id", {"model": "gpt-9"}).status_code == 200


def test_a_model_that_agents_name_is_deleted_and_renamed_with_care(api: Api, alice: Actor) -> None:
    made = add(api, name="local")
    path = f"/models/{made['id']}"
    make_agent(alice, name="One", handle="one", model="local")
    make_agent(alice, name="Two", handle="two", model="openai-compatible:llama3.2")
    make_agent(alice, name="Three", handle="three", model=made["id"])
    make_agent(alice, name="Four", handle="four", model="LOCAL")
    refused = api.delete(path)
    assert (refused.status_code, refused.json["code"]) == (409, "model_in_use")
    assert refused.json["extras"] == {"agents": ["One", "Three", "Two"]}
    assert refused.json["detail"] == "local is the model of One, Three, Two."
    renamed = api.request("PATCH", path, {"name": "other"})
    assert (renamed.status_code, renamed.json["extras"]) == (409, {"agents": ["One"]})
    assert api.request("PATCH", path, {"input_cost": 1}).status_code == 200
    assert api.delete(f"{path}?force=true").status_code == 204


def test_members_read_and_only_admins_write(api: Api, cast: Cast) -> None:
    path = f"/models/{add(api)['id']}"
    for name in ("vera", "bob"):
        other = cast.api(name)
        assert other.get(path).status_code == other.get("/models").status_code == 200
        for answer in (
            other.post("/models", LOCAL),
            other.request("PATCH", path, {"name": "mine"}),
            other.delete(path),
            other.post(f"{path}/test"),
        ):
            assert answer.status_code == 403


def test_there_is_an_end_to_them(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_MODELS", 2)
    add(api, name="first")
    add(api, name="second")
    refused = api.post("/models", LOCAL | {"name": "third"})
    assert (refused.status_code, refused.json["code"]) == (409, "too_many_models")
