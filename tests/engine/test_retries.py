"""A lost database is waited for; what may be the job's own fault is tried a few times."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from subprocess import Popen

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

from tests.engine.conftest import eventually
from tests.engine.test_jobs import written
from webapp import engine
from webapp.core.extensions import db
from webapp.engine import control, retries

LOST: list[DBAPIError] = [
    OperationalError("SELECT 1", {}, psycopg.OperationalError("the connection is lost")),
    OperationalError("SELECT 1", {}, psycopg.errors.AdminShutdown()),
    OperationalError("SELECT 1", {}, psycopg.errors.CannotConnectNow()),
    OperationalError("SELECT 1", {}, psycopg.errors.ConnectionFailure()),
    OperationalError("SELECT 1", {}, psycopg.errors.TooManyConnections()),
    InterfaceError("SELECT 1", {}, psycopg.InterfaceError("the connection is closed")),
    OperationalError("SELECT 1", {}, psycopg.OperationalError(), connection_invalidated=True),
]
ITS_OWN: list[DBAPIError] = [
    OperationalError("SELECT 1", {}, psycopg.errors.DeadlockDetected()),
    OperationalError("SELECT 1", {}, psycopg.errors.SerializationFailure()),
    OperationalError("SELECT 1", {}, psycopg.errors.LockNotAvailable()),
    OperationalError("SELECT 1", {}, psycopg.errors.QueryCanceled()),
    OperationalError("SELECT 1", {}, sqlite3.OperationalError("no such column: x")),
    OperationalError("SELECT 1", {}, sqlite3.OperationalError("database is locked")),
]


def reason(error: DBAPIError) -> str:
    return f"{type(error.orig).__name__}: {error.orig}"


@pytest.mark.parametrize("error", LOST, ids=reason)
def test_a_lost_database_is_waited_for(error: DBAPIError) -> None:
    token = engine.Token("key")
    token.failures = 1_000
    with control.running(token):
        assert retries.is_connection_lost(error)
        assert engine.will_retry(error)


@pytest.mark.parametrize("error", ITS_OWN, ids=reason)
def test_any_other_failure_is_tried_a_few_times(error: DBAPIError) -> None:
    token = engine.Token("key")
    with control.running(token):
        for failures in range(retries.MAX_FAILURES):
            token.failures = failures
            assert engine.will_retry(error) == (failures < retries.MAX_FAILURES - 1)
    assert not retries.is_connection_lost(error)


def test_a_database_that_somebody_else_writes_is_waited_for(tmp_path: Path) -> None:
    """But not one whose own snapshot has grown old: nobody will end that."""
    token = engine.Token("key")
    token.failures = 1_000
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path)) as first, closing(sqlite3.connect(path, 0)) as second:
        first.execute("PRAGMA journal_mode = WAL")
        first.execute("CREATE TABLE numbers (number INTEGER)")
        first.execute("INSERT INTO numbers VALUES (1)")
        with pytest.raises(sqlite3.OperationalError, match="locked") as locked:
            second.execute("BEGIN IMMEDIATE")
        second.execute("BEGIN")
        second.execute("SELECT * FROM numbers").fetchall()
        first.commit()
        with pytest.raises(sqlite3.OperationalError, match="locked") as old:
            second.execute("INSERT INTO numbers VALUES (2)")
    with control.running(token):
        assert engine.will_retry(OperationalError("BEGIN IMMEDIATE", {}, locked.value))
        assert not engine.will_retry(OperationalError("INSERT", {}, old.value))


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), IntegrityError("INSERT", {}, psycopg.errors.UniqueViolation())]
)
def test_a_bug_is_not_tried_again(error: Exception) -> None:
    with control.running(engine.Token("key")):
        assert not engine.will_retry(error)


def test_pauses_grow_to_a_bound_and_are_never_alike() -> None:
    for failures, longest in ((1, 0.25), (2, 0.5), (5, 4.0), (8, 30.0), (500, 30.0)):
        pauses = {retries.pause_before_retry(failures) for _ in range(20)}
        assert all(longest / 2 <= pause <= longest for pause in pauses)
        assert len(pauses) > 1


def test_a_job_waits_for_as_long_as_somebody_else_writes(
    app: Flask, start_worker: Callable[[], Popen[bytes]], tmp_path: Path
) -> None:
    """Also where SQLite lets none of its tries wait."""
    is_sqlite = db.engine.dialect.name == "sqlite"
    tries = tmp_path / "tries"
    arguments = {"folder": str(tmp_path)}
    engine.enqueue(db.session, "write_beside_another", key="patient", arguments=arguments)
    db.session.commit()
    start_worker()
    eventually(lambda: engine.status("patient") == "running")
    with db.engine.connect() as other:
        lock = "DELETE FROM probe_numbers" if is_sqlite else "LOCK TABLE probe_numbers"
        other.execute(text(lock))
        (tmp_path / "locked").touch()
        least = retries.MAX_FAILURES + 1 if is_sqlite else 1
        eventually(lambda: tries.exists() and len(tries.read_text()) >= least)
        other.rollback()
    eventually(lambda: engine.status("patient") == "completed")
    assert written("patient") == [0]


def test_a_job_that_misuses_the_database_fails_after_its_retries(
    app: Flask, start_worker: Callable[[], Popen[bytes]]
) -> None:
    engine.enqueue(db.session, "misuse", key="misuse")
    engine.enqueue(db.session, "fail", key="bug")
    db.session.commit()
    start_worker()

    eventually(lambda: engine.status("misuse") == "failed")
    assert written("misuse") == [0] * retries.MAX_FAILURES
    eventually(lambda: engine.status("bug") == "failed")
    progress = engine.progress("misuse")
    assert progress is not None and progress.attempts == 1
