"""What a worker does with a task: run it, batch by batch, to exactly one ending.

A later feature brings the function of its kind of tasks:

    TaskKind("document_import", import_documents)

The function commits through `Run.advance`, which puts the batch, the checkpoint and the counters
in one transaction. When the worker dies, another one calls the function again and finds the
checkpoint of the last commit.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import structlog
from sqlalchemy import select

from webapp import engine
from webapp.core import clock
from webapp.core.database.transactions import get_locked
from webapp.core.errors import DomainError
from webapp.core.extensions import db
from webapp.engine import runs
from webapp.tasks.changes import announce, end_task
from webapp.tasks.kinds import get_kind
from webapp.tasks.models import Status, Task

BUG = "Something went wrong on our side; the log has the details."

log = structlog.get_logger(__name__)


class Run(runs.Run[Task]):
    """One worker's hold on a task."""

    @property
    def task(self) -> Task:
        return self.row

    def advance(self, fraction: float, checkpoint: dict[str, Any], result: dict[str, Any]) -> None:
        """Commit the batch: `fraction` (0…1) is done, and the work goes on at `checkpoint`."""
        self.task.progress_percent = round(100 * min(max(fraction, 0.0), 1.0), 1)
        self.task.result = result
        announce(self.task)
        self.save(checkpoint)


def run_task(key: str) -> None:
    """The engine's job: bring the task `key` to its end, from wherever it is."""
    task = get_locked(select(Task).where(Task.id == key))
    if task is None or task.is_finished:
        db.session.rollback()
        return
    task.begin(clock.now())
    if task.is_worn_out:
        end_task(task, Status.FAILED, "Its worker died five times at the same place.")
        db.session.commit()
        return
    announce(task)
    db.session.commit()
    run = Run(task)
    try:
        get_kind(task.task_type).run(run)
    except runs.RunSuperseded:
        db.session.rollback()
    except engine.Cancelled:
        _end(run, Status.CANCELLED)
    except DomainError as error:
        _end(run, Status.FAILED, error.sentences)
    except Exception as error:
        if engine.will_retry(error):
            raise  # the worker waits for its database and calls again
        log.exception("task_failed", task=key)
        _end(run, Status.FAILED, BUG)
    else:
        _end(run, Status.COMPLETED)


def _end(run: Run, status: Status, error: str | None = None) -> None:
    try:
        runs.insist(partial(_try_to_end, run, status, error))
    except Exception:
        # The job is not run again, and nobody could try again a task that never ends.
        log.exception("task_not_concluded", task=run.task.id)
        runs.insist(partial(_try_to_end, run, Status.FAILED, BUG, concludes=False))


def _try_to_end(run: Run, status: Status, error: str | None, *, concludes: bool = True) -> None:
    db.session.rollback()
    task = run.lock()
    if task is None:
        db.session.rollback()
        return
    if status == Status.COMPLETED and task.cancellation_requested:
        status = Status.CANCELLED  # asked for during the last batch, and promised
    end_task(task, status, error, concludes=concludes)
    db.session.commit()
