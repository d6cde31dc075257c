"""What executions came to, took and cost, counted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.cast import Cast
from tests.executions.conftest import lines_of
from tests.factories import make_agent
from tests.meanwhile import meanwhile
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.executions import forgetting
from webapp.executions.models import Execution, ExecutionUsage

NOON = datetime.fromisoformat("2026-03-04T12:00:00+00:00")


def add(actor: Actor, agent_id: Any, *times: int, **fields: Any) -> None:
    """Ended executions that took so many milliseconds."""
    values: dict[str, Any] = {
        "organization_id": actor.organization_id, "agent_id": agent_id, "agent_version": 1,
        "model": "extractive", "trigger": "api", "created_by": "x", "status": "completed",
        "cpu_time_ms": 1, "model_requests": 1, "input_tokens": 10, "output_tokens": 2,
        "cost_usd": 0.25, "completed_at": NOON,
    }  # fmt: skip
    for time in times:
        row = ExecutionUsage(execution_id=uuid4(), **values | {"execution_time_ms": time} | fields)
        db.session.add(row)
    db.session.commit()


def read(cast: Cast, query: str = "from=2026-03-01&to=2026-03-31", name: str = "vera") -> Any:
    return cast.api(name).get(f"/executions/metrics?{query}").json


def test_the_figures_are_those_of_the_executions(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="helper")
    add(alice, agent.id, *range(1, 101))
    add(alice, agent.id, 5, status="cancelled")
    add(alice, agent.id, 5, 5, 5, status="failed", error_code="upstream_error", cost_usd=None)
    late = NOON + timedelta(minutes=1)
    add(alice, agent.id, 5, status="failed", error_code="execution_timeout", completed_at=late)
    found = read(cast)
    assert found["executions"] == {
        "total": 105, "successful": 100, "failed": 4, "cancelled": 1, "successRate": 0.9615,
    }  # fmt: skip
    assert found["performance"] == {"average": 50.5, "median": 50.0, "p95": 95.0, "p99": 99.0}
    assert found["resources"] == {
        "cpu_time_ms": 105, "model_requests": 105, "input_tokens": 1050, "output_tokens": 210,
        "cost_usd": 25.5, "without_price": 3,
    }  # fmt: skip
    assert found["errors"] == [
        {"errorCode": "upstream_error", "count": 3, "percentage": 75.0,
         "lastOccurrence": "2026-03-04T12:00:00Z"},
        {"errorCode": "execution_timeout", "count": 1, "percentage": 25.0,
         "lastOccurrence": "2026-03-04T12:01:00Z"},
    ]  # fmt: skip


def test_they_are_told_by_agent_version_model_and_day(cast: Cast, alice: Actor) -> None:
    one, two = make_agent(alice, handle="one"), make_agent(alice, handle="two", name="Two")
    add(alice, one.id, 100, 300)
    add(
        alice, one.id, 500, agent_version=2, model="openai:x", completed_at=NOON - timedelta(days=1)
    )
    add(alice, two.id, 700)
    add(alice, uuid4(), 900, project_id="p", trigger="schedule")
    found = read(cast)
    first = found["by_agent"][0]
    assert (first["handle"], first["executions"]["total"]) == ("one", 3)
    assert {part["handle"] for part in found["by_agent"]} == {"one", "two", None}
    versions = [(part["agent_id"], part["version"]) for part in found["by_version"]]
    assert versions[0] == (str(one.id), 1) and (str(one.id), 2) in versions
    assert [(part["model"], part["performance"]["average"]) for part in found["by_model"]] == [
        ("extractive", 500.0), ("openai:x", 500.0),
    ]  # fmt: skip
    assert [(part["day"], part["executions"]["total"]) for part in found["by_day"]] == [
        ("2026-03-03", 1), ("2026-03-04", 4),
    ]  # fmt: skip
    month = "from=2026-03-01&to=2026-03-31"
    for query, total in {
        "agent=one": 3, f"agent={two.id}": 1, "agent=nobody": 0, "model=openai:x": 1,
        "project=p": 1, "trigger=schedule": 1, "from=2026-03-04": 4, "to=2026-03-03": 1,
    }.items():  # fmt: skip
        sought = query if "2026" in query else f"{month}&{query}"
        if query.startswith("to"):
            sought += "&from=2026-03-01"
        assert read(cast, sought)["executions"]["total"] == total, query


def test_without_executions_there_is_nothing_to_say(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="helper")
    add(alice, agent.id, 5)
    for found in (read(cast, ""), read(cast, name="charlie")):
        assert found["executions"] == {
            "total": 0, "successful": 0, "failed": 0, "cancelled": 0, "successRate": None,
        }  # fmt: skip
        assert found["performance"]["p95"] is None
        assert found["errors"] == found["by_agent"] == found["by_day"] == []


@pytest.mark.parametrize(
    ("milliseconds", "told"), [(999, 999), (1234, 1230), (45_678, 45_600), (2_345_678, 2_340_000)]
)
def test_long_times_are_told_to_three_digits(
    cast: Cast, alice: Actor, milliseconds: int, told: int
) -> None:
    add(alice, uuid4(), milliseconds)
    assert read(cast)["performance"]["median"] == told


def test_every_end_is_counted_once(run: Any, cast: Cast) -> None:
    for script in ([("result",)], [("exit", 1)]):
        run(*script)
    usage = {"input_tokens": 7, "output_tokens": 3, "cost_usd": 0.5}
    execution: Execution = run(("usage", usage), ("result",))
    found = read(cast, "")
    assert (found["executions"]["successful"], found["executions"]["failed"]) == (2, 1)
    assert found["resources"]["input_tokens"] == 7
    assert found["errors"][0]["errorCode"] == "runner_died"
    assert len(lines_of(execution)) >= 2


def test_the_first_days_of_the_calendar_have_none(cast: Cast) -> None:
    answer = cast.api("vera").get("/executions/metrics?to=0001-01-01")
    assert (answer.status_code, answer.json["executions"]["total"]) == (200, 0)
    assert answer.json["since"] == "0001-01-01T00:00:00Z"


def test_what_fails_while_they_are_counted_is_in_no_figure(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="helper")
    add(alice, agent.id, 5)

    def fail() -> None:
        add(alice, agent.id, 5, status="failed", error_code="upstream_error")

    with meanwhile(cast.app, fail, after="AS about_ms"):
        found = read(cast)
    assert (found["executions"]["total"], found["errors"]) == (1, [])
    found = read(cast)
    assert (found["executions"]["failed"], found["errors"][0]["percentage"]) == (1, 100.0)


def test_usage_outlives_its_execution_and_goes_in_its_time(
    run: Any, alice: Actor, cast: Cast
) -> None:
    execution: Execution = run(("result",))
    db.session.execute(db.delete(Execution).where(Execution.id == execution.id))
    db.session.commit()
    assert read(cast, "")["executions"]["total"] == 1
    add(alice, uuid4(), 1, 2, 3)
    assert forgetting.forget_usage(NOON, 10) == 0
    assert forgetting.forget_usage(NOON + timedelta(days=1), 10) == 3
    assert forgetting.forget_usage(clock.now() + timedelta(days=1), 10) == 1
