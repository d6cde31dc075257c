"""Writers that wait: few of them, not for long, and never at the cost of those who read."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from tests.database import new_database
from tests.server import KEY, Installation, eventually
from webapp.core.database.connections import make_engine_options, prepare_sqlite
from webapp.core.database.writers import TooManyWriters, Writers, limit, writers

WAITING, CALLERS = 2, 6


@pytest.fixture
def crowded(database_url: str, tmp_path: Path) -> Iterator[Installation]:
    """An installation that lets two writers wait, for ten seconds."""
    running = Installation(tmp_path, new_database(database_url))
    running.environment |= {"CALLBOARD_WAITING_WRITERS": str(WAITING), "CALLBOARD_WRITE_WAIT": "10"}
    running.start()
    yield running
    running.stop()


@contextmanager
def held(url: str) -> Iterator[None]:
    """Somebody else's transaction that locks every agent."""
    if url.startswith("sqlite"):
        connection: Any = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
    else:
        connection = psycopg.connect(url.replace("+psycopg", ""))
        connection.execute("SELECT id FROM agents FOR UPDATE")
    try:
        yield
    finally:
        connection.rollback()
        connection.close()


def test_few_writers_wait_and_the_others_are_told_to_come_again(crowded: Installation) -> None:
    agent = crowded.request("POST", "/agents", {"name": "Helper", "instructions": "Help."})
    with httpx.Client(
        base_url=f"{crowded.url}/api/v1", headers={"X-API-Key": KEY}, timeout=60
    ) as client, ThreadPoolExecutor(CALLERS) as pool:  # fmt: skip
        change = {"instructions": "Help more."}
        with held(crowded.database_url):
            answers: list[Future[httpx.Response]] = [
                pool.submit(client.put, f"/agents/{agent['id']}", json=change)
                for _ in range(CALLERS)
            ]
            eventually(lambda: sum(answer.done() for answer in answers) >= CALLERS - WAITING)
            assert client.get("/health").json() == {"status": "ok"}
            assert client.get("/agents/helper").json()["instructions"] == "Help."
            for answer in [future.result() for future in answers]:  # the two wait in vain
                assert answer.status_code == 503
                assert answer.headers["Retry-After"] == "2"
                assert answer.json()["code"] == "unavailable"
                assert answer.json()["detail"].endswith("Nothing was changed.")
        assert client.put(f"/agents/{agent['id']}", json=change).status_code == 200
    assert crowded.output().count("too many wait to write") == CALLERS - WAITING


@pytest.mark.once
def test_waits_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/waits.sqlite3"
    engine = create_engine(url, **make_engine_options(url))
    monkeypatch.setattr(writers, "limit", None)
    prepare_sqlite(engine)
    limit(engine, waiting=1, seconds=0.05)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE numbers (number INTEGER)"))
    before = (writers.waits, sum(writers.buckets), writers.refused)

    with engine.begin() as connection:
        connection.execute(text("INSERT INTO numbers VALUES (1)"))
        connection.execute(text("INSERT INTO numbers VALUES (2)"))
    with held(url), pytest.raises(OperationalError, match="locked"), engine.begin() as connection:
        connection.execute(text("INSERT INTO numbers VALUES (3)"))
    with (
        writers.one_more(),
        pytest.raises(TooManyWriters),
        engine.begin() as connection,
    ):
        connection.execute(text("UPDATE numbers SET number = 4"))

    # A transaction waits once; what is refused has not waited.
    after = (writers.waits, sum(writers.buckets), writers.refused)
    assert [new - old for new, old in zip(after, before, strict=True)] == [3, 3, 1]
    with engine.connect() as connection:
        assert list(connection.scalars(text("SELECT number FROM numbers"))) == [1, 2]
    assert writers.waiting == 0
    engine.dispose()


@pytest.mark.once
def test_a_wait_falls_into_its_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Writers()
    for seconds in (0.0005, 0.05, 0.05, 20.0):
        moments = iter([100.0, 100.0 + seconds])
        monkeypatch.setattr("webapp.core.database.writers.time.monotonic", partial(next, moments))
        with counted.one_more():
            assert counted.waiting == 1
    assert counted.buckets == [1, 0, 2, 0, 0, 1]
    assert counted.seconds == pytest.approx(20.1005)
    assert (counted.waits, counted.waiting, counted.refused) == (4, 0, 0)


def test_one_beyond_the_few_gets_the_place_of_one_that_has_had_its_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = Writers(limit=1)
    monkeypatch.setattr("webapp.core.database.writers.PATIENCE", 0.0)
    with counted.one_more(), pytest.raises(TooManyWriters), counted.one_more():
        pass
    monkeypatch.setattr("webapp.core.database.writers.PATIENCE", 60.0)
    first, second = counted.one_more(), counted.one_more()
    first.__enter__()
    waits = threading.Thread(target=second.__enter__)
    waits.start()
    first.__exit__(None, None, None)
    waits.join()
    assert (counted.waiting, counted.refused) == (1, 1)
