from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask

from tests.database import new_database
from tests.factories import make_agent
from webapp import create_app, engine
from webapp.accounts import services as accounts
from webapp.config import Settings
from webapp.core.actor import Actor
from webapp.core.database import migrations
from webapp.core.extensions import db
from webapp.engine import runners
from webapp.engine.registry import get_registry
from webapp.executions import jobs, services
from webapp.executions.models import Execution, LogLine
from webapp.executions.schemas import ExecuteRequest

ROOT = Path(__file__).parents[2]
SCRIPT = engine.Program("script", "tests.executions.script")


@pytest.fixture
def scripted(app: APIFlask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Executions that run in this process do what their input's script says."""
    monkeypatch.setattr(jobs, "program_of", lambda _model: "script")
    if "script" not in get_registry(app).programs:
        engine.register(app, programs=[SCRIPT])
        runners.stop(app)


@pytest.fixture
def run(alice: Actor, scripted: None) -> Callable[..., Execution]:
    """Runs a script to its end, or to the wait for its next try, with the agent `helper`."""

    def run_script(*script: Any, **fields: Any) -> Execution:
        execution = accept_script(alice, *script, **fields)
        return run_again(execution)

    return run_script


def accept_script(actor: Actor, *script: Any, **fields: Any) -> Execution:
    """An accepted execution of a new agent, or of the one that `agent` names."""
    agent = (
        fields.pop("agent", None)
        or make_agent(actor, features_config=fields.pop("features", {})).handle
    )
    body = ExecuteRequest(input={"script": [list(line) for line in script]}, **fields)
    return services.execute_agent(agent, body, actor=actor)


def run_again(execution: Execution) -> Execution:
    """What a worker does with its job."""
    jobs.run_execution(execution.job_key, str(execution.id))
    return stored(execution)


def stored(execution: Execution) -> Execution:
    db.session.rollback()
    db.session.expire_all()
    return db.session.get_one(Execution, execution.id)


def lines_of(execution: Execution) -> list[LogLine]:
    statement = db.select(LogLine).where(LogLine.execution_id == execution.id)
    return list(db.session.scalars(statement.order_by(LogLine.sequence)))


class House:
    """An application on a database of its own, with an admin, and workers that run scripts."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        settings = Settings.from_environment(environment)
        self.app = create_app(settings)
        self.workers: list[subprocess.Popen[bytes]] = []
        with self.app.app_context():
            migrations.upgrade(settings)
            organization = accounts.create_organization(
                "Acme", email="alice@example.com", password="correct horse battery"
            )
            self.alice = organization.actor

    def start_worker(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.executions.worker"]
        self.workers.append(subprocess.Popen(command, env=self.environment, cwd=ROOT))
        return self.workers[-1]

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        with self.app.app_context():
            db.engine.dispose()


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    environment = dict(os.environ, CALLBOARD_DATA=str(tmp_path), SECRET_KEY="a test's own")
    environment.pop("DATABASE_URL", None)
    if url := new_database(database_url):
        environment["DATABASE_URL"] = url
    house = House(environment)
    with house.app.app_context():
        yield house
    house.close()
