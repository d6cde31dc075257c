"""What the rest of the program may ask of the job engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy.orm import Session, scoped_session

from webapp.engine import backend

Job = Callable[..., None]
F = TypeVar("F", bound=Job)

_jobs: dict[str, Job] = {}
_stopping = threading.Event()


class JobStatus(StrEnum):
    """Where a job is on its way; the last three are final."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class JobProgress:
    """`position` counts from 1 among the waiting jobs, None once started; `starts` counts how
    often a worker took the job; `worker` is the one that holds it."""

    status: JobStatus
    position: int | None
    starts: int
    worker: str | None


class Interrupted(BaseException):
    """The worker is stopping: leave the job where it is, another worker continues it.

    A BaseException, so that a job's own `except Exception` cannot take it for a failure.
    """


def job(name: str) -> Callable[[F], F]:
    """Register `function(key, **arguments)` as the job `name`."""

    def register(function: F) -> F:
        if _jobs.setdefault(name, function) is not function:
            raise ValueError(f"The job {name} is registered twice.")
        return function

    return register


def find(name: str) -> Job:
    """The function of the job `name`; LookupError where nothing registered it."""
    if name not in _jobs:
        raise LookupError(f"No job is called {name}.")
    return _jobs[name]


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
    `arguments` are JSON. A lower `priority` (from 1) starts earlier.
    """
    backend.enqueue(
        session.connection(),
        name,
        key=key,
        arguments=dict(arguments or {}),
        priority=priority,
        delay_seconds=delay_seconds,
    )


def enqueue_settled(
    session: Session | scoped_session[Session],
    name: str,
    *,
    about: str,
    arguments: Mapping[str, Any],
    seconds: int,
    priority: int = 5,
) -> None:
    """Add a job that runs up to `seconds` after the transaction commits, once for many changes.

    All that is enqueued within the same few seconds under one `about` is one run, which begins
    when they are over.
    """
    now = time.time()
    period = int(now // seconds) + 1
    enqueue(
        session,
        name,
        key=f"{name}-{about}-{period}",
        arguments=arguments,
        delay_seconds=period * seconds - now + 1,
        priority=priority,
    )


def cancel(key: str) -> None:
    """Take a waiting job off the queue and forbid a running one to be started again.

    It writes through a connection of its own: call it after the caller's commit. A running
    function is not stopped; it has to look at its own rows.
    """
    backend.cancel(key)


def status(key: str) -> JobStatus | None:
    """The job's status, None where no job has that key."""
    found = progress(key)
    return found.status if found else None


def progress(key: str) -> JobProgress | None:
    """How far the job has come on its way to and through a worker."""
    found = backend.read(key)
    if found is None:
        return None
    return JobProgress(JobStatus(found.status), found.position, found.starts, found.worker)


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
    backend.schedule(name, job_name, cron=cron, timezone=timezone, arguments=dict(arguments or {}))


def unschedule(name: str) -> None:
    """Remove a schedule; nothing happens where there is none."""
    backend.unschedule(name)


def stop() -> None:
    """Let every running job of this process end at its next `check_interrupted`."""
    _stopping.set()


def is_stopping() -> bool:
    return _stopping.is_set()


def check_interrupted() -> None:
    """Raise Interrupted when the worker is stopping; a job calls it between its batches."""
    if is_stopping():
        raise Interrupted
