"""Who waits for the right to write, for how long, and how many may.

A request that waits for another's transaction holds a thread. If all threads waited, nobody could
read, and not even `/health` would answer: so a web process lets few of them wait, none for long.
Those beyond are refused, unless one of the few has its turn soon, as in a burst of short writes.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

#: upper bounds of the histogram's buckets, in seconds; the last bucket has what is above
BUCKETS = (0.001, 0.01, 0.1, 1.0, 10.0)

#: for how long one beyond the few looks for a place among them, in seconds
PATIENCE = 0.5

#: PostgreSQL waited too long for a lock, ended a deadlock, or could not put writes in an order.
_BUSY = ("55P03", "40P01", "40001")

#: statements before which sqlite3 begins a transaction by itself
_WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)


class TooManyWriters(OperationalError):
    """More wait for the right to write than may; nothing was changed."""

    def __init__(self) -> None:
        super().__init__(None, None, sqlite3.OperationalError("too many wait to write"))


@dataclass
class Writers:
    """The writers of this process.

    `limit` bounds how many may wait at once, None for any number. `waits` counts those that have
    waited, however shortly, `seconds` adds up for how long, `buckets` says how many waited up to
    each of BUCKETS and longer, and `refused` counts those that were not let wait.
    """

    limit: int | None = None
    waiting: int = 0
    waits: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    refused: int = 0
    _place: threading.Condition = field(default_factory=threading.Condition, repr=False)

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Count the block as a wait. Raises TooManyWriters where none more may wait."""
        with self._place:
            if not self._place.wait_for(self._has_place, timeout=PATIENCE):
                self.refused += 1
                raise TooManyWriters
            self.waiting += 1
        begun = time.monotonic()
        try:
            yield
        finally:
            seconds = time.monotonic() - begun
            with self._place:
                self.waiting -= 1
                self._place.notify()
                self.waits += 1
                self.seconds += seconds
                self.buckets[bisect_left(BUCKETS, seconds)] += 1

    def _has_place(self) -> bool:
        return self.limit is None or self.waiting < self.limit


writers = Writers()


def is_busy(error: DBAPIError) -> bool:
    """Whether others kept the database from writing: too many wait, a lock stayed, a deadlock."""
    if isinstance(error, TooManyWriters):
        return True
    if isinstance(error.orig, sqlite3.OperationalError):
        return "locked" in str(error.orig)
    return getattr(error.orig, "sqlstate", None) in _BUSY


def limit(engine: Engine, *, waiting: int, seconds: float) -> None:
    """Bound how many writers of this process wait at once, and how long one waits.

    Call it before the engine has connected. It is for processes that answer requests; a worker's
    jobs have nobody who waits for them.
    """
    writers.limit = waiting
    milliseconds = int(seconds * 1000)
    statement = (
        f"PRAGMA busy_timeout = {milliseconds}"
        if engine.dialect.name == "sqlite"
        else f"SET lock_timeout = {milliseconds}"
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.execute(statement)
        connection.commit()


def count_begins(engine: Engine) -> None:
    """Let every transaction that writes to this SQLite engine begin as a counted wait."""

    @event.listens_for(engine, "before_cursor_execute")
    def _begin(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if _WRITES.match(statement):
            begin(connection)


def begin(connection: Connection) -> None:
    """Take SQLite's write lock where this connection has none, and nothing commits by itself."""
    driver: Any = connection.connection.dbapi_connection
    if driver.in_transaction or driver.isolation_level is None:
        return
    with writers.one_more():
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError("BEGIN IMMEDIATE", None, error) from error
