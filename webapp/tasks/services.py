"""Start, follow, cancel and retry tasks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select

from webapp import engine
from webapp.audit import services as audit
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.database.transactions import get_locked
from webapp.core.errors import Conflict, NotFound
from webapp.core.extensions import db
from webapp.core.feature import contributions
from webapp.core.lists import Page
from webapp.tasks.changes import announce, conclude, start_task
from webapp.tasks.kinds import TaskKind
from webapp.tasks.models import Status, Task
from webapp.tasks.permissions import TASKS_WRITE
from webapp.tasks.schemas import TaskQuery


def get_task(task_id: str, *, actor: Actor, lock: bool = False) -> Task:
    statement = select(Task).where(
        Task.organization_id == actor.organization_id, Task.id == task_id
    )
    task: Task | None = get_locked(statement) if lock else db.session.scalar(statement)
    if task is None:
        raise NotFound(f"Task not found: {task_id}")
    return task


def list_tasks(query: TaskQuery, *, actor: Actor) -> Page:
    """One page of the organization's tasks, newest first."""
    statement = select(Task).where(Task.organization_id == actor.organization_id)
    if query.status:
        statement = statement.where(Task.status == query.status)
    if query.task_type:
        statement = statement.where(Task.task_type == query.task_type)
    if query.agent_id:
        statement = statement.where(Task.agent_id == query.agent_id)
    total = db.session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    rows = (
        statement.order_by(Task.created_at.desc(), Task.id).limit(query.limit).offset(query.offset)
    )
    return Page(list(db.session.scalars(rows)), total, query.limit, query.offset)


def cancel_task(task_id: str, *, actor: Actor) -> Task:
    """Ask a pending or running task to stop; Conflict when it has ended."""
    actor.require(TASKS_WRITE)
    task = get_task(task_id, actor=actor, lock=True)
    task.request_cancel(clock.now())
    audit.record(actor, "cancel", task)
    announce(task)
    conclude(task)
    db.session.commit()
    engine.cancel(task.id)
    return task


def retry_task(task_id: str, *, actor: Actor) -> Task:
    """Start a failed or cancelled task again as a new one that names the old."""
    actor.require(TASKS_WRITE)
    old = get_task(task_id, actor=actor, lock=True)
    if not old.is_retryable:
        raise Conflict(
            f"Task {old.id} is {old.status}; there is nothing to retry.", code="not_retryable"
        )
    task = start_task(
        old.task_type,
        title=old.title,
        input=old.input,
        actor=actor,
        agent_id=old.agent_id,
        retry_of=old.id,
        webhook_url=old.webhook_url,
    )
    audit.record(actor, "retry", old)
    db.session.commit()
    return task


def forget_tasks(before: datetime, limit: int, *, failed: bool) -> int:
    """Delete the oldest tasks that ended before a moment, in the running transaction."""
    statuses = (Status.FAILED,) if failed else (Status.COMPLETED, Status.CANCELLED)
    tasks = list(
        db.session.scalars(
            select(Task)
            .where(Task.completed_at < before, Task.status.in_(statuses))
            .order_by(Task.completed_at)
            .limit(limit)
        )
    )
    shared = _tried_again(tasks)
    for kind in contributions(TaskKind):
        if kind.before_purge:
            of_kind = (task for task in tasks if task.task_type == kind.name)
            kind.before_purge([task for task in of_kind if task.id not in shared])
    db.session.execute(delete(Task).where(Task.id.in_([task.id for task in tasks])))
    return len(tasks)


def _tried_again(tasks: Sequence[Task]) -> set[str]:
    """The ids of tasks whose input is also that of another try, which stays."""
    ids = {task.id for task in tasks}
    origins = {task.retry_of for task in tasks if task.retry_of}
    retries = db.session.execute(
        select(Task.id, Task.retry_of).where(Task.retry_of.in_(ids | origins))
    )
    staying = {retry.retry_of for retry in retries if retry.id not in ids}
    return {task.id for task in tasks if task.id in staying or task.retry_of in staying}
