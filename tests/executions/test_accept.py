"""An execution is accepted, or refused with what is wrong."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.cast import Cast
from tests.factories import make_agent
from webapp import engine
from webapp.agents.models import Environment, Status
from webapp.agents.releases import services as releases
from webapp.agents.schemas import AgentUpdate, PublishRequest
from webapp.agents.services import update_agent
from webapp.audit.models import AuditEntry
from webapp.core import clock, idempotency
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.engine import JobStatus
from webapp.engine.sandbox import Limits
from webapp.executions import inputs
from webapp.executions.models import Execution

SCHEMA = {
    "type": "object",
    "required": ["city"],
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "array", "items": {"type": "integer"}},
    },
    "additionalProperties": False,
}


def stored(answer: Any) -> Execution:
    db.session.expire_all()
    return db.session.get_one(Execution, UUID(answer.json["id"]))


def test_it_is_accepted_with_its_job_in_one_commit(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="helper")
    answer = cast.api("bob").post("/agents/helper/execute", {"input": "What is tea?"})
    assert answer.status_code == 202
    assert answer.json["input"] == {"prompt": "What is tea?"}
    assert (answer.json["status"], answer.json["attempt"]) == ("pending", 1)
    assert answer.json["agent_id"] == str(agent.id)
    assert (answer.json["agent_version"], answer.json["release"]) == (1, None)
    assert answer.json["waiting_for"] == "worker"
    assert answer.json["waiting_reason"] == "No worker is running."
    assert answer.json["waiting_since"] is not None
    assert engine.status(stored(answer).job_key) is JobStatus.PENDING
    entry = db.session.scalars(db.select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry and (entry.action, entry.subject_type) == ("execute", "execution")
    assert entry.detail == {"agent": "helper", "version": 1}


def test_the_agent_may_be_named_in_the_body(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper")
    body = {
        "agent_id": "helper",
        "input": {"n": 1},
        "project_id": "p",
        "conversation_id": "c",
        "priority": 2,
        "timeout_seconds": 12.5,
    }
    answer = cast.api("bob").post("/executions", body)
    assert answer.status_code == 202
    told = ("input", "project_id", "conversation_id", "priority", "timeout_seconds", "trigger")
    assert [answer.json[name] for name in told] == [{"n": 1}, "p", "c", 2, 12.5, "api"]


def test_an_input_that_the_schema_refuses_is_named_by_its_json_path(
    cast: Cast, alice: Actor
) -> None:
    make_agent(alice, handle="helper", input_schema=SCHEMA)
    api = cast.api("bob")
    answer = api.post("/agents/helper/execute", {"input": {"city": "Bonn", "days": [1, "x"]}})
    assert (answer.status_code, answer.json["code"]) == (422, "input_invalid")
    assert [error["field"] for error in answer.json["errors"]] == ["input.days.1"]
    answer = api.post("/agents/helper/execute", {"input": "Bonn"})
    assert answer.status_code == 422
    assert [(error["field"], error["code"]) for error in answer.json["errors"]] == [
        ("input", "required"),
        ("input", "additionalProperties"),
    ]
    assert api.post("/agents/helper/execute", {"input": {"city": "Bonn"}}).status_code == 202


def test_an_input_is_held_to_patterns_for_so_long(
    cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string", "pattern": "^B"}}}
    make_agent(alice, handle="helper", input_schema=schema)
    api = cast.api("bob")
    good, bad = ({"input": {"city": city}} for city in ("Bonn", "Ulm"))
    assert api.post("/agents/helper/execute", good).status_code == 202
    answer = api.post("/agents/helper/execute", bad)
    assert (answer.status_code, answer.json["code"]) == (422, "input_invalid")
    assert [(error["field"], error["code"]) for error in answer.json["errors"]] == [
        ("input.city", "pattern")
    ]
    monkeypatch.setattr(inputs, "LIMITS", Limits(seconds=0.001))
    answer = api.post("/agents/helper/execute", good)
    assert (answer.status_code, answer.json["code"]) == (422, "input_invalid")
    assert "could not be checked in time" in answer.json["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"input": 5},
        {"input": "x", "odd": 1},
        {"input": "x", "priority": 0},
        {"input": "x", "priority": 10},
        {"input": "x", "wait": 61},
        {"input": "x", "wait": -1},
        {"input": "x", "timeout_seconds": 0},
        {"input": "x", "timeout_seconds": 3601},
        {"input": "x", "version": 0},
        {"input": "x", "environment": "moon"},
        {"input": "x", "environment": "staging", "version": 1},
    ],
)
def test_a_body_of_another_shape_is_refused(cast: Cast, alice: Actor, body: dict[str, Any]) -> None:
    make_agent(alice, handle="helper")
    assert cast.api("bob").post("/agents/helper/execute", body).status_code == 422


def test_a_viewer_runs_nothing_and_reads_all(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper")
    answer = cast.api("bob").post("/agents/helper/execute", {"input": "x"})
    path = f"/executions/{answer.json['id']}"
    vera = cast.api("vera")
    assert vera.post("/agents/helper/execute", {"input": "x"}).status_code == 403
    assert vera.post(f"{path}/cancel").status_code == 403
    assert vera.post(f"{path}/retry", {}).status_code == 403
    for reads in ("", "/logs", "/logs?format=csv"):
        assert vera.get(path + reads).status_code == 200


def test_another_organization_sees_nothing(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper")
    answer = cast.api("bob").post("/agents/helper/execute", {"input": "x"})
    path = f"/executions/{answer.json['id']}"
    charlie = cast.api("charlie")
    assert charlie.post("/agents/helper/execute", {"input": "x"}).status_code == 404
    for method, reads, body in (
        ("GET", "", None), ("GET", "/logs", None), ("GET", "/stream", None),
        ("POST", "/cancel", None), ("POST", "/retry", {}),
    ):  # fmt: skip
        refused = charlie.request(method, path + reads, body)
        assert refused.status_code == 404
        assert refused.json["detail"] == f"Execution not found: {answer.json['id']}"
    assert charlie.get("/executions").json == {"items": [], "next_cursor": None}
    assert stored(answer).status == "pending"


def test_production_s_release_runs(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="helper")
    api = cast.api("bob")

    def run(**body: Any) -> Any:
        return api.post("/agents/helper/execute", {"input": "x", **body})

    refused = run(environment="staging")
    assert (refused.status_code, refused.json["code"]) == (409, "nothing_running")
    releases.publish_version(agent.id, 1, PublishRequest(), actor=alice)
    update_agent(agent.id, AgentUpdate(instructions="Help more."), actor=alice)
    answer = run().json
    assert (answer["agent_version"], answer["release"], answer["environment"]) == (
        1, "1.0.0", "production",
    )  # fmt: skip
    staging = PublishRequest(environment=Environment.STAGING)
    releases.publish_version(agent.id, 2, staging, actor=alice)
    assert run(environment="staging").json["release"] == "1.1.0"
    for version in (2, "1.1.0"):
        answer = run(version=version).json
        assert (answer["agent_version"], answer["release"], answer["environment"]) == (
            2, "1.1.0", None,
        )  # fmt: skip
    for version in (7, "9.9.9"):
        refused = run(version=version)
        assert (refused.status_code, refused.json["code"]) == (400, "unknown_version")


def test_an_archived_release_does_not_run_and_a_deprecated_one_says_so(
    cast: Cast, alice: Actor
) -> None:
    agent = make_agent(alice, handle="helper")
    api = cast.api("bob")
    releases.publish_version(agent.id, 1, PublishRequest(), actor=alice)
    releases.change_status(agent.id, "1.0.0", Status.DEPRECATED, actor=alice)
    answer = api.post("/agents/helper/execute", {"input": "x"})
    (line,) = api.get(f"/executions/{answer.json['id']}/logs").json["items"]
    assert (line["level"], line["message"]) == ("warn", "Release 1.0.0 is deprecated.")
    update_agent(agent.id, AgentUpdate(instructions="Help more."), actor=alice)
    releases.publish_version(agent.id, 2, PublishRequest(), actor=alice)
    releases.change_status(agent.id, "1.0.0", Status.ARCHIVED, actor=alice)
    for version in (1, "1.0.0"):
        refused = api.post("/agents/helper/execute", {"input": "x", "version": version})
        assert (refused.status_code, refused.json["code"]) == (409, "release_archived")


def test_a_model_that_nobody_knows_is_refused_before_it_runs(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper", model="openai:gpt-99")
    refused = cast.api("bob").post("/agents/helper/execute", {"input": "x"})
    assert (refused.status_code, refused.json["code"]) == (400, "model_unknown")
    assert refused.json["detail"] == "Model not found: openai:gpt-99"
    assert db.session.scalars(db.select(Execution)).all() == []


def test_the_same_key_starts_one_execution(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper")
    api, headers = cast.api("bob"), {"Idempotency-Key": "order 7"}
    first = api.post("/agents/helper/execute", {"input": "x"}, headers=headers)
    again = api.post("/agents/helper/execute", {"input": "x"}, headers=headers)
    assert (again.status_code, again.json["id"]) == (202, first.json["id"])
    other = api.post("/agents/helper/execute", {"input": "y"}, headers=headers)
    assert (other.status_code, other.json["code"]) == (409, "idempotency_conflict")
    for key in ("", 256 * "k", "tea\u00e9"):
        odd = {"Idempotency-Key": key}
        refused = api.post("/agents/helper/execute", {"input": "x"}, headers=odd)
        assert refused.status_code == 422
    # Another person's key is another one.
    theirs = cast.api("alice").post("/agents/helper/execute", {"input": "x"}, headers=headers)
    assert theirs.json["id"] != first.json["id"]
    # A request that was refused has used up nothing.
    refused = api.post("/agents/nobody/execute", {"input": "x"}, headers={"Idempotency-Key": "8"})
    assert refused.status_code == 404
    taken = api.post("/agents/helper/execute", {"input": "x"}, headers={"Idempotency-Key": "8"})
    assert taken.status_code == 202


def test_a_key_is_forgotten_after_a_day(
    cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_agent(alice, handle="helper")
    api, headers = cast.api("bob"), {"Idempotency-Key": "k"}
    first = api.post("/agents/helper/execute", {"input": "x"}, headers=headers)
    later = clock.now() + idempotency.KEPT + idempotency.KEPT / 24
    monkeypatch.setattr(idempotency.clock, "now", lambda: later)
    again = api.post("/agents/helper/execute", {"input": "x"}, headers=headers)
    assert again.json["id"] != first.json["id"]
    assert idempotency.forget_keys(later + idempotency.KEPT, 10) == 1


def test_a_wait_that_is_too_short_answers_202(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper")
    answer = cast.api("bob").post("/agents/helper/execute", {"input": "x", "wait": 0.3})
    assert (answer.status_code, answer.json["status"]) == (202, "pending")
