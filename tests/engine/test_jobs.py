"""Jobs survive what happens to the processes that ask for them and run them."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from subprocess import Popen

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.engine.conftest import eventually
from tests.engine.probe import numbers
from webapp import engine
from webapp.core.extensions import db
from webapp.engine import jobs

StartWorker = Callable[[], Popen[bytes]]


def written(key: str) -> list[int]:
    statement = sa.select(numbers.c.number).where(numbers.c.key == key).order_by(numbers.c.id)
    found = list(db.session.scalars(statement))
    db.session.rollback()
    return found


def enqueue(key: str, **arguments: float) -> None:
    engine.enqueue(db.session, "count", key=key, arguments=arguments)


def test_a_job_exists_only_when_the_enqueuing_transaction_commits(app: Flask) -> None:
    enqueue("dropped", total=1)
    db.session.rollback()
    enqueue("kept", total=1)
    db.session.commit()

    assert engine.status("dropped") is None
    assert engine.status("kept") == "pending"
    assert engine.progress("kept") == engine.JobProgress(engine.JobStatus.PENDING, 1, 0, None)


def test_changes_of_the_same_seconds_share_one_job(
    app: Flask, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs.time, "time", lambda: 1000.5)
    for _ in range(3):
        engine.enqueue_debounced(db.session, "count", {"total": 2}, seconds=1)
        db.session.commit()
    start_worker()
    eventually(lambda: engine.status("count-2-1001") == "completed")
    assert written("count-2-1001") == [0, 1]


def test_a_killed_worker_loses_nothing_and_repeats_nothing(
    app: Flask, start_worker: StartWorker
) -> None:
    first = start_worker()
    enqueue("long", total=60, batch=5, pause=0.1)
    db.session.commit()
    eventually(lambda: len(written("long")) >= 15)
    second = start_worker()
    enqueue("after", total=1)
    db.session.commit()

    first.kill()
    first.wait()

    eventually(lambda: engine.status("long") == "completed")
    assert written("long") == list(range(60))
    eventually(lambda: engine.status("after") == "completed")
    progress = engine.progress("long")
    assert progress is not None and progress.attempts == 2
    assert second.poll() is None


def test_a_stopping_worker_leaves_its_job_to_the_next_one(
    app: Flask, start_worker: StartWorker
) -> None:
    first = start_worker()
    enqueue("long", total=30, batch=5, pause=0.1)
    enqueue("cancelled", total=1)
    db.session.commit()
    eventually(lambda: written("long"))

    began = time.monotonic()
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=60) == 0
    assert time.monotonic() - began < 20
    assert 0 < len(written("long")) < 30

    start_worker()
    eventually(lambda: engine.status("long") == "completed")
    assert written("long") == list(range(30))


def test_a_cancelled_job_never_starts(app: Flask, start_worker: StartWorker) -> None:
    enqueue("cancelled", total=1)
    engine.enqueue(db.session, "fail", key="failing")
    db.session.commit()
    engine.schedule("every second", "count", cron="* * * * * *", arguments={"total": 1})
    engine.cancel("cancelled")
    enqueue("other", total=1)
    db.session.commit()

    start_worker()

    eventually(lambda: engine.status("other") == "completed")
    eventually(lambda: engine.status("failing") == "failed")
    assert engine.status("cancelled") == "cancelled"
    assert written("cancelled") == []
    scheduled = sa.select(sa.func.count()).select_from(numbers)
    eventually(lambda: db.session.scalar(scheduled.where(numbers.c.key.like("sched-%"))))
    engine.unschedule("every second")
