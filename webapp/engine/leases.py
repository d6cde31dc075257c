"""Leases: how the workers know which of them are alive.

A lease is a lock that whoever keeps locks drops when its holder dies: the kernel for a file
beside the SQLite database, the server for a PostgreSQL session. There is no heartbeat to miss
under load and no time-out to wait for: a free lease is a dead worker.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import sqlalchemy as sa

if TYPE_CHECKING:
    from webapp.config import Settings

#: The first key of the advisory locks, so that they meet nobody else's ("clbd").
LOCK_CLASS = 0x636C6264


class LeaseLost(Exception):
    """This worker's own lease is gone, so others may already be running its jobs."""


class Leases(Protocol):
    def hold(self, executor_id: str) -> bool:
        """Take the lease without waiting; False when a living process has it."""

    def release(self, executor_id: str) -> None: ...

    def connect(self) -> sa.Connection:
        """The connection to look around with. Raises LeaseLost when the leases went with it."""


class FileLeases:
    """One locked file per worker, for SQLite, whose workers share a machine."""

    def __init__(self, folder: Path, engine: sa.Engine) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._held: dict[str, int] = {}
        for path in list(folder.iterdir()):  # killed workers that held no job left these
            if self.hold(path.name):
                self.release(path.name)

    def hold(self, executor_id: str) -> bool:
        path = self._folder / executor_id
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                # A record lock, not flock: a forked runner would keep a flock alive.
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                return False
            if _is_same_file(descriptor, path):
                self._held[executor_id] = descriptor
                return True
            os.close(descriptor)  # Somebody who found it free has removed it meanwhile.

    def release(self, executor_id: str) -> None:
        (self._folder / executor_id).unlink(missing_ok=True)
        os.close(self._held.pop(executor_id))

    def connect(self) -> sa.Connection:
        return self._connection


class SessionLeases:
    """One advisory lock per worker on a connection of its own, for PostgreSQL."""

    def __init__(self, engine: sa.Engine) -> None:
        # Own keep-alives: a worker that vanished from the network is noticed within seconds.
        url = engine.url.update_query_dict(
            {
                "keepalives_idle": "5",
                "keepalives_interval": "2",
                "keepalives_count": "3",
            }
        )
        own = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        self._connection = own.connect()

    def hold(self, executor_id: str) -> bool:
        return self._call("pg_try_advisory_lock", executor_id)

    def release(self, executor_id: str) -> None:
        self._call("pg_advisory_unlock", executor_id)

    def connect(self) -> sa.Connection:
        if self._connection.closed or self._connection.invalidated:
            raise LeaseLost
        return self._connection

    def _call(self, function: str, executor_id: str) -> bool:
        statement = sa.text(f"SELECT {function}(:class, hashtext(:id))")
        values = {"class": LOCK_CLASS, "id": executor_id}
        return bool(self._connection.execute(statement, values).scalar())


def open_leases(settings: Settings, engine: sa.Engine) -> Leases:
    if settings.is_sqlite:
        return FileLeases(settings.data_dir / "leases", engine)
    return SessionLeases(engine)


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
