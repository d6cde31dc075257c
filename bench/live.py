"""Pages that follow one feed, each with a session's rights of its own: what a push costs.

python -m bench.live [sqlite] [postgresql] [followers …]
"""

from __future__ import annotations

import hashlib
import resource
import selectors
import socket
import sys
import threading
import time
from uuid import uuid4

import numpy as np
import psutil
from sqlalchemy import MetaData, NullPool, Table, create_engine, insert, select

from bench.retrieval import show
from bench.running import Caller, on_postgresql, on_sqlite
from tests.server import Installation

FOLLOWERS = (1000, 5000)
PUSHES = 12
#: between two pushes, so that none waits for another
PAUSE_SECONDS = 2.0
FEED = "overview:all"
PING = b"\x89\x00"
PONG = b"\x8a\x80\x00\x00\x00\x00"


def main() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    kinds = {"SQLite": on_sqlite, "PostgreSQL": on_postgresql}
    chosen = [name for name in kinds if name.lower() in sys.argv[1:]]
    counts = [int(word) for word in sys.argv[1:] if word.isdigit()]
    for name in chosen or kinds:
        for count in counts or FOLLOWERS:
            with kinds[name]() as running:
                measure(running, f"{name}, {count:,} followers", count)


def measure(running: Installation, name: str, count: int) -> None:
    caller = Caller(running)
    agent = caller.parsed("POST", "/agents", {"name": "a", "handle": "a", "instructions": "a"})
    followers = Followers(running, make_keys(running, count))
    show(f"{name}: connected and drawn (s)", followers.wait_for_all())
    time.sleep(PAUSE_SECONDS)
    server = psutil.Process(running.part("gunicorn").pid)
    idle = cpu(server)
    time.sleep(PUSHES * PAUSE_SECONDS)
    idle = cpu(server) - idle
    busy, times = cpu(server), []
    for number in range(PUSHES):
        began = time.perf_counter()
        followers.forget()
        Caller(running).call("PATCH", f"/agents/{agent['id']}", {"name": f"Push {number}"})
        followers.wait_for_all()
        times += [1000 * (at - began) for at in followers.arrivals()]
        time.sleep(max(0.0, PAUSE_SECONDS - (time.perf_counter() - began)))
    busy = cpu(server) - busy
    for percent in (50, 95, 99):
        goal = "goal 250" if percent == 95 else ""
        show(
            f"{name}: change to arrival p{percent} (ms)", float(np.percentile(times, percent)), goal
        )
    show(f"{name}: CPU a push (ms)", 1000 * (busy - idle) / PUSHES)
    show(f"{name}: CPU when idle (% of a core)", 100 * idle / (PUSHES * PAUSE_SECONDS))
    followers.close()


def make_keys(running: Installation, count: int) -> list[str]:
    """One key for each follower, as each has a session of its own: copies of the admin's."""
    engine = create_engine(running.database_url, poolclass=NullPool)
    table = Table("api_keys", MetaData(), autoload_with=engine)
    secrets = [f"cb_{uuid4().hex}" for _ in range(count)]
    with engine.begin() as connection:
        known = connection.execute(select(table).limit(1)).mappings().one()
        rows = [
            {
                **known,
                "id": uuid4().hex if engine.dialect.name == "sqlite" else uuid4(),
                "prefix": secret[:12],
                "key_hash": hashlib.sha256(secret.encode()).hexdigest(),
            }
            for secret in secrets
        ]
        connection.execute(insert(table), rows)
    return secrets


def cpu(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


class Followers:
    """Open sockets, read by one thread that notes when something came on each."""

    def __init__(self, running: Installation, keys: list[str]) -> None:
        self._selector = selectors.DefaultSelector()
        self._arrivals: dict[socket.socket, float] = {}
        self._sockets = []
        self._began = time.perf_counter()
        self._is_closed = False
        # It answers pings also while others connect.
        threading.Thread(target=self._read, daemon=True).start()
        for key in keys:
            connection = socket.create_connection(("127.0.0.1", running.port))
            connection.sendall(
                f"GET /ws/live?topic={FEED}&feed={FEED} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nX-API-Key: {key}\r\n\r\n".encode()
            )
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(1)
            assert b" 101 " in head, head
            self._sockets.append(connection)
            self._selector.register(connection, selectors.EVENT_READ)

    def forget(self) -> None:
        self._arrivals = {}
        self._began = time.perf_counter()

    def wait_for_all(self) -> float:
        """Seconds until something has come on every socket."""
        while len(self._arrivals) < len(self._sockets):
            assert time.perf_counter() - self._began < 120, len(self._arrivals)
            time.sleep(0.01)
        return max(self._arrivals.values()) - self._began

    def arrivals(self) -> list[float]:
        return list(self._arrivals.values())

    def close(self) -> None:
        self._is_closed = True
        for connection in self._sockets:
            connection.close()

    def _read(self) -> None:
        while not self._is_closed:
            for key, _ in self._selector.select(timeout=0.05):
                connection: socket.socket = key.fileobj  # type: ignore[assignment]  # it is ours
                try:
                    content = connection.recv(65_536)
                except OSError:
                    content = b""
                if not content:
                    self._selector.unregister(connection)
                if PING in (content[:2], content[-2:]):
                    connection.sendall(PONG)
                if len(content) > len(PING):
                    self._arrivals.setdefault(connection, time.perf_counter())


if __name__ == "__main__":
    main()
