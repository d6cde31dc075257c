"""Runners of real workers: a job is cancelled, stopped, or loses its runner or its worker."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from subprocess import Popen

from flask import Flask

from tests.engine.conftest import eventually
from tests.engine.test_control import enqueue
from tests.engine.test_jobs import written
from tests.engine.test_runners import SLEEP, is_gone
from webapp import engine

StartWorker = Callable[[], Popen[bytes]]
TELL_AND_SLEEP = "import os; tell({'number': os.getpid()})\n" + SLEEP


def wait_for_runner(key: str, *, runs: int = 1) -> int:
    """The number of the process that runs there."""
    eventually(lambda: len(written(key)) == runs)
    return int(max(written(key), key=lambda pid: not is_gone(pid)))


def test_a_cancelled_job_ends_its_runner(app: Flask, start_worker: StartWorker) -> None:
    start_worker()
    enqueue("run_script", "cancelled", code=TELL_AND_SLEEP)
    pid = wait_for_runner("cancelled")
    assert not is_gone(pid)
    engine.cancel("cancelled")
    eventually(lambda: engine.status("cancelled") == "cancelled")
    assert is_gone(pid)


def test_a_runner_that_is_killed_takes_nobody_with_it(
    app: Flask, start_worker: StartWorker
) -> None:
    worker = start_worker()
    enqueue("run_script", "killed", code=TELL_AND_SLEEP)
    os.kill(wait_for_runner("killed"), signal.SIGKILL)
    eventually(lambda: engine.status("killed") == "completed")
    assert -1 in written("killed")
    enqueue("run_script", "next", code="tell({'number': 7})")
    eventually(lambda: engine.status("next") == "completed")
    assert written("next") == [7]
    assert worker.poll() is None


def test_a_worker_that_stops_leaves_its_orders_to_the_next(
    app: Flask, start_worker: StartWorker
) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        key = f"left-{number}"
        worker = start_worker()
        enqueue("run_script", key, code=TELL_AND_SLEEP)
        first = wait_for_runner(key)
        worker.send_signal(number)
        worker.wait()
        eventually(partial(is_gone, first))
        last = start_worker()
        second = wait_for_runner(key, runs=2)
        assert second != first
        last.kill()
        last.wait()
        eventually(partial(is_gone, second))
