"""A worker that was stopped and has lost its lease comes back late: it leaves no trace."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import psycopg

from tests.executions.conftest import House, accept_script, house, lines_of, stored  # noqa: F401 - the fixture is not that of this folder
from tests.executions.test_workers import all_ended, say
from tests.factories import make_agent
from tests.server import eventually
from webapp.engine.leases import LOCK_CLASS

HOLDERS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_locks"
    " WHERE locktype = 'advisory' AND classid = %s"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def take_leases(environment: dict[str, str]) -> None:
    """Take its lease from every worker, as a network that fails does."""
    if url := environment.get("DATABASE_URL"):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(HOLDERS, [LOCK_CLASS])
    else:
        for lease in (Path(environment["CALLBOARD_DATA"]) / "leases").iterdir():
            lease.unlink()


def test_a_worker_that_comes_back_late_changes_nothing(house: House) -> None:  # noqa: F811 - the fixture
    make_agent(house.alice, handle="helper")
    script: list[Any] = [("model", "one"), ("sleep", 3), ("model", "two"), ("result",)]
    executions = [accept_script(house.alice, *script, agent="helper") for _ in range(10)]
    first = house.start_worker()
    eventually(lambda: all("paid one" in say(execution) for execution in executions))
    first.send_signal(signal.SIGSTOP)
    take_leases(house.environment)
    second = house.start_worker()
    eventually(lambda: all_ended(executions))
    before = [(row.status, row.sequence) for row in map(stored, executions)]
    third = accept_script(house.alice, ("result",), agent="helper")
    first.send_signal(signal.SIGCONT)
    eventually(lambda: all_ended([third]))
    first.send_signal(signal.SIGTERM)
    first.wait(60)
    assert before == [(row.status, row.sequence) for row in map(stored, executions)]
    for execution in executions:
        messages = say(execution)
        assert (messages.count("paid one"), messages.count("paid two")) == (1, 1)
        assert sum(line.step == "end" for line in lines_of(execution)) == 1
        assert f"-{second.pid}-" in (stored(execution).worker or "")
