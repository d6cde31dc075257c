"""Announcements: rows of the announcing transaction, read by every web process.

Being part of the transaction, an announcement is seen after the commit and dropped on rollback.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog
from flask import Flask
from sqlalchemy import BigInteger, Connection, Index, String, func, select, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, SessionTransaction, mapped_column
from sqlalchemy.sql.functions import FunctionElement

from webapp.core import clock
from webapp.core.database.types import BigId
from webapp.core.extensions import Model, db
from webapp.core.retention import Retention, forget_by

log = structlog.get_logger(__name__)

#: longer than any transaction is open
KEEP = timedelta(hours=1)
#: how often SQLite is asked whether anybody has written; that takes a few microseconds
TICK_SECONDS = 0.05
#: how long PostgreSQL's notifications are waited for before a look without one
POLL_SECONDS = 3.0
#: what is announced within this time is drawn together
GATHER_SECONDS = 0.02
RETRY_SECONDS = 1.0


class transaction_number(FunctionElement[int]):
    """SQL for the number of the running transaction; 0 on SQLite, where ids are in order."""

    inherit_cache = True
    type = BigInteger()


@compiles(transaction_number)
def _transaction_number_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return "0"


@compiles(transaction_number, "postgresql")
def _transaction_number_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return "CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)"


class Announcement(Model):
    """`feed` of an organization has changed."""

    __tablename__ = "announcements"
    __table_args__ = (
        Index(None, "transaction_id", info={"only": "postgresql"}),
        # An id is never given twice, also when the newest rows have been deleted.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    organization_id: Mapped[UUID]
    feed: Mapped[str] = mapped_column(String(120))
    transaction_id: Mapped[int] = mapped_column(BigInteger, default=transaction_number())
    created_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)


#: what each open transaction has announced
_Announced = WeakKeyDictionary[SessionTransaction, set[tuple[UUID, str]]]


def announce(feed: str, organization_id: UUID) -> None:
    """Tell followers of `feed` ("task:<id>"), once the running transaction has committed."""
    session = db.session()
    announced: _Announced = session.info.setdefault("announced", WeakKeyDictionary())
    # What a savepoint's block announces may go with it, so each knows its own alone.
    transaction = session.get_nested_transaction() or session.get_transaction() or session.begin()
    known = announced.setdefault(transaction, set())
    if (organization_id, feed) not in known:
        known.add((organization_id, feed))
        session.add(Announcement(feed=feed, organization_id=organization_id))


RETENTION = Retention("announcements", forget_by(Announcement.created_at), KEEP)


class Tail:
    """Reads what has been announced since the last look, each announcement once.

    On a connection of its own, for one thread. When the database goes away it is asked again.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._connection: Connection | None = None
        self._version: Any = None
        #: SQLite: the last id read. PostgreSQL: every transaction below has ended and been read.
        self._position = -1
        #: PostgreSQL: ids that have been read of transactions from there on
        self._seen: set[int] = set()

    def start(self) -> None:
        """Take what has been announced until now as known."""
        while self._position < 0:
            self._guarded(self._read)

    def wait(self, *, is_wanted: bool) -> set[tuple[UUID, str]]:
        """`(organization_id, feed)` of what is announced within a short time.

        Where nobody wants it, it is left to be read later.
        """
        return self._guarded(self._wait, is_wanted) or set()

    def close(self) -> None:
        """Let the connection go; the next look makes another."""
        if self._connection is not None:
            with suppress(SQLAlchemyError):
                # The pool must not give it to others: it listens.
                self._connection.invalidate()
                self._connection.close()
            self._connection = self._version = None

    def _guarded(self, function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except OperationalError as error:
            # The database is away; it is asked every second until it is back.
            log.warning("announcements_unreadable", reason=str(error.orig))
            self.close()
            time.sleep(RETRY_SECONDS)
            return None
        except Exception:
            log.exception("announcements_unreadable")
            self.close()
            time.sleep(RETRY_SECONDS)
            return None

    def _wait(self, is_wanted: bool) -> set[tuple[UUID, str]]:
        connection = self._connect()
        if connection.dialect.name == "sqlite":
            time.sleep(TICK_SECONDS)
            return self._read() if is_wanted and self._has_changed(connection) else set()
        raw: Any = connection.connection.driver_connection
        was_notified = any(raw.notifies(timeout=POLL_SECONDS, stop_after=1))
        if was_notified:
            time.sleep(GATHER_SECONDS)
        return self._read() if is_wanted else set()

    def _has_changed(self, connection: Connection) -> bool:
        """Whether any other connection has written since the last time; takes microseconds."""
        raw: Any = connection.connection.driver_connection
        (version,) = raw.execute("PRAGMA data_version").fetchone()
        has_changed = bool(version != self._version)
        self._version = version
        return has_changed

    def _read(self) -> set[tuple[UUID, str]]:
        connection = self._connect()
        if connection.dialect.name == "sqlite":
            return self._read_by_id(connection)
        return self._read_by_transaction(connection)

    def _read_by_id(self, connection: Connection) -> set[tuple[UUID, str]]:
        """With one writer at a time, ids are in the order of the commits."""
        if self._position < 0:
            self._position = connection.scalar(select(func.max(Announcement.id))) or 0
            connection.rollback()
            return set()
        rows = connection.execute(
            select(Announcement.id, Announcement.organization_id, Announcement.feed)
            .where(Announcement.id > self._position)
            .order_by(Announcement.id)
        ).all()
        connection.rollback()
        if rows:
            self._position = rows[-1].id
        return {(row.organization_id, row.feed) for row in rows}

    def _read_by_transaction(self, connection: Connection) -> set[tuple[UUID, str]]:
        """Ids follow inserts, visibility follows commits: read all that may have been open.

        The border is asked for first, so that all rows below it are in what is read next.
        """
        border = connection.scalar(
            text("SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)")
        )
        columns = (
            Announcement.id,
            Announcement.transaction_id,
            Announcement.organization_id,
            Announcement.feed,
        )
        is_first = self._position < 0
        rows = connection.execute(
            select(*columns).where(
                Announcement.transaction_id >= (border if is_first else self._position)
            )
        ).all()
        fresh = {(row.organization_id, row.feed) for row in rows if row.id not in self._seen}
        self._seen = {row.id for row in rows if row.transaction_id >= border}
        self._position = border
        return set() if is_first else fresh

    def _connect(self) -> Connection:
        if self._connection is None:
            with self._app.app_context():
                connection = db.engine.connect()
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.execute(text("LISTEN announcements"))
            self._connection = connection
        return self._connection
