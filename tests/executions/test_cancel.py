"""Cancelling is final: an execution has ended when the answer is there."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from apiflask import APIFlask

from tests.cast import Cast
from tests.executions.conftest import accept_script, lines_of, run_again, stored
from tests.factories import make_agent
from webapp import engine
from webapp.core.actor import Actor
from webapp.core.errors import Conflict
from webapp.engine import JobStatus, control
from webapp.executions import jobs, services
from webapp.executions.models import Execution
from webapp.executions.schemas import ExecuteRequest, RetryRequest


def test_a_pending_one_has_ended_at_once(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper")
    api = cast.api("bob")
    made = api.post("/agents/helper/execute", {"input": "x"}).json
    answer = api.post(f"/executions/{made['id']}/cancel")
    assert (answer.status_code, answer.json["status"]) == (200, "cancelled")
    assert answer.json["completed_at"] and answer.json["waiting_for"] is None
    assert engine.status(f"execution-{made['id']}-1") is JobStatus.CANCELLED
    lines = api.get(f"/executions/{made['id']}/logs").json["items"]
    assert [line["message"] for line in lines if line["step"] == "end"] == [
        "Cancelled by bob's key (bob@example.com)."
    ]
    again = api.post(f"/executions/{made['id']}/cancel")
    assert (again.status_code, again.json["code"]) == (409, "execution_finished")
    assert again.json["detail"] == f"Execution {made['id']} has already been cancelled."


def test_its_job_does_nothing(alice: Actor) -> None:
    make_agent(alice, handle="helper")
    execution = services.execute_agent("helper", ExecuteRequest(input="x"), actor=alice)
    services.cancel_execution(execution.id, actor=alice)
    execution = run_again(execution)
    assert (execution.status, execution.run_number) == ("cancelled", 0)


def test_a_running_one_ends_at_once_and_its_runner_is_killed(
    app: APIFlask, alice: Actor, scripted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = accept_script(alice, ("log", "Begun"), ("sleep", 60), ("result",))
    begun, token = threading.Event(), control.Token(execution.job_key)
    write = jobs.Recorder.write

    def note(recorder: Any) -> None:
        write(recorder)
        begun.set()

    monkeypatch.setattr(jobs.Recorder, "write", note)

    def work() -> None:
        with app.app_context(), control.running(token):
            jobs.run_execution(execution.job_key, str(execution.id))

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(60)
    services.cancel_execution(execution.id, actor=alice)
    assert stored(execution).status == "cancelled"
    token.cancel()  # as the worker does when it is told
    thread.join(30)
    assert not thread.is_alive()
    messages = [line.message for line in lines_of(execution)]
    assert messages[-2:] == ["Begun", "Cancelled by alice@example.com."]


def test_a_result_that_comes_after_it_changes_nothing(
    alice: Actor, scripted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = accept_script(alice, ("result",))
    follow = jobs._follow

    def cancel_then(runner: Any, recorder: Any) -> None:
        follow(runner, recorder)
        services.cancel_execution(execution.id, actor=alice)

    monkeypatch.setattr(jobs, "_follow", cancel_then)
    execution = run_again(execution)
    assert (execution.status, execution.output) == ("cancelled", None)
    assert len([line for line in lines_of(execution) if line.step == "end"]) == 1


def test_one_that_waits_for_its_next_try_is_cancelled(run: Any, alice: Actor) -> None:
    execution: Execution = run(("failure", {"code": "upstream_error", "message": "Down."}))
    assert execution.waiting_for == "retry"
    services.cancel_execution(execution.id, actor=alice)
    execution = stored(execution)
    assert (execution.status, execution.waiting_for, execution.resume_at) == (
        "cancelled", None, None,
    )  # fmt: skip


def test_a_finished_one_is_not_cancelled(run: Any, alice: Actor) -> None:
    execution: Execution = run(("result",))
    with pytest.raises(Conflict, match="already completed"):
        services.cancel_execution(execution.id, actor=alice)
    assert stored(execution).status == "completed"


def test_one_that_has_not_ended_is_not_retried(alice: Actor) -> None:
    make_agent(alice, handle="helper")
    execution = services.execute_agent("helper", ExecuteRequest(input="x"), actor=alice)
    with pytest.raises(Conflict, match="nothing to retry"):
        services.retry_execution(execution.id, RetryRequest(), actor=alice)
