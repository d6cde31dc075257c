"""Many executions cancelled or retried at once: those named, or all that a filter finds."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.cast import Cast
from tests.executions.conftest import stored
from tests.executions.test_list import execute
from tests.factories import make_agent
from webapp import engine
from webapp.audit.models import AuditEntry
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.engine import JobStatus
from webapp.executions import bulk, services
from webapp.executions.models import Execution


@pytest.fixture
def few(alice: Actor, monkeypatch: pytest.MonkeyPatch) -> list[Execution]:
    """Five pending ones, of which the last has been cancelled."""
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    make_agent(alice, handle="helper")
    made = [execute(alice, project_id=f"p{number % 2}") for number in range(5)]
    services.cancel_execution(made[-1].id, actor=alice)
    return made


def statuses(executions: list[Execution]) -> list[str]:
    return [stored(execution).status for execution in executions]


def test_all_that_match_are_cancelled(cast: Cast, few: list[Execution]) -> None:
    api, body = cast.api("bob"), {"filter": {"project": "p0"}}
    tried = api.post("/executions/bulk/cancel?dry_run=true", body).json
    assert statuses(few) == ["pending"] * 4 + ["cancelled"]
    answer = api.post("/executions/bulk/cancel", body).json
    for said in (tried, answer):
        assert said["matched"] == 3
        assert [result["status"] for result in said["results"]] == [200, 200, 409]
    assert answer["results"][2]["problem"]["code"] == "execution_finished"
    assert statuses(few) == ["cancelled", "pending", "cancelled", "pending", "cancelled"]
    assert engine.status(few[0].job_key) is JobStatus.CANCELLED
    entries = db.session.scalars(db.select(AuditEntry).where(AuditEntry.action == "cancel")).all()
    assert [entry.detail for entry in entries].count({"bulk": True}) == 2


def test_those_that_are_named_are_cancelled(cast: Cast, few: list[Execution], alice: Actor) -> None:
    ids = [str(few[1].id), str(uuid4())]
    answer = cast.api("bob").post("/executions/bulk/cancel", {"ids": ids}).json
    assert {result["id"]: result["status"] for result in answer["results"]} == {
        ids[0]: 200, ids[1]: 404,
    }  # fmt: skip
    assert answer["matched"] == 1
    theirs = cast.api("charlie").post("/executions/bulk/cancel", {"ids": [str(few[0].id)]}).json
    assert theirs["matched"] == 0
    assert stored(few[0]).status == "pending"


def test_all_that_match_are_retried(cast: Cast, few: list[Execution]) -> None:
    body = {"filter": {"status": "cancelled"}, "version": "newest"}
    api = cast.api("bob")
    api.post("/executions/bulk/retry?dry_run=true", body)
    assert db.session.scalar(db.select(db.func.count()).select_from(Execution)) == 5
    answer = api.post("/executions/bulk/retry", body).json
    (result,) = answer["results"]
    assert (result["id"], result["status"]) == (str(few[-1].id), 201)
    made = api.get(f"/executions/{result['execution_id']}").json
    assert (made["retry_of"], made["status"]) == (str(few[-1].id), "pending")
    refused = api.post("/executions/bulk/retry", {"ids": [str(few[0].id)]}).json
    assert refused["results"][0]["problem"]["code"] == "not_retryable"


def test_no_key_promises_that_many_are_retried_once(cast: Cast, few: list[Execution]) -> None:
    body = {"filter": {"status": "cancelled"}}
    answer = cast.api("bob").post(
        "/executions/bulk/retry", body, headers={"Idempotency-Key": "again"}
    )
    assert answer.status_code == 422
    assert "starts one execution" in answer.json["detail"]
    assert db.session.scalar(db.select(db.func.count()).select_from(Execution)) == 5


@pytest.mark.parametrize(
    "body", [{}, {"ids": [], "filter": {}}, {"filter": {"projekt": "x"}}, {"ids": ["x"]}]
)
def test_a_selection_that_says_nothing_is_refused(cast: Cast, body: dict[str, Any]) -> None:
    assert cast.api("bob").post("/executions/bulk/cancel", body).status_code == 422
    assert cast.api("vera").post("/executions/bulk/cancel", body).status_code == 403


def test_too_many_are_refused(
    cast: Cast, few: list[Execution], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MAX_EXECUTIONS", 4)
    refused = cast.api("bob").post("/executions/bulk/cancel", {"filter": {}})
    assert (refused.status_code, refused.json["code"]) == (409, "too_many")
    assert statuses(few) == ["pending"] * 4 + ["cancelled"]
