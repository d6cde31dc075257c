"""What a running job is told, and what it may ask for."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import Popen

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.engine.conftest import eventually
from tests.engine.probe import numbers
from tests.engine.test_jobs import written
from webapp import engine
from webapp.core.extensions import db
from webapp.engine import backend, control, jobs, registry

StartWorker = Callable[[], Popen[bytes]]


@pytest.mark.once
def test_a_token_calls_whoever_waits_for_it() -> None:
    token, called = control.Token("1"), []
    with token.calling(lambda: called.append("first")):
        pass
    with token.calling(lambda: called.append("second")):
        assert called == []
        token.cancel()
        assert called == ["second"]
        with token.calling(lambda: called.append("late")):
            assert called == ["second", "late"]
    token.interrupt()
    assert called == ["second", "late"]


def enqueue(name: str, key: str, **arguments: float) -> None:
    engine.enqueue(db.session, name, key=key, arguments=arguments)
    db.session.commit()


def times(key: str) -> list[float]:
    found = list(db.session.scalars(sa.select(numbers.c.written_at).where(numbers.c.key == key)))
    db.session.rollback()
    return sorted(found)


def test_a_job_that_goes_on_later_holds_no_slot(app: Flask, start_worker: StartWorker) -> None:
    enqueue("go_on_later", "later", runs=3, seconds=2)
    start_worker()
    eventually(lambda: written("later") == [0])

    enqueue("go_on_later", "between", runs=1, seconds=0)

    eventually(lambda: engine.status("between") == "completed")
    assert written("later") == [0]
    assert engine.status("later") == "pending"
    eventually(lambda: engine.status("later") == "completed")
    assert written("later") == [0, 1, 2]
    first, second, third = times("later")
    assert second - first >= 2 and third - second >= 2


def test_a_running_job_is_told_that_it_is_cancelled(app: Flask, start_worker: StartWorker) -> None:
    enqueue("wait", "long")
    start_worker()
    eventually(lambda: written("long") == [0])

    engine.cancel("long")

    eventually(lambda: engine.status("long") == "cancelled")
    assert written("long") == [0, 1]


def test_a_cancelled_job_whose_worker_died_is_told_by_the_next_one(
    app: Flask, start_worker: StartWorker
) -> None:
    enqueue("wait", "long")
    first = start_worker()
    eventually(lambda: written("long") == [0])
    first.kill()
    first.wait()

    engine.cancel("long")
    assert engine.status("long") == "running"
    start_worker()

    eventually(lambda: engine.status("long") == "cancelled")
    assert written("long")[-1] == 1


def test_a_cancelled_job_that_waits_for_its_next_run_is_told_now(
    app: Flask, start_worker: StartWorker
) -> None:
    enqueue("go_on_later", "later", runs=2, seconds=600)
    start_worker()
    eventually(lambda: written("later") == [0] and engine.status("later") == "pending")

    engine.cancel("later")

    eventually(lambda: engine.status("later") in ("cancelled", "completed"))


def test_cancelling_what_is_not_there_changes_nothing(app: Flask) -> None:
    engine.cancel("nothing")
    assert engine.status("nothing") is None


def test_a_queue_runs_no_more_than_it_may_and_stops_no_other(
    app: Flask, start_worker: StartWorker
) -> None:
    enqueue("wait", "first")
    enqueue("wait", "second")
    start_worker()
    eventually(lambda: written("first") + written("second") == [0])

    engine.enqueue(db.session, "count", key="other", arguments={"total": 1})
    db.session.commit()
    eventually(lambda: engine.status("other") == "completed")

    running, waiting = ("first", "second") if written("first") else ("second", "first")
    assert engine.progress(waiting) == engine.JobProgress(engine.JobStatus.PENDING, 1, 0, None)
    engine.cancel(running)
    eventually(lambda: written(waiting) == [0])
    engine.cancel(waiting)


def test_a_job_that_found_no_slot_is_as_if_it_had_never_been_taken(
    app: Flask, start_worker: StartWorker
) -> None:
    enqueue("wait", "long")
    start_worker()
    eventually(lambda: written("long") == [0])
    taken = engine.progress("long")
    assert taken is not None and taken.worker is not None

    backend.give_back(db.engine, "long", "somebody else")
    assert engine.progress("long") == taken
    backend.give_back(db.engine, "long", taken.worker)

    assert engine.progress("long") == engine.JobProgress(engine.JobStatus.PENDING, 1, 0, None)


def test_an_unknown_job_or_queue_is_refused(app: Flask) -> None:
    with pytest.raises(LookupError, match="No job is called nonsense"):
        enqueue("nonsense", "key")
    with pytest.raises(LookupError, match="No queue is called nowhere"):
        engine.register(app, jobs=[engine.Job("new", print, queue="nowhere")])
    with pytest.raises(ValueError, match="narrow is registered twice"):
        engine.register(app, queues=[engine.Queue("narrow", concurrency=2)])
    with pytest.raises(ValueError, match="wait is registered twice"):
        engine.register(app, jobs=[engine.Job("wait", print)])


def test_an_application_has_jobs_of_its_own(app: Flask) -> None:
    other = Flask("other")
    engine.register(other, jobs=[engine.Job("theirs", print)])
    assert registry.get_registry(other).find("theirs").function is print
    with pytest.raises(LookupError):
        registry.get_registry(app).find("theirs")


def test_a_token_stops_who_checks_and_who_sleeps(app: Flask) -> None:
    token = engine.Token("key")
    with control.running(token):
        jobs.check_interrupted()
        token.cancel()
        assert token.wait(600)
        with pytest.raises(engine.Cancelled):
            jobs.check_interrupted()
        with pytest.raises(engine.Cancelled):
            engine.sleep(600)
    assert engine.get_token() is None

    token = engine.Token("key")
    token.interrupt()
    with control.running(token), pytest.raises(engine.Interrupted):
        engine.sleep(600)
