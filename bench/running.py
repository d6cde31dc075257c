"""Whole installations to measure, on SQLite and on PostgreSQL, and who calls them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.database import postgresql
from tests.server import KEY, Installation


@contextmanager
def on_sqlite() -> Iterator[Installation]:
    with tempfile.TemporaryDirectory() as folder, started(Path(folder), None) as running:
        yield running


@contextmanager
def on_postgresql() -> Iterator[Installation]:
    with (
        tempfile.TemporaryDirectory() as folder,
        postgresql(is_durable=True) as url,
        started(Path(folder), url) as running,
    ):
        yield running


@contextmanager
def started(folder: Path, url: str | None) -> Iterator[Installation]:
    running = Installation(folder, url)
    running.environment["CALLBOARD_RATE_LIMIT"] = "1000000"
    running.start()
    try:
        yield running
    finally:
        running.stop()


class Caller:
    """One kept connection, as a script that makes many requests has."""

    def __init__(self, running: Installation) -> None:
        self.connection = HTTPConnection("127.0.0.1", running.port, timeout=120)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        known = {"X-API-Key": KEY, "Content-Type": "application/json", **headers}
        self.connection.request(method, f"/api/v1{path}", data, known)
        response = self.connection.getresponse()
        content = response.read()
        assert response.status < 400, (response.status, content[:500])
        return content

    def parsed(self, method: str, path: str, body: Any = None) -> Any:
        return json.loads(self.call(method, path, body))


def processor_time(processes: Sequence[int]) -> float:
    """Milliseconds that the threads of these processes have computed, to the microsecond."""
    threads = (thread for pid in processes for thread in Path(f"/proc/{pid}/task").glob("*"))
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e6
