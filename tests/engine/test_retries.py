"""A lost database is waited for; what may be the job's own fault is tried a few times."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from subprocess import Popen

import psycopg
import pytest
from flask import Flask
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
