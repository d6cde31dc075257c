"""Workers are told at once; a message that gets lost costs time and nothing else."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from webapp import engine
from webapp.core.extensions import db
from webapp.engine import wakeups


@pytest.fixture
def ear(app: Flask) -> Iterator[wakeups.Wakeups]:
    opened = wakeups.open_wakeups(app.config["CALLBOARD"], db.engine, "worker")
    yield opened
    opened.close()


def heard(ear: wakeups.Wakeups) -> list[str]:
    """What comes next, which may be in several pieces."""
    select.select([ear], [], [], 30)
    return ear.receive()


def enqueue(key: str) -> None:
    engine.enqueue(db.session, "count", key=key, arguments={"total": 1})


def test_the_commit_of_a_job_wakes_the_workers(app: Flask, ear: wakeups.Wakeups) -> None:
    enqueue("dropped")
    db.session.rollback()
    enqueue("kept")
    with db.session.begin_nested():
        enqueue("within")
    assert ear.receive() == []
    db.session.commit()
    assert heard(ear) == ["queue jobs"]

    engine.cancel("kept")
    assert heard(ear) == ["cancel kept"]


def test_a_full_pipe_and_a_dead_workers_pipe_stop_nobody(tmp_path: Path) -> None:
    dead = wakeups.Pipe(tmp_path, "dead")
    os.close(dead.fileno())
    frozen = wakeups.Pipe(tmp_path, "frozen")
    for _ in range(3_000):
        wakeups._write(tmp_path, ["queue " + "long" * 10])
    alive = wakeups.Pipe(tmp_path, "alive")
    wakeups._write(tmp_path, ["queue jobs"])

    assert alive.receive() == ["queue jobs"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alive", "frozen"]
    alive.close()
    frozen.close()
    assert not list(tmp_path.iterdir())
