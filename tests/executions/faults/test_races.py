"""Two things that happen to an execution at once: one of them counts, and it ends once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask

from tests.cast import Cast
from tests.executions.conftest import accept_script, lines_of, run_again, stored
from webapp.agents import deletion
from webapp.agents.schemas import AgentPatch
from webapp.agents.services import update_agent
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.errors import Conflict, NotFound
from webapp.core.extensions import db
from webapp.executions import jobs, services
from webapp.executions.models import Execution

Act = Callable[[], object]


def at_once(app: APIFlask, *acts: Act) -> None:
    """Let all of them happen in threads of their own that begin together."""
    together = threading.Barrier(len(acts))
    faults: list[BaseException] = []

    def act(function: Act) -> None:
        with app.app_context():
            together.wait(60)
            try:
                function()
            except (Conflict, NotFound):
                pass  # the other one was first
            except BaseException as error:
                faults.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=act, args=(function,)) for function in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    assert not faults, faults


def ends_of(execution: Execution) -> int:
    return sum(line.step == "end" for line in lines_of(execution))


def begin(execution: Execution) -> Act:
    """What a worker does with it, as it is now."""
    key, execution_id = execution.job_key, str(execution.id)
    return lambda: jobs.run_execution(key, execution_id)


def cancel(execution: Execution, actor: Actor) -> Act:
    execution_id = execution.id
    return lambda: services.cancel_execution(execution_id, actor=actor)


def test_it_is_cancelled_and_completes(app: APIFlask, alice: Actor, scripted: None) -> None:
    seen = set()
    executions = [accept_script(alice, ("result",))]
    executions += [accept_script(alice, ("result",), agent="coding-expert") for _ in range(11)]
    for number, execution in enumerate(executions):
        pause = threading.Event()
        stop = cancel(execution, alice)
        wait = number * 0.01
        at_once(app, begin(execution), lambda: (pause.wait(wait), stop()))  # noqa: B023 - now
        execution = stored(execution)
        seen.add(execution.status)
        assert execution.status in ("completed", "cancelled")
        assert (execution.output is None) == (execution.status == "cancelled")
        assert ends_of(execution) == 1
    assert "cancelled" in seen


def test_it_is_cancelled_and_tried_again(app: APIFlask, alice: Actor, scripted: None) -> None:
    down = {"code": "upstream_error", "message": "Down."}
    features = {"retry_policy": {"max_attempts": 3, "initial_delay_ms": 0}}
    executions = [accept_script(alice, ("failure", down), features=features)]
    executions += [accept_script(alice, ("failure", down), agent="coding-expert") for _ in range(5)]
    for number, execution in enumerate(executions):
        pause, wait, stop = threading.Event(), number * 0.02, cancel(execution, alice)
        at_once(app, begin(execution), lambda: (pause.wait(wait), stop()))  # noqa: B023 - now
        execution = stored(execution)
        assert (execution.status, execution.waiting_for) == ("cancelled", None)
        # What the retry policy has put on the queue does nothing.
        begin(execution)()
        assert (stored(execution).status, ends_of(execution)) == ("cancelled", 1)


def test_two_workers_run_the_same_job(app: APIFlask, alice: Actor, scripted: None) -> None:
    execution = accept_script(alice, ("log", "Hello"), ("sleep", 0.2), ("result",))
    at_once(app, *[begin(execution)] * 3)
    execution = stored(execution)
    if execution.status == "running":  # the last that began was fenced off by none
        execution = run_again(execution)
    assert execution.status == "completed"
    assert ends_of(execution) == 1


def test_two_cancel_it(app: APIFlask, cast: Cast, alice: Actor, scripted: None) -> None:
    execution = accept_script(alice, ("result",))
    at_once(app, *[cancel(execution, alice)] * 4)
    assert (stored(execution).status, ends_of(execution)) == ("cancelled", 1)


def test_two_retries_with_one_key_are_one(
    app: APIFlask, cast: Cast, alice: Actor, scripted: None
) -> None:
    execution = accept_script(alice, ("exit", 1))
    execution = run_again(execution)
    api, path = cast.api("bob"), f"/executions/{execution.id}/retry"
    answers: list[tuple[int, str]] = []

    def retry() -> None:
        client = type(api)(app.test_client(), api.key)
        answer = client.post(path, {}, headers={"Idempotency-Key": "once"})
        answers.append((answer.status_code, answer.json.get("id") or answer.json["code"]))

    at_once(app, *[retry] * 4)
    made = db.session.scalars(db.select(Execution).where(Execution.retry_of == execution.id)).all()
    assert len(made) == 1, answers
    assert {status for status, _ in answers} <= {201, 409}
    assert {said for status, said in answers if status == 201} == {str(made[0].id)}


def test_its_agent_is_paused_while_it_runs(app: APIFlask, alice: Actor, scripted: None) -> None:
    execution = accept_script(alice, ("sleep", 0.3), ("result",))
    agent_id, pause = execution.agent_id, threading.Event()
    paused = AgentPatch(paused=True)
    at_once(
        app,
        begin(execution),
        lambda: (pause.wait(0.1), update_agent(agent_id, paused, actor=alice)),
    )
    execution = stored(execution)
    if execution.waiting_for:  # it was paused before it began
        assert (execution.status, execution.waiting_for) == ("pending", "agent_paused")
        update_agent(agent_id, AgentPatch(paused=False), actor=alice)
        execution = run_again(stored(execution))
    assert (execution.status, ends_of(execution)) == ("completed", 1)


def test_its_agent_is_deleted_while_it_runs(app: APIFlask, alice: Actor, scripted: None) -> None:
    execution = accept_script(alice, ("sleep", 0.3), ("result",))
    pause = threading.Event()
    at_once(
        app,
        begin(execution),
        lambda: (pause.wait(0.1), deletion.delete_agent("coding-expert", actor=alice)),
    )
    execution = stored(execution)
    assert execution.status in ("completed", "failed")
    assert execution.error_code in (None, "agent_deleted")
    assert ends_of(execution) == 1


def test_the_clock_is_set_back_while_it_runs(
    alice: Actor, cast: Cast, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = {"code": "upstream_error", "message": "Down."}
    execution = run(
        ("log", "One"), ("first_time", "a", [("failure", down), ("sleep", 60)]),
        ("log", "Two"), ("result",),
    )  # fmt: skip
    earlier = clock.now() - timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda: earlier)
    execution = run_again(execution)
    assert (execution.status, execution.attempt) == ("completed", 2)
    assert execution.started_at and execution.completed_at
    assert 0 <= execution.execution_time_ms < 60_000
    assert execution.completed_at >= execution.started_at
    lines = cast.api("vera").get(f"/executions/{execution.id}/logs").json["items"]
    told = [line["message"] for line in lines if line["message"] in ("One", "Two")]
    assert told == ["One", "One", "Two"]
    assert [line["step"] for line in lines].count("end") == 1
    page = cast.browser("vera").client.get(f"/executions/{execution.id}")
    assert page.status_code == 200


def test_another_organization_finds_it_nowhere(
    app: APIFlask, cast: Cast, alice: Actor, scripted: None
) -> None:
    """Whatever route takes an execution's id, now and in time to come."""
    execution = accept_script(alice, ("result",))
    before = len(lines_of(execution))
    browser, key = cast.browser("charlie"), cast.key("charlie")
    tried = 0
    for rule in app.url_map.iter_rules():
        if "execution_id" not in rule.arguments or rule.rule.startswith("/ws/"):
            continue
        values = {name: str(execution.id) for name in rule.arguments}
        path = rule.build(values, append_unknown=False)
        assert path
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if path[1].startswith("/api/"):
                client, options = app.test_client(), {"headers": {"X-API-Key": key}}
                options |= {"json": {}} if method != "GET" else {}
                answer = client.open(path[1], method=method, **options)  # type: ignore[arg-type]  # options of both kinds
            elif method == "GET":
                answer = browser.client.get(path[1])
            else:
                answer = browser.client.open(path[1], method=method, data={"csrf_token": "x"})
            assert answer.status_code in (400, 403, 404), (method, path)
            if method == "GET":
                assert answer.status_code == 404, path
            assert "coding-expert" not in answer.text
            tried += 1
    assert tried >= 9
    execution = stored(execution)
    assert (execution.status, len(lines_of(execution))) == ("pending", before)
    listed = app.test_client().get("/api/v1/executions", headers={"X-API-Key": key})
    assert listed.json["items"] == []
