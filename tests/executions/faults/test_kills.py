"""Parts are killed, stopped and started in the middle of 40 executions: nothing is lost, nothing
ends twice, and no answer that is recorded is asked for again."""

from __future__ import annotations

import signal

import psutil
import pytest

from tests.executions.faults.conftest import House
from tests.server import eventually

COUNT = 40
#: so many have an answer recorded when something happens
PAID = 10


def start_again(house: House) -> None:
    """Start the whole installation on the same data."""
    house.installation.log.write_text("")
    house.installation.start()


@pytest.fixture
def ids(house: House) -> list[str]:
    """Executions in the middle of their runs."""
    ids = house.accept(COUNT)
    house.wait_for_answers(PAID)
    return ids


def test_the_worker_is_killed(house: House, ids: list[str]) -> None:
    paid = house.paid()
    killed = house.worker()
    killed.kill()
    house.wait_for_ends()
    house.check(ids, paid)
    assert all(f"-{killed.pid}-" not in house.read(execution_id)["worker"] for execution_id in ids)


def test_the_web_process_is_killed(house: House, ids: list[str]) -> None:
    house.installation.part("gunicorn").kill()
    house.wait_for_ends()
    house.check(ids, {prompt for prompt, _ in house.server.asked()})


def test_the_supervisor_is_killed_and_all_starts_again_on_the_same_data(
    house: House, ids: list[str]
) -> None:
    process = house.installation.process
    assert process is not None
    runners = house.runners()
    assert runners
    process.kill()
    process.wait()
    # What it had started has died with it, runners too.
    eventually(lambda: not any(runner.is_running() for runner in runners))
    paid = house.paid()
    start_again(house)
    house.wait_for_ends()
    house.check(ids, paid)


def test_an_installation_that_is_told_to_stop_leaves_its_runs_to_the_next(
    house: House, ids: list[str]
) -> None:
    house.installation.stop()
    assert house.installation.process and house.installation.process.returncode == 0
    paid = house.paid()
    start_again(house)
    house.wait_for_ends()
    house.check(ids, paid)


def test_runners_are_killed(house: House, ids: list[str]) -> None:
    """Each ends the one execution that was its own, with a reason; the others go on."""
    killed = 0
    for runner in house.runners():
        try:
            runner.kill()
        except psutil.NoSuchProcess:
            continue
        killed += 1
        if killed == 5:
            break
    house.wait_for_ends()
    found = [house.read(execution_id) for execution_id in ids]
    failed = [execution for execution in found if execution["status"] == "failed"]
    assert 1 <= len(failed) <= killed  # one may have ended just before
    assert {execution["error"]["code"] for execution in failed} == {"runner_died"}
    assert {execution["error"]["message"] for execution in failed} == {
        "The runner ended with signal SIGKILL."
    }
    for execution in failed:
        ids.remove(execution["id"])
        assert [line["step"] for line in house.lines(execution["id"])].count("end") == 1
    house.check(ids, {prompt for prompt, _ in house.server.asked()})
    # The worker has not died of it.
    assert "starts again" not in house.installation.output()


def test_the_parent_of_the_runners_is_killed(house: House, ids: list[str]) -> None:
    """That is no doing of theirs: all go on behind what they have recorded."""
    paid = house.paid()
    house.runners()[0].parent().kill()
    house.wait_for_ends()
    house.check(ids, paid)


def test_a_frozen_worker_goes_on_when_it_may(house: House, ids: list[str]) -> None:
    worker, paid = house.worker(), house.paid()
    worker.send_signal(signal.SIGSTOP)
    # What was asked is answered meanwhile.
    eventually(lambda: house.server.is_idle())
    worker.send_signal(signal.SIGCONT)
    house.wait_for_ends()
    house.check(ids, paid)
