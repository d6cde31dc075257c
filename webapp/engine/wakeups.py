"""Wake-ups: what one process tells the workers at once, instead of letting them find out.

A message is a line: `queue <name>` (a job waits in it) or `cancel <key>`. One may get lost, with
its worker's database connection or in a full pipe, so the workers also look for themselves now
and then; a message only makes it sooner.

Workers on SQLite share a machine: each has a named pipe in the data folder. On PostgreSQL they
listen to a channel, and the server delivers when the sender's transaction commits.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa
from flask import current_app
from sqlalchemy import event
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from webapp.config import Settings

CHANNEL = "callboard_jobs"
_WAITING = "callboard-wakeups"


def send_on_commit(session: Session, message: str) -> None:
    """Wake the workers when the session's transaction commits, and only then."""
    if session.connection().dialect.name == "sqlite":
        session.info.setdefault(_WAITING, set()).add(message)
    else:
        _notify(session.connection(), message)


def send(engine: sa.Engine, message: str) -> None:
    """Wake the workers now, on a connection of our own."""
    if engine.dialect.name == "sqlite":
        _write(_folder(current_app.config["CALLBOARD"]), [message])
    else:
        with engine.begin() as connection:
            _notify(connection, message)


@event.listens_for(Session, "after_commit")
def _send_waiting(session: Session) -> None:
    if not session.in_nested_transaction() and (messages := session.info.pop(_WAITING, None)):
        _write(_folder(current_app.config["CALLBOARD"]), messages)


class WakeupsLost(Exception):
    """The database has gone, and what it would have told."""


class Wakeups(Protocol):
    """One worker's ear."""

    def fileno(self) -> int:
        """A descriptor that can be read from once there are messages."""

    def receive(self) -> list[str]:
        """The messages that have come, without waiting for any. Raises WakeupsLost."""

    def close(self) -> None: ...


class Pipe:
    """A named pipe of a worker's own."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / name
        # Open before it has its name: whoever finds a pipe that nobody reads removes it.
        unnamed = folder / f".{name}"
        os.mkfifo(unnamed, 0o600)
        # For writing too, or it would be at its end whenever the last writer has left.
        self._descriptor = os.open(unnamed, os.O_RDWR | os.O_NONBLOCK)
        unnamed.rename(self._path)
        self._rest = b""

    def fileno(self) -> int:
        return self._descriptor

    def receive(self) -> list[str]:
        try:
            *lines, self._rest = (self._rest + os.read(self._descriptor, 65536)).split(b"\n")
        except BlockingIOError:
            return []
        return [line.decode() for line in lines]

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


class Listener:
    """A connection that listens to the channel."""

    def __init__(self, engine: sa.Engine) -> None:
        own = sa.create_engine(engine.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        self._connection = own.connect()
        self._connection.exec_driver_sql(f"LISTEN {CHANNEL}")
        self._driver: Any = self._connection.connection.driver_connection

    def fileno(self) -> int:
        return int(self._driver.fileno())

    def receive(self) -> list[str]:
        import psycopg

        try:
            return [notice.payload for notice in self._driver.notifies(timeout=0)]
        except psycopg.Error as error:
            raise WakeupsLost from error

    def close(self) -> None:
        self._connection.close()


def open_wakeups(settings: Settings, engine: sa.Engine, name: str) -> Wakeups:
    if settings.is_sqlite:
        return Pipe(_folder(settings), name)
    return Listener(engine)


def _folder(settings: Settings) -> Path:
    return settings.data_dir / "wakeups"


def _notify(connection: sa.Connection, message: str) -> None:
    values = {"channel": CHANNEL, "message": message}
    connection.execute(sa.text("SELECT pg_notify(:channel, :message)"), values)


def _write(folder: Path, messages: Iterable[str]) -> None:
    """Tell every worker that has a pipe in `folder`; a pipe without a reader is removed."""
    lines = "".join(f"{message}\n" for message in messages).encode()
    for path in folder.glob("[!.]*"):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            path.unlink(missing_ok=True)  # its worker was killed
            continue
        try:
            os.write(descriptor, lines)
        except OSError:
            pass  # full or closed: its worker is busy, frozen or gone
        finally:
            os.close(descriptor)
