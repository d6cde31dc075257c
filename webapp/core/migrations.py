"""Bring the database to the newest revision, one process at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flask_migrate
from sqlalchemy import text

from webapp import engine
from webapp.config import Settings
from webapp.core.extensions import db

ADVISORY_LOCK = 0x43616C6C  # "Call"


def upgrade(settings: Settings) -> None:
    """Run the outstanding migrations and the job engine's own; safe to call from many at once."""
    with _alone(settings):
        flask_migrate.upgrade()
        engine.install(settings)


def is_ours(thing: Any, name: str | None, kind: str, *_: Any) -> bool:
    """Whether Alembic looks after this: our tables, and the indexes meant for this database.

    The job engine keeps its own tables; `info={"only": "sqlite"}` keeps an index to one dialect.
    """
    if kind == "table":
        return name is None or not engine.owns_table(name)
    only = thing.info.get("only") if kind == "index" else None
    return only in (None, db.engine.dialect.name)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    if settings.is_sqlite:
        with (settings.data_dir / "migration.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    with db.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
        connection.commit()
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
            connection.commit()
