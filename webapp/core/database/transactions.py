"""Transactions: what they lock, what they see, and for how long they may take.

All of it is about the running transaction of the application's session.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, Select, func, select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from webapp.core.database.connections import hasten
from webapp.core.database.writers import begin, is_busy, writers

#: the share of a table's rows by which it grows before it is counted anew
GROWTH = 0.1


def _session() -> Session:
    from webapp.core.extensions import db

    return db.session()


def lock_writes() -> None:
    """Take the write lock now, so that what is read next is still true when it is written.

    SQLite has one writer for the whole file; on PostgreSQL rows are locked one by one instead
    (see `get_locked`).
    """
    connection = _session().connection()
    if connection.dialect.name == "sqlite":
        begin(connection)


def lock_name(name: str) -> None:
    """Let only one transaction at a time go past here with this name."""
    lock_writes()
    connection = _session().connection()
    if connection.dialect.name == "postgresql":
        with writers.one_more():
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def do_not_wait_for_disk(*, is_fence: bool = False) -> None:
    """Let the transaction that begins here be committed before it is on the disk.

    For what is made anew where a power cut undoes it, and nobody was promised: call it before
    anything is written. A number that fences others off `is_fence`: PostgreSQL waits with it,
    because its clients survive its crash, and two of them must not hold the same number.
    """
    connection = _session().connection()
    if connection.dialect.name == "sqlite" or not is_fence:
        hasten(connection)


@contextmanager
def unless_busy() -> Iterator[None]:
    """Commit the block's change, or give it up where too much is being written.

    It is for notes beside a request that only reads, and begins a transaction of its own: what was
    changed before it in the same one would be given up as well.
    """
    session = _session()
    try:
        yield
        session.commit()
    except DBAPIError as error:
        if not is_busy(error):
            raise
        session.rollback()


def refresh_statistics(table: str) -> None:
    """Let PostgreSQL count again what it knows about a table that has grown by a lot.

    Until it does so by itself, it sorts all rows where an index would give the first of them.
    SQLite plans well without.
    """
    connection = _session().connection()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ANALYZE {table}")


def prefer_indexes() -> None:
    """Let PostgreSQL find by an index what lies together, for the rest of the transaction.

    It takes the rows of one version for scattered over the table, and reads those of a dozen
    versions rather than look them up.
    """
    connection = _session().connection()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL random_page_cost = 1.1")


def has_grown(table: str, added: int) -> bool:
    """Whether what PostgreSQL knows about a table is out of date with so many rows more.

    That is by a tenth, as it says itself when it counts anew; it does so once a minute, and reads
    30,000 pages of a large table, which takes longer than to write a thousand rows.
    """
    connection = _session().connection()
    if connection.dialect.name != "postgresql":
        return False
    known = text(
        "SELECT reltuples AS known, pg_stat_get_mod_since_analyze(oid) AS changed "
        "FROM pg_class WHERE oid = CAST(:table AS regclass)"
    )
    row = connection.execute(known, {"table": table}).one()
    return bool(row.changed + added >= GROWTH * row.known)


def get_locked(statement: Select[Any], *, stays: bool = False) -> Any:
    """The one row of `statement`, locked until the end of the transaction, freshly read.

    Of a row that `stays`, never deleted, others may still add rows that refer to it: who locks
    something else before and tells of it then is not waited for in a circle.
    """
    lock_writes()
    is_waiting = _session().connection().dialect.name == "postgresql"
    entity = statement.column_descriptions[0]["entity"]
    # Only this row: what is loaded beside it by a join is not ours to lock.
    locked = statement.with_for_update(of=entity, key_share=stays).execution_options(
        populate_existing=True
    )
    with writers.one_more() if is_waiting else nullcontext():
        return _session().execute(locked).unique().scalar_one_or_none()


def snapshot() -> None:
    """Let all reads from here to the end of the transaction see one state of the database.

    Call it before anything is written: on PostgreSQL it ends the running transaction, because
    the isolation level belongs to a transaction's first statement.
    """
    session = _session()
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        if not _in_transaction(connection):
            connection.exec_driver_sql("BEGIN")
    elif connection.get_isolation_level() != "REPEATABLE READ":
        session.commit()
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def snapshot_border() -> tuple[int, int]:
    """`(ended, begun)`: every transaction below `ended` has ended, none from `begun` on has begun.

    Where `ended` has reached an earlier `begun`, all that was open then is over. SQLite has one
    writer at a time, so that both are 0.
    """
    connection = _session().connection()
    if connection.dialect.name == "sqlite":
        return 0, 0
    numbers = connection.exec_driver_sql(
        "SELECT CAST(CAST(pg_snapshot_xmin(now) AS TEXT) AS BIGINT), "
        "CAST(CAST(pg_snapshot_xmax(now) AS TEXT) AS BIGINT) FROM pg_current_snapshot() AS now"
    )
    ended, begun = numbers.one()
    return ended, begun


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let no statement of the block, which begins no transaction, run past so much time.

    Raises TimeoutError then, also where the time went elsewhere; the transaction is rolled back.
    """
    deadline = time.monotonic() + seconds
    session = _session()
    connection = session.connection()
    sqlite: Any = None
    if connection.dialect.name == "sqlite":
        sqlite = connection.connection.dbapi_connection
        sqlite.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
    else:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
    try:
        yield
    except OperationalError as error:
        if time.monotonic() <= deadline:
            raise
        session.rollback()
        raise TimeoutError from error
    finally:
        if sqlite is not None:
            sqlite.set_progress_handler(None, 0)
    if time.monotonic() > deadline:
        session.rollback()
        raise TimeoutError


def _in_transaction(connection: Connection) -> bool:
    return bool(connection.connection.dbapi_connection.in_transaction)  # type: ignore[union-attr]  # never None while open
