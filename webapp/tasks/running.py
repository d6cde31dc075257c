"""What a worker does with a task: run it, batch by batch, to exactly one ending.

A later feature registers the function for its type:

    running.register("document_import", import_documents)

The function commits through `Run.advance`, which puts the batch, the position and the counters in
one transaction. When the worker dies, another one calls the function again and finds the position
of the last commit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import select

from webapp import engine
from webapp.core import clock
from webapp.core.database import get_locked
from webapp.core.errors import DomainError
from webapp.core.extensions import db
from webapp.tasks.models import Status, Task
from webapp.tasks.services import announce, end_task

MAX_STARTS = 5

log = structlog.get_logger(__name__)

_functions: dict[str, Callable[[Run], None]] = {}


class Overtaken(Exception):
    """Another worker runs this task now, or it has ended: what was not committed is dropped."""


class Run:
    """One worker's hold on a task."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.number = task.run

    def hold(self) -> None:
        """Lock the task's row for the batch that begins, and make sure it is still ours.

        Raises engine.Cancelled when somebody asked it to stop, Overtaken when another worker
        has it.
        """
        engine.check_interrupted()
        task = get_locked(select(Task).where(Task.id == self.task.id))
        if task is None or task.is_finished or task.run != self.number:
            raise Overtaken
        if task.cancellation_requested:
            raise engine.Cancelled
        self.task = task

    def advance(self, fraction: float, position: dict[str, Any], result: dict[str, Any]) -> None:
        """Commit the batch: `fraction` (0…1) is done, and the work goes on at `position`."""
        task = self.task
        task.progress_percent = round(100 * min(max(fraction, 0.0), 1.0), 1)
        task.position, task.result, task.starts = position, result, 1
        announce(task)
        db.session.commit()


def register(task_type: str, function: Callable[[Run], None]) -> None:
    """Run tasks of this type with `function(run)`."""
    _functions[task_type] = function


def kinds() -> list[str]:
    """The types of tasks that can be run."""
    return sorted(_functions)


def register_job() -> None:
    engine.job("task")(run_task)


def run_task(key: str) -> None:
    """The engine's job: bring the task `key` to its end, from wherever it is."""
    task = get_locked(select(Task).where(Task.id == key))
    if task is None or task.is_finished:
        db.session.rollback()
        return
    task.begin(clock.now())
    if task.starts > MAX_STARTS:
        end_task(task, Status.FAILED, "Its worker died five times at the same place.")
        db.session.commit()
        return
    announce(task)
    db.session.commit()
    run = Run(task)
    try:
        _functions[task.task_type](run)
    except Overtaken:
        db.session.rollback()
    except engine.Cancelled:
        _end(run, Status.CANCELLED)
    except DomainError as error:
        _end(run, Status.FAILED, error.message)
    except Exception as error:
        if engine.will_retry(error):
            raise  # the worker waits for its database and calls again
        log.exception("task_failed", task=key)
        _end(run, Status.FAILED, "Something went wrong on our side; the log has the details.")
    else:
        _end(run, Status.COMPLETED)


def _end(run: Run, status: Status, error: str | None = None) -> None:
    db.session.rollback()
    task = get_locked(select(Task).where(Task.id == run.task.id))
    if task is None or task.is_finished or task.run != run.number:
        db.session.rollback()
        return
    if status == Status.COMPLETED and task.cancellation_requested:
        status = Status.CANCELLED  # the last batch was under way; who asked was told it stops
    end_task(task, status, error)
    db.session.commit()
