"""How connections are made: one behaviour for web, workers, tests and the job engine."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

from webapp.core.writers import count_begins

SQLITE_BUSY_SECONDS = 30


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
        "json_deserializer": _from_json,
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
