from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.database import new_database
from tests.engine.probe import make_app
from webapp.config import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of the application under test and of its workers."""
    values = dict(os.environ, CALLBOARD_DATA=str(tmp_path), SECRET_KEY="a test's own")
    values.pop("DATABASE_URL", None)
    if url := new_database(database_url):
        values["DATABASE_URL"] = url
    return values


@pytest.fixture
def app(environment: dict[str, str]) -> Iterator[Flask]:
    app = make_app(Settings.from_environment(environment), install=True)
    with app.app_context():
        yield app


@pytest.fixture
def start_worker(environment: dict[str, str]) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.engine.probe"]
        started.append(subprocess.Popen(command, env=environment, cwd=ROOT))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def eventually(check: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Wait until `check()` is true."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.02)
