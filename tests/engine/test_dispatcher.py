"""The dispatcher fills free slots, notes ends, and loses no job whatever the database does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event

from tests.engine.conftest import eventually
from webapp import engine
from webapp.core.extensions import db
from webapp.engine import JobStatus, backend
from webapp.engine.dispatcher import Dispatcher
from webapp.engine.registry import Queue

EXECUTOR = "worker-of-the-test"


class Calls:
    """What a dispatcher calls: jobs that wait until they are let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.raised: dict[str, BaseException] = {}
        self.may_end = threading.Event()

    def run(self, _name: str, key: str, _arguments: dict[str, Any]) -> None:
        self.begun.append(key)
        self.may_end.wait(60)
        if key in self.raised:
            raise self.raised[key]


@contextmanager
def dispatching(
    app: Flask, calls: Calls, *, concurrency: int = 2
) -> Iterator[tuple[Dispatcher, sa.Engine]]:
    pool = backend.make_worker_engine(app.config["CALLBOARD"])
    dispatcher = Dispatcher(pool, EXECUTOR, [Queue("jobs", concurrency)], calls.run)
    dispatcher.start()
    try:
        yield dispatcher, pool
    finally:
        calls.may_end.set()
        dispatcher.stop_taking()
        dispatcher.close(seconds=60)
        pool.dispose()


def enqueue(*keys: str) -> None:
    for key in keys:
        engine.enqueue(db.session, "count", key=key, arguments={"total": 1})
    db.session.commit()


def progress(key: str) -> engine.JobProgress:
    found = engine.progress(key)
    assert found is not None
    return found


def has(status: JobStatus, *keys: str) -> Callable[[], bool]:
    return lambda: all(engine.status(key) is status for key in keys)


def test_a_free_slot_takes_the_next_job_and_its_end_is_noted(app: Flask) -> None:
    enqueue("first", "second", "third")
    calls = Calls()
    calls.raised["second"] = RuntimeError("on purpose")
    with dispatching(app, calls) as (dispatcher, _):
        eventually(lambda: sorted(calls.begun) == ["first", "second"])
        dispatcher.ring("jobs")
        dispatcher.ring("a queue of others")
        assert has(JobStatus.RUNNING, "first", "second")()
        assert progress("third").status is JobStatus.PENDING

        calls.may_end.set()
        eventually(has(JobStatus.COMPLETED, "first", "third"))
        eventually(has(JobStatus.FAILED, "second"))
        enqueue("fourth")
        dispatcher.ring("jobs")
        eventually(has(JobStatus.COMPLETED, "fourth"))


def test_many_jobs_are_taken_and_ended_in_one_transaction(app: Flask) -> None:
    keys = [str(number) for number in range(20)]
    enqueue(*keys)
    commits: list[int] = []
    pool = backend.make_worker_engine(app.config["CALLBOARD"])
    event.listen(pool, "commit", lambda _connection: commits.append(1))

    taken = backend.take_turn(pool, EXECUTOR, [], {"jobs": 20})
    assert [backend.read_call(job) for job in taken] == [("count", {"total": 1})] * 20
    assert sorted(job.key for job in taken) == sorted(keys)
    assert {job.attempts for job in taken} == {1}
    assert backend.take_turn(pool, "another", [], {"jobs": 20}) == []
    assert progress("7").worker == EXECUTOR
    backend.take_turn(pool, EXECUTOR, [backend.End(job, has_failed=False) for job in taken], {})

    assert has(JobStatus.COMPLETED, *keys)()
    assert len(commits) == 3
    pool.dispose()


def test_what_asks_first_and_waits_longest_is_taken_first(app: Flask) -> None:
    for key, priority in (("late", 9), ("urgent", 1), ("usual", 5)):
        engine.enqueue(db.session, "count", key=key, arguments={"total": 1}, priority=priority)
    db.session.commit()
    pool = backend.make_worker_engine(app.config["CALLBOARD"])
    taken = backend.take_turn(pool, EXECUTOR, [], {"jobs": 2, "narrow": 1})
    assert [job.key for job in taken] == ["urgent", "usual"]
    pool.dispose()


def test_an_end_does_not_count_once_another_worker_has_the_job(app: Flask) -> None:
    enqueue("moved", "cancelled")
    pool = backend.make_worker_engine(app.config["CALLBOARD"])
    ends = [
        backend.End(job, has_failed=False)
        for job in backend.take_turn(pool, EXECUTOR, [], {"jobs": 2})
    ]
    backend.give_back(pool, "moved", EXECUTOR)
    backend.end_cancelled("cancelled")
    (again,) = backend.take_turn(pool, "another", ends, {"jobs": 2})
    backend.take_turn(pool, EXECUTOR, ends, {})

    assert again.key == "moved"
    assert has(JobStatus.RUNNING, "moved")()
    assert has(JobStatus.CANCELLED, "cancelled")()
    pool.dispose()


def test_jobs_go_on_after_the_database_has_refused(app: Flask) -> None:
    calls = Calls()
    calls.may_end.set()
    with dispatching(app, calls) as (dispatcher, pool):
        is_refusing = threading.Event()
        is_refusing.set()
        refusals: list[int] = []

        @event.listens_for(pool, "commit")
        def _refuse(_connection: sa.Connection) -> None:
            if is_refusing.is_set():
                refusals.append(1)
                raise sa.exc.OperationalError("COMMIT", {}, Exception("refused by the test"))

        enqueue("kept")
        dispatcher.ring("jobs")
        eventually(lambda: refusals)
        assert calls.begun == []
        is_refusing.clear()
        eventually(has(JobStatus.COMPLETED, "kept"))
        assert calls.begun == ["kept"]


def test_a_job_that_was_taken_without_an_answer_is_given_back(app: Flask) -> None:
    calls = Calls()
    with dispatching(app, calls, concurrency=3) as (dispatcher, pool):
        enqueue("known")
        dispatcher.ring("jobs")
        eventually(lambda: calls.begun == ["known"])
        is_lost = threading.Event()

        @event.listens_for(pool, "commit")
        def _commit_and_lose(connection: sa.Connection) -> None:
            if not is_lost.is_set():
                is_lost.set()
                driver: Any = connection.connection.driver_connection
                driver.commit()
                raise sa.exc.OperationalError("COMMIT", {}, Exception("lost by the test"))

        enqueue("stray")
        dispatcher.ring("jobs")
        eventually(is_lost.is_set)
        eventually(lambda: calls.begun == ["known", "stray"])
        assert progress("known").attempts == 1
        calls.may_end.set()
        eventually(has(JobStatus.COMPLETED, "known", "stray"))


def test_what_cannot_be_read_fails_and_frees_its_slot(app: Flask) -> None:
    enqueue("unreadable", "good")
    table = backend._status_table(db.engine)
    db.session.execute(
        sa.text(
            f"UPDATE {table.replace('_status', '_input')} SET inputs = '[]'"
            " WHERE workflow_uuid = 'unreadable'"
        )
    )
    db.session.commit()
    calls = Calls()
    calls.may_end.set()
    with dispatching(app, calls, concurrency=1):
        eventually(has(JobStatus.FAILED, "unreadable"))
        eventually(has(JobStatus.COMPLETED, "good"))
    assert calls.begun == ["good"]


def test_an_interrupted_job_stays_with_its_worker(app: Flask) -> None:
    enqueue("interrupted", "next")
    calls = Calls()
    calls.raised["interrupted"] = engine.Interrupted()
    calls.may_end.set()
    with dispatching(app, calls, concurrency=1):
        eventually(has(JobStatus.COMPLETED, "next"))
    assert has(JobStatus.RUNNING, "interrupted")()
    assert progress("interrupted").worker == EXECUTOR
