"""Job: a piece of work that outlives the request, and the process, that asked for it.

The port of the job engine. Nothing outside this package knows which engine is behind it.

    @engine.job("task")
    def run(key: str) -> None: ...

    engine.enqueue(db.session, "task", key=task.id)   # committed with the caller's transaction

A job runs at least once: a worker that dies in the middle leaves it to another one, so the
function must find out from its own rows how far it came.
"""

from webapp.engine.backend import install, owns_table
from webapp.engine.jobs import (
    Interrupted,
    JobProgress,
    JobStatus,
    cancel,
    check_interrupted,
    enqueue,
    enqueue_settled,
    job,
    progress,
    schedule,
    status,
    unschedule,
)

__all__ = [
    "Interrupted",
    "JobProgress",
    "JobStatus",
    "cancel",
    "check_interrupted",
    "enqueue",
    "enqueue_settled",
    "install",
    "job",
    "owns_table",
    "progress",
    "schedule",
    "status",
    "unschedule",
]
