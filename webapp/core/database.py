"""Column types and transaction manners that hold on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import json
import re
import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Integer,
    Select,
    String,
    Text,
    TypeDecorator,
    Uuid,
    event,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from webapp.core import clock
from webapp.core.writers import begin, count_begins, is_busy, writers

SQLITE_BUSY_SECONDS = 30

BigId = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC datetimes in and out; a naive one is a bug and is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"A time without a zone cannot be stored: {value!r}")
        value = clock.in_utc(value)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class _List(TypeDecorator[list[Any]]):
    """A native array on PostgreSQL, JSON text on SQLite; `None` reads as an empty list."""

    impl = JSON
    cache_ok = True
    item: type[TypeEngine[Any]] = String

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(self.item()))
        return dialect.type_descriptor(JSON())

    def process_result_value(self, value: Any, dialect: Dialect) -> list[Any]:
        return list(value or ())


class StringList(_List):
    """A list of strings, order kept."""

    item = String
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> Any:
        return [str(item) for item in value or ()]


class UuidList(_List):
    """A list of UUIDs, order kept."""

    item = Uuid
    cache_ok = True

    def process_bind_param(self, value: Sequence[UUID] | None, dialect: Dialect) -> Any:
        items = list(value or ())
        return items if dialect.name == "postgresql" else [str(item) for item in items]

    def process_result_value(self, value: Any, dialect: Dialect) -> list[UUID]:
        return [item if isinstance(item, UUID) else UUID(item) for item in value or ()]


class uuid_digits(FunctionElement[str]):
    """A UUID column as text for `dashed`; in long lists UUID objects cost more than the query."""

    inherit_cache = True
    type = String()


@compiles(uuid_digits)
def _uuid_digits_sqlite(element: uuid_digits, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(uuid_digits, "postgresql")
def _uuid_digits_postgresql(element: uuid_digits, compiler: Any, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS TEXT)"


def split_uuids(joined: str | None) -> list[str]:
    """The texts of UUIDs that the database has joined by commas."""
    ids = joined.split(",") if joined else []
    return ids if "-" in (joined or "") else [dashed(digits) for digits in ids]


@lru_cache(65_536)
def dashed(digits: str) -> str:
    """The text of a UUID, from PostgreSQL's own text or SQLite's 32 digits."""
    if len(digits) == 36:
        return digits
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class is_among(FunctionElement[bool]):
    """SQL for "this UUID column is one of these", given as 32 digits each.

    It is one parameter, however many they are: the database is asked for thousands at once.
    """

    inherit_cache = True
    type = Boolean()

    def __init__(self, column: Any, ids: Iterable[str]) -> None:
        super().__init__(column, literal(",".join(ids), String))


@compiles(is_among)
def _is_among_sqlite(element: is_among, compiler: Any, **options: Any) -> str:
    column, joined = (compiler.process(clause, **options) for clause in element.clauses)
    listed = f"""'["' || replace({joined}, ',', '","') || '"]'"""
    return f"({column} IN (SELECT value FROM json_each({listed})))"  # noqa: S608 - compiled parts


@compiles(is_among, "postgresql")
def _is_among_postgresql(element: is_among, compiler: Any, **options: Any) -> str:
    column, joined = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} = ANY(CAST(string_to_array({joined}, ',') AS UUID[])))"


def is_same_json(left: Any, right: Any, *, as_written: bool = False) -> bool:
    """Whether two JSON values are the same; to `==`, true and 1 are, too.

    `as_written` also tells apart 1 and 1.0, and objects with their keys in another order.
    """
    if as_written:
        return json.dumps(left) == json.dumps(right)
    return bool(left == right) and _apart(left) == _apart(right)


def _apart(value: Any) -> Any:
    """The value with its booleans as what equals no number."""
    if isinstance(value, dict):
        return {key: _apart(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_apart(item) for item in value]
    return str(value) if isinstance(value, bool) else value


class _Json(JSON):
    """JSON that is written again wherever it is not the same."""

    as_written = False

    def compare_values(self, x: Any, y: Any) -> bool:
        return is_same_json(x, y, as_written=self.as_written)


class _OrderedJson(_Json):
    as_written = True


Json = _Json(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
#: For what people wrote: JSONB would forget the order of their keys.
OrderedJson = _OrderedJson(none_as_null=True)

#: what a plain `Mapped[...]` annotation means in every model
TYPES: dict[Any, Any] = {
    datetime: UtcDateTime,
    str: Text,
    dict[str, Any]: Json,
    list[str]: StringList,
    list[UUID]: UuidList,
    UUID: Uuid,
}


#: an item that stands in a JSON list as it is, between quotes; most are
PLAIN = re.compile(r"[A-Za-z0-9_.:/@-]+")


class list_contains(ColumnElement[bool]):
    """SQL for "this list column holds this item", on either database."""

    inherit_cache = False
    type = Boolean()

    def __init__(self, column: ColumnElement[Any], item: str) -> None:
        self.column, self.item = column, literal(item, String)
        self.is_plain = PLAIN.fullmatch(item) is not None


@compiles(list_contains, "postgresql")
def _list_contains_postgresql(element: list_contains, compiler: Any, **options: Any) -> str:
    item = compiler.process(element.item, **options)
    if isinstance(element.column.type, UuidList):
        item = f"CAST({item} AS UUID)"
    return f"({item} = ANY({compiler.process(element.column, **options)}))"


@compiles(list_contains)
def _list_contains_sqlite(element: list_contains, compiler: Any, **options: Any) -> str:
    column = compiler.process(element.column, **options)
    item = compiler.process(element.item, **options)
    if element.is_plain:
        # A quote inside of an item is written as \\", so that this can only be a whole item.
        return f"(instr({column}, '\"' || {item} || '\"') > 0)"
    return f"({item} IN (SELECT value FROM json_each({column})))"  # noqa: S608 - compiled parts


class list_length(ColumnElement[int]):
    """SQL for the number of items in a list column, on either database."""

    inherit_cache = False
    type = Integer()

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.column = column


@compiles(list_length, "postgresql")
def _list_length_postgresql(element: list_length, compiler: Any, **options: Any) -> str:
    return f"cardinality({compiler.process(element.column, **options)})"


@compiles(list_length)
def _list_length_sqlite(element: list_length, compiler: Any, **options: Any) -> str:
    return f"json_array_length({compiler.process(element.column, **options)})"


def fold(text_: str) -> str:
    """A text as searches compare it: without case, in one Unicode form."""
    return unicodedata.normalize("NFKC", text_).casefold()


def like_pattern(text_: str) -> str:
    """`%text%` for `ilike(..., escape="\\")`, with the text's own `%` and `_` taken literally."""
    escaped = text_.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def make_engine_options(url: str) -> dict[str, Any]:
    """Options for `create_engine`: one behaviour for web, workers, tests and the job engine."""
    if make_url(url).get_backend_name() == "sqlite":
        return {
            "poolclass": QueuePool,
            "pool_size": 20,
            "max_overflow": 20,
            "connect_args": {
                "timeout": SQLITE_BUSY_SECONDS,
                # SELECT runs alone; the first write begins IMMEDIATE, so it waits for the other
                # writer instead of failing when it upgrades.
                "isolation_level": "IMMEDIATE",
                "check_same_thread": False,
            },
        }
    return {"pool_size": 20, "max_overflow": 20, "pool_pre_ping": True}


def prepare_sqlite(engine: Engine) -> None:
    """Give every new SQLite connection WAL and foreign keys; count who waits to write."""
    if engine.dialect.name != "sqlite":
        return
    count_begins(engine)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-16000")
        cursor.close()


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


def get_locked(statement: Select[Any]) -> Any:
    """The one row of `statement`, locked until the end of the transaction, freshly read."""
    lock_writes()
    is_waiting = _session().connection().dialect.name == "postgresql"
    entity = statement.column_descriptions[0]["entity"]
    # Only this row: what is loaded beside it by a join is not ours to lock.
    locked = statement.with_for_update(of=entity).execution_options(populate_existing=True)
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
