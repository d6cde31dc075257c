"""What has served its time is deleted; what may still be asked for is not."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import create_engine, func, select, text

from tests.cast import Api, Cast
from tests.factories import make_agent
from tests.server import Installation, eventually
from webapp.audit import services as audit
from webapp.core import clock, feature, retention
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.core.feature import contributions
from webapp.core.retention import Retention
from webapp.coverage.models import CoverageRecord
from webapp.documents.models import Document, Upload, UploadPart
from webapp.questions.models import Question
from webapp.questions.unanswered.models import UnansweredQuestion
from webapp.tasks import changes, running
from webapp.tasks.models import Status, Task
from webapp.webhooks.models import Delivery

DAY = timedelta(days=1)


#: what is registered, and the table that it deletes from
FORGOTTEN = {
    "announcements": "announcements",
    "audit": "audit_entries",
    "coverage": "coverage_history",
    "deleted documents": "deleted_documents",
    "deliveries": "webhook_deliveries",
    "execution logs": "execution_logs",
    "executions": "executions",
    "failed tasks": "tasks",
    "idempotency keys": "idempotency_keys",
    "password links": "password_links",
    "pieces of output": "execution_chunks",
    "questions": "questions",
    "sessions": "sessions",
    "tasks": "tasks",
    "unanswered questions": "unanswered_questions",
    "unused scopes": "scopes",
    "usage of executions": "execution_usage",
    "webhook secrets": "webhook_secrets",
}
#: the reviewed list of all other tables, and what bounds each
BOUNDED = {
    "agent_coverage": "one for each agent",
    "agent_facets": "some for each agent",
    "agent_texts": "one for each active agent",
    "agent_usage": "one for each agent",
    "agent_versions": "an agent's history, kept as long as the agent",
    "agents": "made by people; a deleted one can be restored, until it is removed for good",
    "api_keys": "made by people",
    "chunks": "go with their document",
    "coverage_targets": "go with their agent",
    "deleted_document_nodes": "go with their document",
    "deployments": "an agent's history, kept as long as the agent",
    "document_nodes": "go with their document",
    "document_texts": "one for each document",
    "documents": "brought and deleted by people",
    "execution_retention": "one for each organization at most",
    "execution_steps": "go with their execution",
    "index_deletions": "go when segments are merged",
    "index_postings": "go when segments are merged",
    "index_segments": "go when segments are merged",
    "index_states": "one for each organization",
    "memberships": "made and removed by people",
    "model_configs": "made and deleted by people, 200 at most",
    "node_stats": "one for each topic",
    "organizations": "made by the operator",
    "releases": "an agent's history, kept as long as the agent",
    "saved_views": "made and deleted by people, 50 of a list at most",
    "scope_roots": "go with their scope",
    "tallies": "some for each value that agents and documents have",
    "taxonomies": "made and deleted by people",
    "taxonomy_closure": "goes with its taxonomy",
    "taxonomy_edges": "go with their taxonomy",
    "taxonomy_nodes": "go with their taxonomy",
    "upload_parts": "go with their upload",
    "uploads": "go with their document or their task",
    "users": "made by people",
    "webhook_attempts": "go with their message",
    "webhooks": "made by people",
    "workers": "one a running worker; a worker that begins forgets those that are gone",
}


def test_every_table_is_forgotten_or_does_not_grow_by_itself(app: APIFlask) -> None:
    assert {item.name for item in contributions(Retention)} == set(FORGOTTEN)
    assert not set(FORGOTTEN.values()) & set(BOUNDED)
    assert set(db.metadata.tables) == set(FORGOTTEN.values()) | set(BOUNDED)


def count(model: type[Any]) -> int:
    db.session.expire_all()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def make_task(alice: Actor, status: Status | None, age: timedelta) -> str:
    task = changes.start_task("refresh", title="t", input={}, actor=alice)
    task.created_at = clock.now() - age
    if status:
        task.end(status, clock.now() - age)
    db.session.commit()
    return task.id


def test_ended_tasks_go_after_a_day_and_failed_ones_after_ninety(cast: Cast, alice: Actor) -> None:
    kept = {
        make_task(alice, None, 100 * DAY),
        make_task(alice, Status.COMPLETED, 0.9 * DAY),
        make_task(alice, Status.CANCELLED, 0.9 * DAY),
        make_task(alice, Status.FAILED, 89 * DAY),
    }
    for status, age in (
        (Status.COMPLETED, 1.1), (Status.CANCELLED, 1.1), (Status.FAILED, 91),
    ):  # fmt: skip
        make_task(alice, status, age * DAY)
    assert not retention.sweep()
    assert set(db.session.scalars(select(Task.id))) == kept


def test_a_batch_at_a_time(cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(3):
        make_task(alice, Status.COMPLETED, 2 * DAY)
    assert retention.sweep()
    assert count(Task) == 1
    assert not retention.sweep()
    assert count(Task) == 0


def test_messages_history_and_questions_go_after_ninety_days(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice)
    now = clock.now()
    for age in (89 * DAY, 91 * DAY):
        at = now - age
        delivery = Delivery(
            organization_id=alice.organization_id, url="https://a.example", payload={},
            status="delivered", created_at=at, completed_at=at,
        )  # fmt: skip
        record = CoverageRecord(
            agent_id=agent.id, timestamp=at, overall_coverage=1.0, total_documents=1,
            total_chunks=1,
        )  # fmt: skip
        asked = Question(
            organization_id=alice.organization_id, agent_id=agent.id, text="?", result_count=0,
            query_time_ms=1.0, created_at=at,
        )  # fmt: skip
        question = UnansweredQuestion(
            organization_id=alice.organization_id, agent_id=agent.id, text="?", vector=b"",
            confidence=0.0, first_asked_at=now - 100 * DAY, last_asked_at=at,
        )  # fmt: skip
        db.session.add_all([delivery, record, asked, question])
    db.session.commit()
    retention.sweep()
    for model in (Delivery, CoverageRecord, Question, UnansweredQuestion):
        assert count(model) == 1, model
    assert db.session.scalars(select(Delivery)).one().completed_at == now - 89 * DAY


def test_audit_entries_go_after_two_years(cast: Cast, alice: Actor) -> None:
    entries = audit.latest(alice.organization_id)
    assert len(entries) >= 2
    entries[0].created_at = clock.now() - 729 * DAY
    entries[1].created_at = clock.now() - 731 * DAY
    kept = {entry.id for entry in entries} - {entries[1].id}
    db.session.commit()
    retention.sweep()
    assert {entry.id for entry in audit.latest(alice.organization_id)} == kept


# What imports leave


def send(api: Api, name: str, content: bytes) -> str:
    data = {"file": (io.BytesIO(content), name)}
    answer = api.post("/documents", data=data, content_type="multipart/form-data")
    return str(answer.json["task_id"])


def grow_old(task_id: str) -> None:
    db.session.get_one(Task, task_id).completed_at = clock.now() - 100 * DAY
    db.session.commit()


def test_lines_that_were_never_read_go_with_their_task(cast: Cast) -> None:
    api = cast.api("alice")
    task_id = send(api, "lines.ndjson", b'{"content": "garnet"}')
    api.delete(f"/tasks/{task_id}")
    retry = api.post(f"/tasks/{task_id}/retry").json["task_id"]
    grow_old(task_id)
    retention.sweep()
    assert list(db.session.scalars(select(Task.id))) == [retry]
    running.run_task(retry)
    assert db.session.get_one(Task, retry, populate_existing=True).result["created"] == 1

    other = send(api, "more.ndjson", b'{"content": "basalt"}')
    api.delete(f"/tasks/{other}")
    grow_old(other)
    assert (count(Upload), count(UploadPart)) == (1, 1)
    retention.sweep()
    assert (count(Upload), count(UploadPart)) == (0, 0)


def test_the_file_of_a_document_stays(cast: Cast) -> None:
    api = cast.api("alice")
    running.run_task(read := send(api, "read.md", b"garnet"))
    failed = send(api, "unread.md", b"basalt")
    api.delete(f"/tasks/{failed}")
    for task_id in (read, failed):
        grow_old(task_id)
    retention.sweep()
    assert (count(Task), count(Upload)) == (0, 2)
    unread = db.session.scalars(select(Document).where(Document.status == "failed")).one()
    assert api.post(f"/documents/{unread.id}/retry").status_code == 202


def test_what_cannot_be_deleted_keeps_the_rest_from_nothing(
    app: APIFlask, cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_before: object, _limit: int) -> int:
        return len(db.session.execute(text("DELETE FROM not_there")).all())

    broken = Retention("broken", fail, DAY)
    monkeypatch.setitem(app.extensions, feature.KEY, [broken, *app.extensions[feature.KEY]])
    make_task(alice, Status.COMPLETED, 2 * DAY)
    with pytest.raises(ExceptionGroup) as raised:
        retention.sweep()
    assert raised.value.exceptions[0].__notes__ == ["While old broken were deleted."]
    assert count(Task) == 0


def test_a_worker_sweeps_when_it_begins(installation: Installation) -> None:
    task_id = installation.request("POST", "/knowledge/index/check")["task_id"]
    eventually(lambda: installation.request("GET", f"/tasks/{task_id}")["completed_at"])
    engine = create_engine(installation.database_url)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE tasks SET completed_at = '2020-01-01 00:00:00' WHERE id = :id"),
            {"id": task_id},
        )
    engine.dispose()
    installation.part("worker").kill()
    listed = lambda: installation.request("GET", "/tasks?limit=100")
    eventually(lambda: task_id not in {task["task_id"] for task in listed()})
