"""Job: a piece of work that outlives the request, and the process, that asked for it.

The port of the job engine. Nothing outside this package knows which engine is behind it.

    def deliver(key: str) -> None: ...

    engine.Queue("webhooks", concurrency=4)           # contributions of a feature, which
    engine.Job("webhook", deliver, queue="webhooks")  # `create_app` registers
    engine.enqueue(db.session, "webhook", key=key)   # committed with the caller's transaction

A job runs at least once: a worker that dies in the middle leaves it to another one, so the
function must find out from its own rows how far it came.
"""

from webapp.engine.backend import install, owns_table
from webapp.engine.confinement import Isolation, isolation
from webapp.engine.control import (
    Cancelled,
    Interrupted,
    RetryLater,
    Token,
    get_token,
    get_worker,
    retry_later,
    sleep,
)
from webapp.engine.jobs import (
    JobProgress,
    JobStatus,
    cancel,
    check_interrupted,
    enqueue,
    enqueue_debounced,
    find_unfinished,
    progress,
    schedule,
    status,
    unschedule,
)
from webapp.engine.registry import Job, Program, Queue, register
from webapp.engine.retries import will_retry
from webapp.engine.workers import WorkerState, list_workers

__all__ = [
    "Cancelled",
    "Interrupted",
    "Isolation",
    "Job",
    "JobProgress",
    "JobStatus",
    "Program",
    "Queue",
    "RetryLater",
    "Token",
    "WorkerState",
    "cancel",
    "check_interrupted",
    "enqueue",
    "enqueue_debounced",
    "find_unfinished",
    "get_token",
    "get_worker",
    "install",
    "isolation",
    "list_workers",
    "owns_table",
    "progress",
    "register",
    "retry_later",
    "schedule",
    "sleep",
    "status",
    "unschedule",
    "will_retry",
]
