"""Workers: the processes that run jobs, as the pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.database.types import UtcDateTime
from webapp.core.extensions import Model, db

BEAT_SECONDS = 5.0
#: A worker that is busy still beats: this long without is no hiccup.
SILENCE = timedelta(seconds=30)


class Worker(Model):
    """One process that runs jobs, from its start to its end.

    `beat_at` is the database's time, so that hosts whose clocks differ agree about it.
    """

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(sa.String(300), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    beat_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())


@dataclass(frozen=True)
class WorkerState:
    """A worker, "host-process-number", and when it was last heard of.

    One that `is_silent` is frozen, cut off from the database or about to be found dead. What it
    runs stands still until it answers or ends.
    """

    id: str
    started_at: datetime
    beat_at: datetime
    is_silent: bool


def list_workers() -> list[WorkerState]:
    """All workers that have not ended, the longest running first."""
    now = sa.type_coerce(sa.func.now(), UtcDateTime)
    rows = db.session.execute(select(Worker, now).order_by(Worker.started_at, Worker.id))
    return [
        WorkerState(row.id, row.started_at, row.beat_at, is_silent=at - row.beat_at > SILENCE)
        for row, at in rows
    ]


def beat(connection: sa.Connection, worker_id: str) -> None:
    """Note that a worker is alive."""
    values = {"beat_at": sa.func.now()}
    updated = connection.execute(sa.update(Worker).where(Worker.id == worker_id).values(values))
    if updated.rowcount == 0:
        connection.execute(sa.insert(Worker).values(id=worker_id))


def find_silent(connection: sa.Connection) -> list[str]:
    """The ids of workers that have not been heard of for a while."""
    now = sa.type_coerce(sa.func.now(), UtcDateTime)
    rows = connection.execute(select(Worker.id, Worker.beat_at, now))
    return [worker_id for worker_id, beat_at, at in rows if at - beat_at > SILENCE]


def forget(connection: sa.Connection, worker_id: str) -> None:
    """Take a worker off the list that has ended."""
    connection.execute(sa.delete(Worker).where(Worker.id == worker_id))
