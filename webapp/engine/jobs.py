"""What the rest of the program may ask of the job engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask import current_app
from sqlalchemy.orm import Session, scoped_session

from webapp.engine import backend, control, wakeups
from webapp.engine.control import Interrupted, is_stopping
from webapp.engine.registry import get_registry


class JobStatus(StrEnum):
    """Where a job is on its way; the last three are final."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class JobProgress:
    """`position` counts from 1 among the waiting jobs, None once started; `attempts` counts
    how often a worker took the job; `worker` is the one that holds it."""

    status: JobStatus
    position: int | None
    attempts: int
    worker: str | None


def find(name: str) -> Callable[..., None]:
    """The function of the job `name`; LookupError where nothing registered it."""
    return get_registry(current_app).find(name).function


def enqueue(
    session: Session | scoped_session[Session],
    name: str,
    *,
    key: str,
    arguments: Mapping[str, Any] | None = None,
    priority: int = 5,
    delay_seconds: float | None = None,
) -> None:
    """Add a job inside the session's transaction: it exists when, and only when, that commits.

    `key` names this one run for ever; a second enqueue with the same key changes nothing.
    `arguments` are JSON. A lower `priority` (from 1) starts earlier. LookupError where nothing
    registered the job.
    """
    job = get_registry(current_app).find(name)
    if isinstance(session, scoped_session):
        session = session()
    backend.enqueue(
        session.connection(),
        job,
        key=key,
        arguments=dict(arguments or {}),
        priority=priority,
        delay_seconds=delay_seconds,
    )
    if delay_seconds is None:
        wakeups.send_on_commit(session, f"queue {job.queue}")


def enqueue_debounced(
    session: Session | scoped_session[Session],
    name: str,
    arguments: Mapping[str, Any],
    *,
    seconds: int,
    priority: int = 5,
) -> None:
    """Add a job that runs up to `seconds` after the transaction commits, once for many changes.

    All that is enqueued within the same few seconds with the same arguments is one run, which
    begins when they are over.
    """
    now = time.time()
    period = int(now // seconds) + 1
    about = "-".join(map(str, arguments.values()))
    enqueue(
        session,
        name,
        key=f"{name}-{about}-{period}",
        arguments=arguments,
        delay_seconds=period * seconds - now + 1,
        priority=priority,
    )


def cancel(key: str) -> None:
    """Take a waiting job off the queue, or ask one that has begun to stop.

    A running function is told within moments, wherever it runs: its token is set, and
    `check_interrupted` raises Cancelled. One whose worker has died meanwhile, or that waits to be
    run again, is called once more and told at once, so that it can end its own rows.

    It writes through a connection of its own: call it after the caller's commit.
    """
    backend.cancel(key)


def status(key: str) -> JobStatus | None:
    """The job's status, None where no job has that key."""
    job = progress(key)
    return job.status if job else None


def progress(key: str) -> JobProgress | None:
    """How far the job has come on its way to and through a worker."""
    job = backend.read(key)
    if job is None:
        return None
    return JobProgress(JobStatus(job.status), job.position, job.attempts, job.worker)


def find_unfinished(session: Session, keys: Collection[str]) -> set[str]:
    """Those of these jobs that have not ended: they wait, run, or go on later."""
    return set(backend.find_unfinished(session.connection(), keys)) if keys else set()


def schedule(
    name: str,
    job_name: str,
    *,
    cron: str,
    timezone: str = "UTC",
    arguments: Mapping[str, Any] | None = None,
) -> None:
    """Enqueue `job_name` at every time of `cron` (five fields, or six with seconds first).

    A second call with the same `name` replaces the schedule. Each time enqueues exactly one job
    however many workers run. ValueError on an impossible cron or timezone.
    """
    job = get_registry(current_app).find(job_name)
    backend.schedule(name, job, cron=cron, timezone=timezone, arguments=dict(arguments or {}))


def unschedule(name: str) -> None:
    """Remove a schedule; nothing happens where there is none."""
    backend.unschedule(name)


def check_interrupted() -> None:
    """Raise Cancelled when somebody cancelled the job, Interrupted when its worker is stopping.

    A job calls it between its batches.
    """
    token = control.get_token()
    if token is not None:
        token.check()
    if is_stopping():
        raise Interrupted
