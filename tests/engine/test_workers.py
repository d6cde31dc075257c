"""Workers are listed while they live; a frozen one is named, a dead one forgotten."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import timedelta
from subprocess import Popen

from flask import Flask
from sqlalchemy import update

from tests.engine.conftest import eventually
from webapp import engine
from webapp.core import clock
from webapp.core.extensions import db
from webapp.engine.workers import Worker

StartWorker = Callable[[], Popen[bytes]]


def listed() -> dict[str, bool]:
    """The ids of all workers, and whether they are silent."""
    db.session.rollback()
    return {worker.id: worker.is_silent for worker in engine.list_workers()}


def find(process: Popen[bytes]) -> str:
    """The id of the worker that runs in a process."""
    eventually(lambda: any(f"-{process.pid}-" in worker for worker in listed()))
    return next(worker for worker in listed() if f"-{process.pid}-" in worker)


def test_a_frozen_worker_is_named_until_it_ends(app: Flask, start_worker: StartWorker) -> None:
    assert listed() == {}
    frozen = start_worker()
    frozen_id = find(frozen)
    frozen.send_signal(signal.SIGSTOP)
    long_ago = clock.now() - timedelta(minutes=5)
    db.session.execute(update(Worker).values(beat_at=long_ago))
    db.session.commit()

    other = start_worker()
    other_id = find(other)
    assert listed() == {frozen_id: True, other_id: False}

    frozen.kill()
    eventually(lambda: listed() == {other_id: False})
    other.send_signal(signal.SIGTERM)
    assert other.wait(timeout=60) == 0
    assert listed() == {}
