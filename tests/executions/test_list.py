"""The list of executions and the log of one: filtered, in parts, whole."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from tests.cast import Cast
from tests.executions.conftest import accept_script, run_again
from tests.factories import make_agent
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.executions import forgetting, services
from webapp.executions.models import Execution, ExecutionRetention, LogLine, OutputChunk
from webapp.executions.schemas import ExecuteRequest


def execute(actor: Actor, handle: str = "helper", **fields: Any) -> Execution:
    body = ExecuteRequest(**{"input": "What is tea?", **fields})
    return services.execute_agent(handle, body, actor=actor)


def found(cast: Cast, query: str) -> list[str]:
    return [item["id"] for item in cast.api("vera").get(f"/executions?{query}").json["items"]]


def test_the_list_is_read_in_parts_newest_first(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper")
    made = [str(execute(alice).id) for _ in range(5)]
    api = cast.api("vera")
    seen: list[str] = []
    path = "/executions?limit=2"
    while True:
        part = api.get(path).json
        seen += [item["id"] for item in part["items"]]
        if part["next_cursor"] is None:
            break
        path = f"/executions?limit=2&cursor={part['next_cursor']}"
        execute(alice)  # what comes meanwhile moves nothing
    assert seen == made[::-1]
    assert api.get("/executions?cursor=x").status_code == 422


def test_every_filter_narrows_the_list(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper")
    other = make_agent(alice, name="Other", handle="other")
    first = execute(alice, project_id="red", input="Who repairs the LIFT?")
    second = execute(alice, "other", input={"city": "Köln", "rate": "100%"})
    third = execute(alice, project_id="blue")
    services.cancel_execution(third.id, actor=alice)
    db.session.execute(
        update(Execution).where(Execution.id == second.id).values(trigger="schedule")
    )
    db.session.commit()
    ids = {"1": str(first.id), "2": str(second.id), "3": str(third.id)}
    day = clock.now()
    for query, expected in {
        "agent=helper": "31", f"agent={other.id}": "2", "agent=nobody": "",
        "status=pending": "21", "status=cancelled": "3", "status=pending&agent=helper": "1",
        "trigger=schedule": "2", "trigger=api": "31", "project=red": "1", "project=pink": "",
        "q=lift": "1", "q=KÖLN": "2", "q=100%25": "2", "q=_": "", "q=blue": "3",
        f"q={first.id}": "1", f"from={day:%Y-%m-%d}": "321", f"to={day:%Y-%m-%d}": "321",
        f"to={day - timedelta(days=1):%Y-%m-%d}": "",
        f"from={day + timedelta(days=1):%Y-%m-%d}": "",
        f"from={clock.iso(second.created_at)}&to={clock.iso(second.created_at)}": "2",
    }.items():  # fmt: skip
        assert found(cast, query) == [ids[letter] for letter in expected], query
    assert cast.api("vera").get("/executions?status=odd").status_code == 422


def test_the_ends_of_the_calendar_are_moments_too(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper")
    execution = accept_script(alice, ("result",))
    api = cast.api("bob")
    for query, total in {
        "from=0001-01-01": 1, "to=9999-12-31": 1, "from=0001-01-01&to=9999-12-31": 1,
        "from=9999-12-31": 0, "to=0001-01-01": 0,
    }.items():  # fmt: skip
        assert found(cast, query) == [str(execution.id)][:total], query
        page = cast.browser("bob").get(f"/executions?{query}")
        assert (f"/executions/{execution.id}" in (page.html or "")) == bool(total), query
    chosen = {"filter": {"from": "0001-01-01", "to": "9999-12-31"}}
    assert api.post("/executions/bulk/cancel?dry_run=true", chosen).json["matched"] == 1


def test_another_organization_s_agent_finds_nothing(
    cast: Cast, alice: Actor, charlie: Actor
) -> None:
    make_agent(charlie, handle="theirs")
    make_agent(alice, handle="helper")
    execute(alice)
    assert found(cast, "agent=theirs") == []


def test_the_log_is_filtered_and_read_in_parts(run: Any, cast: Cast) -> None:
    execution = run(
        ("log", "Begin", {"level": "debug"}),
        ("log", "Tea at 80 %", {"level": "warn", "metadata": {"tool": "kettle"}}),
        ("log", "Broken_pot", {"level": "error"}),
        ("result",),
    )
    api, path = cast.api("vera"), f"/executions/{execution.id}/logs"

    def messages(query: str) -> list[str]:
        return [line["message"] for line in api.get(f"{path}?{query}").json["items"]]

    assert messages("level=error") == ["Broken_pot"]
    assert messages("level=warn") == ["Tea at 80 %", "Broken_pot"]
    assert "Begin" in messages("level=debug") and "Begin" not in messages("level=info")
    assert messages("q=tea") == ["Tea at 80 %"]
    assert messages("q=kettle") == ["Tea at 80 %"]
    assert messages("q=80 %25") == ["Tea at 80 %"]
    assert messages("q=n_p") == ["Broken_pot"]
    whole = [line["id"] for line in api.get(path).json["items"]]
    part = api.get(f"{path}?limit=2").json
    rest = api.get(f"{path}?limit=100&cursor={part['next_cursor']}").json
    assert [line["id"] for line in part["items"] + rest["items"]] == whole
    assert rest["next_cursor"] is None
    assert api.get(f"{path}?level=loud").status_code == 422


def test_the_log_is_downloaded_as_json_and_csv(run: Any, cast: Cast) -> None:
    execution = run(
        ("log", '=1+1, "quoted"', {"metadata": {"n": 1}}), ("log", "B", {"level": "warn"}),
        ("log", "C", {"level": "error"}), ("result",),
    )  # fmt: skip
    api, path = cast.api("vera"), f"/executions/{execution.id}/logs"
    answer = api.get(f"{path}?format=json")
    assert answer.json["executionId"] == str(execution.id)
    count = len(api.get(path).json["items"])
    assert answer.json["summary"] == {
        "totalLogs": count, "errorCount": 1, "warnCount": 1,
        "executionTime": execution.execution_time_ms,
    }  # fmt: skip
    assert len(answer.json["logs"]) == count
    assert "attachment" in answer.headers["Content-Disposition"]
    answer = api.get(f"{path}?format=csv&level=info")
    assert answer.mimetype == "text/csv"
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["timestamp", "level", "message", "execution_id", "agent_id", "metadata"]
    (told,) = (row for row in rows if "quoted" in row[2])
    assert told[1:] == [
        "info", "'=1+1, \"quoted\"", str(execution.id), str(execution.agent_id), '{"n": 1}',
    ]  # fmt: skip
    assert api.get(f"{path}?format=xml").status_code == 422


def test_a_long_log_is_downloaded_whole(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper")
    execution = execute(alice)
    rows = [
        {
            "execution_id": execution.id, "sequence": 100 + number, "level": "info",
            "organization_id": alice.organization_id, "message": f"line {number}",
            "step": "", "fields": {}, "at": clock.now(),
        }
        for number in range(1203)
    ]  # fmt: skip
    db.session.execute(insert(LogLine), rows)
    db.session.commit()
    answer = cast.api("vera").get(f"/executions/{execution.id}/logs?format=json&q=line")
    messages = [line["message"] for line in answer.json["logs"]]
    assert messages[-1203:] == [f"line {number}" for number in range(1203)]


@pytest.fixture
def old(run: Any) -> Execution:
    """An execution that ended 40 days ago."""
    execution: Execution = run(("output", "Done"), ("result",))
    execution.completed_at = clock.now() - timedelta(days=40)
    db.session.commit()
    return execution


def counts() -> tuple[int, int, int]:
    models = (Execution, LogLine, OutputChunk)
    return tuple(db.session.scalar(db.select(db.func.count()).select_from(m)) for m in models)  # type: ignore[return-value]  # three of them


def test_what_has_served_its_time_goes_in_its_order(old: Execution, alice: Actor) -> None:
    accept_script(alice, ("result",))
    assert counts()[::2] == (2, 1)
    now = clock.now()
    assert forgetting.forget_chunks(now, 10) == 1
    assert counts()[2] == 0
    assert forgetting.forget_logs(now, 10) == 1
    assert counts()[:2] == (2, 1)  # the line of the one that waits
    assert forgetting.forget_logs(now, 10) == 0
    assert forgetting.forget_executions(now, 10) == 0
    db.session.add(ExecutionRetention(organization_id=alice.organization_id, execution_days=30))
    db.session.commit()
    assert forgetting.forget_executions(now, 10) == 1
    assert counts()[0] == 1


def test_an_organization_may_keep_logs_for_longer(old: Execution, alice: Actor) -> None:
    db.session.add(ExecutionRetention(organization_id=alice.organization_id, log_days=60))
    db.session.commit()
    assert forgetting.forget_logs(clock.now(), 10) == 0


def test_what_is_deleted_at_once_has_a_bound(
    run: Any, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "LINES_AT_ONCE", 5)
    make_agent(alice, handle="helper")
    for _ in range(4):
        execution = run_again(accept_script(alice, ("log", "x"), ("result",), agent="helper"))
        execution.completed_at = clock.now() - timedelta(days=40)
        db.session.commit()
    # Four lines each: two executions have as many as go at once.
    assert forgetting.forget_logs(clock.now(), 1000) == 1000
    assert db.session.scalar(db.select(db.func.count()).where(Execution.log_count == 0)) == 2


def test_what_would_be_deleted_is_told_before(old: Execution, cast: Cast, alice: Actor) -> None:
    api, path = cast.api("alice"), "/executions/retention"
    kept = api.get(path).json
    assert (kept["execution_days"], kept["own_execution_days"], kept["executions"]) == (90, None, 0)
    lines, size = old.log_count, old.log_bytes
    assert (kept["log_days"], kept["log_lines"], kept["log_bytes"]) == (30, lines, size)
    tried = api.put(f"{path}?dry_run=true", {"execution_days": 20, "log_days": 60}).json
    assert (tried["executions"], tried["log_days"], tried["log_lines"]) == (1, 20, lines)
    assert api.get(path).json == kept
    assert api.put(path, {"log_days": 60}).json["log_lines"] == 0
    assert forgetting.forget_logs(clock.now(), 10) == 0
    db.session.commit()
    assert api.put(path, {"execution_days": 20}).json["executions"] == 1
    assert forgetting.forget_executions(clock.now(), 10) == 1
    db.session.commit()
    assert api.get(path).json["executions"] == 0
    assert cast.api("bob").put(path, {}).status_code == 403
    for body in ({"log_days": 0}, {"days": 5}, {"execution_days": 40_000}):
        assert api.put(path, body).status_code == 422
