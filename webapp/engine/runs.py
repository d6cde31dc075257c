"""Runs: one worker's hold on a row that stands for long work.

The row counts its runs. A run locks the row for each batch and goes on only while the number in
it is still its own, so that a worker which froze and comes back finds that another one has taken
over, and leaves no trace. With each batch a run commits where the work goes on; when its worker
dies, the next run begins there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.database.transactions import get_locked
from webapp.core.extensions import db
from webapp.engine.control import Cancelled, Interrupted, get_token, is_stopping
from webapp.engine.jobs import check_interrupted
from webapp.engine.retries import MAX_FAILURES, is_to_wait_for, pause_before_retry

#: So many runs in a row that end without a commit, and the work is taken to kill its workers.
MAX_ATTEMPTS = 5

log = structlog.get_logger(__name__)


class RunSuperseded(Exception):
    """Another worker runs this now, or it has ended: what was not committed is dropped."""


class Runnable:
    """What a model needs for its rows to be run.

    `checkpoint` is where the work goes on after its last commit. `attempts` counts the runs since
    it moved last, so that work which kills its worker again and again ends as failed.
    """

    checkpoint: Mapped[dict[str, Any]] = mapped_column(default=dict)
    attempts: Mapped[int] = mapped_column(default=0)
    run_number: Mapped[int] = mapped_column(default=0)
    cancellation_requested: Mapped[bool] = mapped_column(default=False)

    @property
    def is_finished(self) -> bool:
        raise NotImplementedError

    @property
    def is_worn_out(self) -> bool:
        """Whether it has been begun too often without getting any further."""
        return self.attempts > MAX_ATTEMPTS

    def begin_run(self) -> None:
        """Count a run that begins; the row is locked."""
        self.run_number += 1
        self.attempts += 1


Row = TypeVar("Row", bound=Runnable)


class Run(Generic[Row]):
    """One run of a row that `begin_run` was committed for."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.number = row.run_number

    def hold(self) -> None:
        """Lock the row for the batch that begins, and make sure it is still ours.

        Raises Cancelled when somebody asked it to stop, RunSuperseded when another worker has it,
        Interrupted when this one is stopping.
        """
        check_interrupted()
        row = self.lock()
        if row is None:
            raise RunSuperseded
        if row.cancellation_requested:
            raise Cancelled
        self.row = row

    def lock(self) -> Row | None:
        """The row, locked and freshly read; None when another run has it or it has ended."""
        model: Any = type(self.row)
        keys = [column == getattr(self.row, column.key) for column in model.__mapper__.primary_key]
        row: Row | None = get_locked(select(model).where(*keys))
        if row is None or row.is_finished or row.run_number != self.number:
            return None
        return row

    def save(self, checkpoint: dict[str, Any]) -> None:
        """Commit the batch; the work goes on at `checkpoint`."""
        self.row.checkpoint, self.row.attempts = checkpoint, 1
        db.session.commit()
        if token := get_token():
            token.failures = 0


def insist(function: Callable[[], None]) -> None:
    """Call `function` until the database takes it: how long work ended must not get lost.

    A database that is away, or that others write, is waited for. What else it refuses is tried
    `MAX_FAILURES` times and then raised, and the worker does not try the job again. Raises
    Interrupted when the worker is stopping; the next one runs the work again.
    """
    losses = failures = 0
    while True:
        try:
            return function()
        except (OperationalError, InterfaceError) as error:
            db.session.rollback()
            if is_stopping():
                raise Interrupted from None
            if is_to_wait_for(error):
                losses += 1
            else:
                failures += 1
                if token := get_token():
                    token.failures = failures
                if failures == MAX_FAILURES:
                    raise
            log.warning("run_not_ended", exc_info=True)
            time.sleep(pause_before_retry(losses or failures))
