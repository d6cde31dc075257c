"""Executions in real workers: taken over from dead ones, cancelled, each with one ending."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import psutil

from tests.executions.conftest import House, accept_script, lines_of, stored
from tests.factories import make_agent
from tests.server import eventually
from webapp.core.extensions import db
from webapp.executions import services
from webapp.executions.models import Execution, OutputChunk


def all_ended(executions: list[Execution]) -> bool:
    return all(stored(execution).is_finished for execution in executions)


def say(execution: Execution) -> list[str]:
    db.session.rollback()
    db.session.expire_all()
    return [line.message for line in lines_of(execution)]


def runners_of(worker: Any) -> list[psutil.Process]:
    """The processes that a worker has started, and theirs."""
    return psutil.Process(worker.pid).children(recursive=True)


def test_the_runs_of_a_killed_worker_go_on_elsewhere(house: House) -> None:
    make_agent(house.alice, handle="helper")
    script: list[Any] = [
        ("model", "one"), ("sleep", 2), ("model", "two"), ("sleep", 0.5), ("result",),
    ]  # fmt: skip
    executions = [accept_script(house.alice, *script, agent="helper") for _ in range(10)]
    first = house.start_worker()
    eventually(lambda: all("paid one" in say(execution) for execution in executions))
    runners = runners_of(first)
    os.kill(first.pid, signal.SIGKILL)
    killed_at = time.monotonic()
    second = house.start_worker()
    eventually(lambda: all_ended(executions))
    assert time.monotonic() - killed_at < 60
    for execution in executions:
        execution = stored(execution)
        assert execution.status == "completed", execution.error
        assert execution.worker and f"-{second.pid}-" in execution.worker
        messages = say(execution)
        assert (messages.count("paid one"), messages.count("paid two")) == (1, 1)
        assert sum(line.step == "end" for line in lines_of(execution)) == 1
    # What the killed worker had started has died with it.
    eventually(lambda: not any(runner.is_running() for runner in runners))


def test_the_output_of_a_taken_over_run_begins_anew(house: House) -> None:
    execution = accept_script(
        house.alice,
        ("output", "Hel"),
        ("model", "one"),
        ("sleep", 2),
        ("output", "lo"),
        ("result",),
    )
    first = house.start_worker()
    eventually(lambda: "paid one" in say(execution))
    first.kill()
    house.start_worker()
    eventually(lambda: all_ended([execution]))
    statement = db.select(OutputChunk.text).where(OutputChunk.execution_id == execution.id)
    texts = db.session.scalars(statement.order_by(OutputChunk.sequence)).all()
    assert texts == ["Hel", None, "Hel", "lo"]


def test_a_running_one_is_cancelled_and_its_runner_is_gone(house: House) -> None:
    execution = accept_script(house.alice, ("log", "Begun"), ("sleep", 60), ("result",))
    worker = house.start_worker()
    eventually(lambda: "Begun" in say(execution))
    before = len(runners_of(worker))
    services.cancel_execution(execution.id, actor=house.alice)
    assert stored(execution).status == "cancelled"
    eventually(lambda: len(runners_of(worker)) < before)
    assert sum(line.step == "end" for line in lines_of(execution)) == 1


def test_a_worker_that_is_told_to_stop_leaves_its_runs_to_another(house: House) -> None:
    execution = accept_script(
        house.alice, ("model", "one"), ("sleep", 3), ("model", "two"), ("result",)
    )
    first = house.start_worker()
    eventually(lambda: "paid one" in say(execution))
    first.send_signal(signal.SIGTERM)
    assert first.wait(60) == 0
    assert stored(execution).status == "running"
    house.start_worker()
    eventually(lambda: all_ended([execution]))
    assert stored(execution).status == "completed"
    assert say(execution).count("paid one") == 1


def test_many_run_at_once_on_one_worker(house: House) -> None:
    make_agent(house.alice, handle="helper")
    executions = [
        accept_script(house.alice, ("log", "Begun"), ("sleep", 5), ("result",), agent="helper")
        for _ in range(40)
    ]
    house.start_worker()
    eventually(lambda: all_ended(executions), seconds=120)
    rows = [stored(execution) for execution in executions]
    assert {row.status for row in rows} == {"completed"}
    starts = [row.started_at for row in rows if row.started_at]
    ends = [row.completed_at for row in rows if row.completed_at]
    # All had begun before the first had ended.
    assert max(starts) < min(ends)


def test_a_failed_try_is_made_again_by_the_worker(house: House) -> None:
    down = {"code": "upstream_error", "message": "Down."}
    features = {"retry_policy": {"initial_delay_ms": 100}}
    execution = accept_script(
        house.alice,
        ("first_time", "a", [("failure", down), ("sleep", 60)]),
        ("result", "Now"),
        features=features,
    )
    house.start_worker()
    eventually(lambda: all_ended([execution]))
    execution = stored(execution)
    assert (execution.status, execution.attempt) == ("completed", 2)
