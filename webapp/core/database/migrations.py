"""Bring the database to the newest revision, one process at a time."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Connection, inspect, text
from werkzeug.local import LocalProxy

from webapp import engine
from webapp.config import BadSettings, Settings
from webapp.core import texts
from webapp.core.database import types
from webapp.core.extensions import db

FOLDER = Path(__file__).parents[3] / "migrations"
#: The revisions are the numbers that the files begin with.
NEWEST = max(path.name[:4] for path in (FOLDER / "versions").glob("[0-9]*.py"))
ADVISORY_LOCK = 0x43616C6C  # "Call"


def init_app(app: Flask) -> None:
    """Register Flask-Migrate, to be loaded once it is used: a web process never uses it."""
    app.extensions["migrate"] = LocalProxy(partial(_load, app))


def upgrade(settings: Settings) -> None:
    """Run the job engine's outstanding migrations and ours; safe to call from many at once.

    Ours come last, so that all is ready once `are_done`. Raises BadSettings for a database that a
    newer Callboard has brought further than this one knows.
    """
    import flask_migrate

    with _alone(settings):
        if (revision := _revision()) > NEWEST:
            raise BadSettings(
                f"The database was brought to revision {revision} by a newer Callboard; "
                f"this one knows those up to {NEWEST}."
            )
        engine.install(settings)
        flask_migrate.upgrade()


def are_done() -> bool:
    """Whether the database is at least as new as this code; asks it two questions at most."""
    return _revision() >= NEWEST


def _revision() -> str:
    """The number of the migration that ran last; empty before the first."""
    with db.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar())


def is_ours(thing: Any, name: str | None, kind: str, *_: Any) -> bool:
    """Whether Alembic looks after this: our tables, and the indexes meant for this database.

    The job engine keeps its own tables, and texts their trigrams; `info={"only": "sqlite"}` keeps
    an index to one dialect.
    """
    if name is not None and texts.owns(name):
        return False
    if kind == "table":
        return name is None or not engine.owns_table(name)
    only = thing.info.get("only") if kind == "index" else None
    return only in (None, db.engine.dialect.name)


def _load(app: Flask) -> Any:
    from flask_migrate import Migrate

    Migrate(app, db, directory=str(FOLDER), include_object=is_ours, render_item=_render_type)
    return app.extensions["migrate"]  # Migrate() has replaced the proxy there by itself


def _render_type(kind: str, item: Any, _context: Any) -> str | bool:
    """Our column types by their name in a migration, where Alembic would write their insides."""
    for name in ("Json", "OrderedJson"):
        if kind == "type" and item is getattr(types, name):
            return f"types.{name}"
    if kind == "type" and type(item).__module__ == types.__name__:
        return f"types.{type(item).__name__}()"
    if item is types.BigId or (kind == "type" and repr(item) == repr(types.BigId)):
        return "types.BigId"
    return False


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    if settings.is_sqlite:
        with (settings.data_dir / "migration.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    with db.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        # Asked again and again: an index that is made concurrently, as the job engine's are, waits
        # for every statement that began before it, so also for one that waits for this lock.
        while not _call(connection, "pg_try_advisory_lock"):
            time.sleep(0.1)
        try:
            yield
        finally:
            _call(connection, "pg_advisory_unlock")


def _call(connection: Connection, function: str) -> bool:
    statement = text(f"SELECT {function}(:key)")
    return bool(connection.execute(statement, {"key": ADVISORY_LOCK}).scalar())
