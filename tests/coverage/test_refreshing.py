"""Refreshes: by a task, at once, and after documents have changed; alerts where coverage fell."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from apiflask import APIFlask
from sqlalchemy import func, select, update

from tests.cast import Cast
from tests.coverage.physics import Ids, about, make_agent, run_task
from webapp.agents import deletion
from webapp.agents.models import Agent
from webapp.audit.models import AuditEntry
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.coverage import refresh, targets
from webapp.coverage import services as coverage
from webapp.coverage.figures import get_figures
from webapp.coverage.models import CoverageRecord
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.schemas import ScopeRequest
from webapp.documents.deletion import services as document_deletion
from webapp.tasks.models import Status, Task
from webapp.webhooks.models import Delivery


def test_a_refresh_in_the_background_is_a_task(cast: Cast, alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    about(alice, ids["Heat"], count=2)
    api = cast.api("alice")
    response = api.post(f"/agents/{agent.id}/coverage/refresh?background=true")
    assert response.status_code == 202
    task = response.json
    assert task["task_id"].startswith("task-")
    assert UUID(task["task_id"].removeprefix("task-")).version == 4
    assert (task["status"], task["task_type"]) == ("pending", "coverage_refresh")
    path = f"/agents/{agent.handle}/coverage/status/{task['task_id']}"
    assert api.get(path).json["started_at"] is None
    run_task(task["task_id"])
    done = api.get(path).json
    assert (done["status"], done["agent_id"]) == ("completed", str(agent.id))
    assert done["started_at"]
    assert done["result"] == {"coverage_percent": 50.0, "total_documents": 2, "total_chunks": 2}
    assert api.get(f"/agents/{agent.id}").json["coverage_percent"] == 50.0


def test_a_running_refresh_says_so(
    cast: Cast, alice: Actor, ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make_agent(alice, ids["Heat"])
    task = refresh.start_refresh(agent.id, actor=alice)
    seen = []

    def look(measured: Agent) -> coverage.Coverage:
        seen.append(cast.api("vera").get(f"/agents/{agent.id}/coverage/status/{task.id}").json)
        return coverage.measure(measured)

    monkeypatch.setattr(refresh, "measure", look)
    run_task(task.id)
    assert (seen[0]["status"], seen[0]["progress_percent"]) == ("running", 25.0)
    assert seen[0]["started_at"]
    assert seen[0]["completed_at"] is None


def test_a_refresh_at_once_answers_the_finished_task(cast: Cast, alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    about(alice, ids["Heat"])
    response = cast.api("alice").post(f"/agents/{agent.id}/coverage/refresh?background=false")
    assert response.status_code == 200
    assert response.json["status"] == "completed"
    assert response.json["result"]["coverage_percent"] == 25.0
    assert response.json["task_id"].startswith("task-")
    history = cast.api("vera").get(f"/agents/{agent.id}/coverage/history").json
    assert history["total_entries"] == 1


def test_a_task_taken_up_again_writes_one_row(alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    task = refresh.start_refresh(agent.id, actor=alice)
    run_task(task.id)
    # The worker died after its last commit and before the end was written.
    db.session.execute(
        update(Task).where(Task.id == task.id).values(status="running", completed_at=None)
    )
    db.session.commit()
    assert run_task(task.id).status == Status.COMPLETED
    assert db.session.scalar(select(func.count()).select_from(CoverageRecord)) == 1


def test_a_cancelled_refresh_keeps_nothing(cast: Cast, alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    api = cast.api("alice")
    task = api.post(f"/agents/{agent.id}/coverage/refresh").json
    assert api.delete(f"/tasks/{task['task_id']}").status_code == 204
    assert api.delete(f"/tasks/{task['task_id']}").status_code == 409
    assert run_task(task["task_id"]).status == Status.CANCELLED
    assert api.get(f"/agents/{agent.id}/coverage/history").json["history"] == []


def test_a_refresh_of_a_deleted_agent_fails_with_its_reason(alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    task = refresh.start_refresh(agent.id, actor=alice)
    deletion.delete_agent(agent.id, actor=alice)
    done = run_task(task.id)
    assert (done.status, done.error) == (Status.FAILED, f"Agent not found: {agent.id}")


def test_a_task_of_another_agent_is_not_found(cast: Cast, alice: Actor, ids: Ids) -> None:
    one, other = make_agent(alice, ids["Heat"]), make_agent(alice, ids["Heat"])
    task = refresh.start_refresh(one.id, actor=alice)
    api = cast.api("vera")
    for path in (f"{other.id}/coverage/status/{task.id}", f"{one.id}/coverage/status/task-none"):
        response = api.get(f"/agents/{path}")
        assert response.status_code == 404
        assert response.json["detail"].startswith("Task not found: task-")
    assert cast.api("charlie").get(f"/agents/{one.id}/coverage").status_code == 404


def test_coverage_is_measured_again_after_documents_changed(alice: Actor, ids: Ids) -> None:
    moved, still = make_agent(alice, ids["Heat"]), make_agent(alice, ids["Cooking"])
    about(alice, ids["Heat"], count=2)
    refresh.refresh_changed("coverage-job", organization_id=str(alice.organization_id))
    db.session.expire_all()
    figures = get_figures(moved)
    assert (figures.coverage_percent, figures.total_documents) == (50.0, 2)
    rows = list(db.session.scalars(select(CoverageRecord.agent_id)))
    assert rows == [moved.id]
    refresh.refresh_changed("coverage-job", organization_id=str(alice.organization_id))
    assert db.session.scalar(select(func.count()).select_from(CoverageRecord)) == 1
    assert get_figures(still).coverage_percent == 0.0


def test_the_etag_tells_that_the_same_was_measured_again(
    cast: Cast, alice: Actor, ids: Ids
) -> None:
    agent = make_agent(alice, ids["Heat"])
    known = cast.api("vera").get(f"/agents/{agent.id}")
    refresh.refresh_changed("coverage-job", organization_id=str(alice.organization_id))
    again = cast.api("vera").get(
        f"/agents/{agent.id}", headers={"If-None-Match": known.headers["ETag"]}
    )
    assert again.status_code == 200
    assert again.json["last_coverage_update"] > known.json["last_coverage_update"]
    assert db.session.scalar(select(func.count()).select_from(CoverageRecord)) == 0


@pytest.mark.parametrize("change", ["scope", "targets"])
def test_what_was_measured_before_another_scope_or_target_is_not_kept(
    app: APIFlask, alice: Actor, ids: Ids, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    agent = make_agent(alice, ids["Heat"], features_config={"coverage_alert_drop": 1})
    about(alice, ids["Heat"], count=2)
    about(alice, ids["Cooking"], count=4)
    refresh.start_refresh(agent.id, actor=alice, is_background=False)
    about(alice, ids["Heat"])

    def edit() -> None:
        with app.app_context():
            if change == "scope":
                body = ScopeRequest(taxonomy_node_ids=[ids["Cooking"]], taxonomy_version="1.0.0")
                scopes.set_scope(agent.id, body, actor=alice)
            else:
                targets.set_targets(agent.id, {ids["Heat"]: 3}, actor=alice)

    def look(measured: Agent) -> coverage.Coverage:
        found = coverage.measure(measured)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(edit).result()
        return found

    monkeypatch.setattr(refresh, "measure", look)
    refresh.refresh_changed("coverage-job", organization_id=str(alice.organization_id))
    assert get_figures(agent).coverage_percent == 100.0
    history = list(db.session.scalars(select(CoverageRecord.overall_coverage)))
    assert history == [50.0]


@pytest.mark.parametrize(("allowed", "alarms"), [(5, 1), (60, 0), (None, 0)])
def test_falling_coverage_raises_the_alarm(
    alice: Actor, ids: Ids, allowed: int | None, alarms: int
) -> None:
    features = {
        "coverage_alert_drop": allowed,
        "coverage_alert_webhook": "http://localhost:1/fell",
    }
    agent = make_agent(alice, ids["Heat"], features_config=features)
    old = about(alice, ids["Heat"], count=2)
    refresh.start_refresh(agent.id, actor=alice, is_background=False)
    for document in old:
        document_deletion.delete_document(document.id, actor=alice)
    refresh.start_refresh(agent.id, actor=alice, is_background=False)
    fell = select(AuditEntry).where(AuditEntry.action == "coverage_fell")
    entries = list(db.session.scalars(fell))
    assert [entry.detail for entry in entries] == [{"from": 50.0, "to": 0.0}] * alarms
    sent = list(db.session.scalars(select(Delivery.payload)))
    assert [payload["to"] for payload in sent] == [0.0] * alarms
