"""How connections are made: one behaviour for web, workers, tests and the job engine."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

from webapp.core.database.writers import count_begins

SQLITE_BUSY_SECONDS = 30
#: SQLite's level of waiting at which WAL is written at a commit, but not waited for
_NORMAL = 1
_HASTENED = "callboard-synchronous"
_MANY_DIGITS = re.compile(r"\d{19}")
_MANY_DIGITS_OF_BYTES = re.compile(rb"\d{19}")


def make_engine_options(url: str) -> dict[str, Any]:
    """Options for `create_engine`: one behaviour for web, workers, tests and the job engine."""
    if make_url(url).get_backend_name() == "sqlite":
        return {
            "json_deserializer": _from_json,
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
    return {
        "json_deserializer": _from_jsonb,
        "pool_size": 20,
        "max_overflow": 20,
        "pool_pre_ping": True,
    }


def _from_json(text: str | bytes) -> Any:
    """Stored JSON as a value; a list of agents has hundreds, and Python's reader takes longer."""
    try:
        return from_json(text)
    except ValueError:
        return json.loads(text)  # It also reads half of a pair of surrogates.


def _from_jsonb(text: str | bytes) -> Any:
    """Stored JSON, its numbers as they came: JSONB tells 1e22 with all its digits.

    No integer beyond 64 bits is let in (`core/schemas.py`), so that one so long was a float.
    """
    digits = _MANY_DIGITS if isinstance(text, str) else _MANY_DIGITS_OF_BYTES
    if digits.search(text) is None:  # type: ignore[arg-type]  # the one of its kind
        return _from_json(text)
    return json.loads(text, parse_int=_read_number)


def _read_number(text: str) -> int | float:
    number = int(text)
    return number if -(2**63) <= number < 2**63 else float(text)


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

    @event.listens_for(engine, "checkin")
    def _wait_again(connection: Any, record: Any) -> None:
        level = record.info.pop(_HASTENED, None)
        if level is not None and connection is not None:
            connection.execute(f"PRAGMA synchronous={level}")


def hasten(connection: Connection) -> None:
    """Let the transaction that begins now be committed before it is on the disk.

    A power cut may undo it, and a crash of PostgreSQL; what was committed before it stays, and a
    later transaction that does wait makes this one last. On SQLite nothing happens where the
    transaction has written already.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        return
    pooled = connection.connection
    level = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
    if level > _NORMAL and not pooled.dbapi_connection.in_transaction:  # type: ignore[union-attr]  # never None while open
        connection.exec_driver_sql(f"PRAGMA synchronous={_NORMAL}")
        pooled.info[_HASTENED] = level
