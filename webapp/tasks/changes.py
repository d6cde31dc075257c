"""What happens to tasks inside of somebody else's transaction, who commits it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from webapp import engine
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.tasks.kinds import find_kind
from webapp.tasks.models import Status, Task
from webapp.webhooks import changes as webhooks


def start_task(
    task_type: str,
    *,
    title: str,
    input: dict[str, Any],
    actor: Actor,
    agent_id: UUID | None = None,
    retry_of: str | None = None,
    webhook_url: str | None = None,
    is_background: bool = True,
) -> Task:
    """Add a task and its job to the running transaction; both are committed or neither.

    One that is not in the background has no job: it runs already, and the caller finishes it. The
    webhook is told of the task's end.
    """
    task = Task(
        organization_id=actor.organization_id,
        agent_id=agent_id,
        task_type=task_type,
        title=title[:300],
        input=input,
        retry_of=retry_of,
        webhook_url=webhook_url,
        created_by=actor.name,
    )
    db.session.add(task)
    db.session.flush()
    if is_background:
        engine.enqueue(db.session(), "task", key=task.id)
    else:
        task.begin(clock.now())
    announce(task)
    return task


def finish_task(task: Task, result: dict[str, Any]) -> None:
    """End a task that was not in the background."""
    task.result = result
    end_task(task, Status.COMPLETED)


def end_task(
    task: Task, status: Status, error: str | None = None, *, concludes: bool = True
) -> None:
    """Bring a locked task to its end, and tell who follows it.

    `concludes` is False where what its kind does then has failed.
    """
    task.end(status, clock.now(), error)
    announce(task)
    conclude(task, with_kind=concludes)


def conclude(task: Task, *, with_kind: bool = True) -> None:
    """What an ended task leaves to do; webhooks are told how it ended.

    See docs/contract/knowledge.md, webhook.
    """
    if task.completed_at is None:
        return
    kind = find_kind(task.task_type)
    if with_kind and kind and kind.when_ended:
        kind.when_ended(task)
    payload = {
        "task_id": task.id,
        "agent_id": str(task.agent_id) if task.agent_id else None,
        "status": task.status,
        "result": task.result,
        "error": task.error,
        "completed_at": clock.iso(task.completed_at),
    }
    webhooks.publish(task.organization_id, f"task.{task.status}", payload)
    if task.webhook_url is not None:
        webhooks.send(task.organization_id, task.webhook_url, payload)


def announce(task: Task) -> None:
    live.announce(f"task:{task.id}", task.organization_id)
    live.announce("tasks:all", task.organization_id)
