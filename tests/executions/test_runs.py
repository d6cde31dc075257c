"""An execution comes to exactly one ending, whatever its runner does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.cast import Cast
from tests.executions.conftest import accept_script, lines_of, run_again, stored
from tests.factories import make_agent, make_document
from webapp import engine
from webapp.agents import deletion
from webapp.agents.schemas import AgentPatch
from webapp.agents.services import update_agent
from webapp.config import Settings
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.engine import JobStatus
from webapp.executions import asking, jobs, orders, services
from webapp.executions.models import Execution, ExecutionStep, Level, OutputChunk
from webapp.executions.policy import RetryPolicy, policy_of
from webapp.executions.schemas import ExecuteRequest, RetryRequest
from webapp.executions.validating import find_errors

Run = Callable[..., Execution]


def ends_of(execution: Execution) -> list[str]:
    return [line.message for line in lines_of(execution) if line.step == "end"]


def test_the_built_in_model_answers_from_the_documents(alice: Actor) -> None:
    document = make_document(alice)
    make_agent(alice, handle="helper")
    body = ExecuteRequest(input="How warm is the water for green tea?")
    execution = run_again(services.execute_agent("helper", body, actor=alice))
    assert execution.status == "completed"
    assert execution.output["text"] == "Green tea wants water of 80 degrees. [1]"
    (citation,) = execution.output["citations"]
    assert (citation["doc_id"], citation["title"]) == (str(document.id), "Tea")
    assert (execution.cost_usd, execution.error) == (0.0, None)
    assert execution.started_at and execution.completed_at
    assert execution.cpu_time_ms >= 0 and execution.memory_peak_mb > 0
    assert len(ends_of(execution)) == 1


def test_what_a_runner_tells_is_kept(run: Run) -> None:
    usage = {"model_requests": 2, "input_tokens": 30, "output_tokens": 4, "cost_usd": 0.5}
    execution = run(
        ("log", "Hello", {"level": "warn", "metadata": {"n": 1}}),
        ("output", "Do"), ("output", "ne"), ("usage", usage), ("result", "Done"),
    )  # fmt: skip
    assert (execution.status, execution.output["text"]) == ("completed", "Done")
    assert {name: execution.usage[name] for name in usage} == usage
    (line,) = (line for line in lines_of(execution) if line.step == "script")
    assert (line.level, line.message, line.fields) == ("warn", "Hello", {"n": 1})
    chunks = db.session.scalars(db.select(OutputChunk).order_by(OutputChunk.sequence))
    assert "".join(chunk.text or "" for chunk in chunks) == "Done"


def test_totals_never_fall_and_a_cost_that_is_unknown_stays_so(run: Run) -> None:
    more = {"model_requests": 2, "input_tokens": 30, "output_tokens": 4, "cost_usd": 0.5}
    less = {"model_requests": 1, "input_tokens": 20, "output_tokens": 3, "cost_usd": 0.25}
    unknown = less | {"cost_usd": None}

    def kept(*told: dict[str, Any]) -> dict[str, Any]:
        # What is recorded in between is written, as it is between two tries.
        script: list[tuple[Any, ...]] = []
        for number, usage in enumerate(told):
            script += [("usage", usage), ("model", f"call-{number}")]
        usage = run(*script, ("result",)).usage
        return {name: usage[name] for name in more}

    assert kept(less, more) == kept(more, less) == more
    assert kept(more, unknown) == kept(unknown, more) == more | {"cost_usd": None}


def test_a_limit_of_computing_is_not_called_a_timeout(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "CPU_SECONDS", 1)
    execution = run(("do", "while True: pass"))
    assert execution.error and execution.error["code"] == "execution_timeout"
    assert execution.error["message"] == (
        "The execution computed for more than 1 s, the processor time that one has."
    )


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ([("failure", {"code": "upstream_auth", "message": "No"})], "upstream_auth", "No"),
        ([("failure", {"code": "odd", "message": "No"})], "execution_failed", "No"),
        ([("exit", 3)], "runner_died", "ended with status 3"),
        ([("log", "x")], "runner_died", "without a result"),
        ([("raise", "broken")], "execution_failed", "RuntimeError: broken"),
        ([("tell", {"result": {"output": {"n": 1}}})], "output_invalid", "'text' is a required"),
        ([("tell", {"result": {"output": None}})], "output_invalid", "is not of type 'object'"),
    ],
)  # fmt: skip
def test_a_failure_has_a_code_and_a_reason(run: Run, script: Any, code: str, words: str) -> None:
    execution = run(*script)
    assert (execution.status, execution.error_code) == ("failed", code)
    assert execution.error and words in execution.error["message"]
    (closing,) = (line for line in lines_of(execution) if line.step == "end")
    assert (closing.level, closing.message) == (Level.ERROR, execution.error["message"])


def test_one_that_takes_too_long_has_failed(run: Run) -> None:
    execution = run(("log", "Begun"), ("sleep", 60), timeout_seconds=1)
    assert (execution.status, execution.error_code) == ("failed", "execution_timeout")
    assert 1000 <= execution.execution_time_ms < 30_000
    assert [line.message for line in lines_of(execution) if line.step == "script"] == ["Begun"]
    assert len(ends_of(execution)) == 1


def test_an_output_beyond_its_bound_has_failed(
    run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch, cast: Cast
) -> None:
    low = settings.model_copy(update={"output_bytes": 200})
    monkeypatch.setitem(cast.app.config, "CALLBOARD", low)
    assert run(("result", 100 * "x")).status == "completed"
    execution = run(("result", 200 * "x"))
    assert (execution.status, execution.error_code) == ("failed", "execution_output_too_large")
    assert execution.output is None


def test_an_output_is_held_to_the_agents_schema(alice: Actor, run: Run) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    make_agent(alice, handle="counter", output_schema=schema)
    good, bad = ({"result": {"output": {"n": number}}} for number in (1, "one"))
    assert run(("tell", good), agent="counter").output == {"n": 1}
    execution = run(("tell", bad), agent="counter")
    assert execution.error_code == "output_invalid"
    assert (
        execution.error and "output.n: 'one' is not of type 'integer'" in execution.error["message"]
    )


HELD = {"type": "object", "required": ["text"]}


@pytest.mark.parametrize(
    "schema",
    [
        {"pattern": "^a"},
        {"patternProperties": {"^t": {"type": "integer"}}},
        {"patternProperties": {"^t": {}}, "additionalProperties": False},
        {"allOf": [{"patternProperties": {"^t": {}}}], "unevaluatedProperties": False},
        {"if": {"pattern": "^a"}, "then": {"required": ["n"]}},
        {"not": {"properties": {"text": {"pattern": "^b"}}}},
        {"contains": {"pattern": "^a"}},
        {"properties": {"text": {"contains": {"pattern": "^a"}}}},
        {"properties": {"text": {"oneOf": [{"pattern": "^D"}, {"pattern": "^E"}]}}},
    ],
    ids=str,
)
def test_a_worker_leaves_patterns_out(alice: Actor, run: Run, schema: dict[str, Any]) -> None:
    make_agent(alice, handle="held", output_schema=HELD | schema)
    assert run(("result", "Done"), agent="held").status == "completed"
    execution = run(("tell", {"result": {"output": {"n": 1}}}), agent="held")
    assert (execution.status, execution.error_code) == ("failed", "output_invalid")
    assert len(ends_of(execution)) == 1


def test_contains_without_patterns_takes_any_item() -> None:
    schema = {"contains": {"pattern": "^a"}, "items": {"type": "string"}}
    assert find_errors(schema, ["b"], "output", with_patterns=False) == []
    assert [
        error["field"] for error in find_errors(schema, [1], "output", with_patterns=False)
    ] == ["output.0"]
    assert [error["code"] for error in find_errors(schema, ["b"], "output")] == ["contains"]


def test_an_output_that_cannot_be_checked_ends_it_once(alice: Actor, run: Run) -> None:
    agent = make_agent(alice, handle="held")
    agent.output_schema = {"$ref": "#/$defs/gone"}  # none that could be saved now
    db.session.commit()
    execution = run(("result", "Done"), agent="held")
    assert (execution.status, execution.error_code) == ("failed", "execution_failed")
    assert len(ends_of(execution)) == 1


def test_a_log_has_room_for_so_many_lines(
    run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch, cast: Cast
) -> None:
    low = settings.model_copy(update={"log_lines": 10})
    monkeypatch.setitem(cast.app.config, "CALLBOARD", low)
    execution = run(("many", 30, "line"), ("result",))
    messages = [line.message for line in lines_of(execution)]
    told = [message for message in messages if message.startswith("line")]
    assert 5 < len(told) <= 10
    assert messages[-2] == "The log is full; further lines are left out."
    closing = lines_of(execution)[-1]
    assert closing.fields["lines_left_out"] == 30 - len(told)


def test_a_line_has_a_bound(run: Run) -> None:
    fields = {"metadata": {"text": 20_000 * "y"}}
    execution = run(("log", 9_000 * "x", fields), ("result",))
    (line,) = (line for line in lines_of(execution) if line.step == "script")
    assert line.message == 8_000 * "x" + "… (9,000 characters)"
    assert line.fields["characters"] > 20_000 and len(line.fields["cut"]) == 16_000


@pytest.mark.parametrize("policy", ["often", None, {"max_attempts": "many"}, {"every": 5}])
def test_what_is_no_policy_counts_as_none(alice: Actor, policy: Any) -> None:
    assert policy_of({"features_config": {"retry_policy": policy}}) == RetryPolicy()


def test_a_failure_upstream_is_tried_again_by_the_policy(run: Run) -> None:
    policy = {"max_attempts": 3, "initial_delay_ms": 50, "max_delay_ms": 50}
    down = {"code": "upstream_error", "message": "The model's server answered 500."}
    execution = run(
        ("first_time", "a", [("output", "Ha"), ("failure", down), ("sleep", 60)]),
        ("result", "Now"),
        features={"retry_policy": policy},
    )
    assert (execution.status, execution.attempt, execution.waiting_for) == ("pending", 2, "retry")
    assert execution.resume_at and execution.resume_at > execution.created_at
    assert execution.waits_because and execution.waits_because.startswith("Try 2 begins at ")
    assert engine.status(execution.job_key) is JobStatus.PENDING
    first = execution.job_key.replace("-2", "-1")
    jobs.run_execution(first, str(execution.id))  # the job of the first try does nothing
    assert stored(execution).status == "pending"
    execution = run_again(execution)
    assert (execution.status, execution.output["text"]) == ("completed", "Now")
    chunks = db.session.scalars(db.select(OutputChunk).order_by(OutputChunk.sequence))
    assert [chunk.text for chunk in chunks] == ["Ha", None]
    assert len(ends_of(execution)) == 1


def test_the_last_try_fails(run: Run) -> None:
    down = {"code": "upstream_timeout", "message": "No answer."}
    features = {"retry_policy": {"max_attempts": 2, "initial_delay_ms": 0}}
    execution = run(("failure", down), features=features)
    assert execution.status == "pending"
    execution = run_again(execution)
    assert (execution.status, execution.attempt, execution.error_code) == (
        "failed", 2, "upstream_timeout",
    )  # fmt: skip


def test_a_server_that_asks_for_time_gets_it(run: Run) -> None:
    down = {"code": "upstream_rate_limited", "message": "Slowly.", "retry_after": 40}
    execution = run(("failure", down))
    assert execution.resume_at and execution.waiting_since
    assert (execution.resume_at - execution.waiting_since).total_seconds() == 40


def test_recorded_steps_are_not_paid_for_again(run: Run) -> None:
    down = {"code": "upstream_error", "message": "Down."}
    execution = run(
        ("model", "one"), ("model", "two"),
        ("first_time", "a", [("failure", down), ("sleep", 60)]),
        ("model", "three"), ("result",),
    )  # fmt: skip
    assert (execution.status, execution.step_count) == ("pending", 3)
    execution = run_again(execution)
    assert execution.status == "completed"
    paid = [line.message for line in lines_of(execution) if line.step == "model"]
    assert paid == ["paid one", "paid two", "paid three"]
    steps = db.session.scalars(db.select(ExecutionStep).order_by(ExecutionStep.number))
    assert [(step.number, step.call_id) for step in steps] == [
        (1, "one"), (2, "two"), (3, "a"), (4, "three"),
    ]  # fmt: skip


def test_a_runner_gets_an_answer_to_whatever_it_asks(alice: Actor, run: Run) -> None:
    make_document(alice)
    execution = run(
        ("ask", {"ask": "everything"}),
        ("ask", {"ask": "record", "step": {"kind": "odd"}}),
        ("ask", {"ask": "search", "query": " ", "limit": 3}),
        ("ask", {"ask": "search", "query": "green tea", "limit": 1000}),
        ("result",),
    )
    answers = [line.message for line in lines_of(execution) if line.step == "answer"]
    assert "Nobody knows how to answer 'everything'." in answers[0]
    assert "A step has a kind" in answers[1]
    assert answers[2] == "{'passages': []}"
    assert "80 degrees" in answers[3]


def test_one_that_runs_still_searches_when_its_agent_is_paused(alice: Actor, run: Run) -> None:
    make_document(alice)
    execution = run(("result",))
    search = {"ask": "search", "query": "green tea"}
    update_agent(execution.agent_id, AgentPatch(paused=True), actor=alice)
    (passage,) = asking.answer(execution, search)["passages"]
    assert "80 degrees" in passage["content"]
    deletion.delete_agent(execution.agent_id, actor=alice)
    assert "Agent not found" in asking.answer(execution, search)["error"]


def test_what_is_no_message_is_left_out(run: Run) -> None:
    execution = run(
        ("tell", {"log": "text"}), ("tell", {"log": {"level": "loud", "message": 5}}),
        ("tell", {"usage": {"input_tokens": -1, "output_tokens": "many", "cost_usd": True}}),
        ("tell", {"odd": 1}), ("tell", {"log": {"message": "a\x00b"}}), ("result",),
    )  # fmt: skip
    assert execution.status == "completed"
    told = [(line.level, line.message) for line in lines_of(execution) if not line.step]
    assert told == [("info", "5"), ("info", "a\ufffdb")]
    assert (execution.input_tokens, execution.output_tokens, execution.cost_usd) == (0, 0, None)


def test_an_ended_one_is_retried_as_a_new_one_that_names_it(run: Run, alice: Actor) -> None:
    execution = run(("exit", 1), priority=3, project_id="p")
    again = services.retry_execution(execution.id, RetryRequest(), actor=alice)
    assert (again.retry_of, again.status, again.attempt) == (execution.id, "pending", 1)
    assert (again.input, again.priority, again.project_id) == (execution.input, 3, "p")
    assert stored(execution).status == "failed"


def test_one_that_another_worker_has_taken_leaves_no_trace(
    alice: Actor, scripted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = accept_script(alice, ("log", "Hello"), ("result",))
    answer = jobs._follow

    def follow(runner: Any, recorder: Any) -> None:
        answer(runner, recorder)
        db.session.execute(db.update(Execution).values(run_number=Execution.run_number + 1))
        db.session.commit()

    monkeypatch.setattr(jobs, "_follow", follow)
    execution = run_again(execution)
    assert execution.status == "running"
    assert [line.step for line in lines_of(execution)] == ["accept", "start"]
