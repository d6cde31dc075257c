"""A runner that lies, or that somebody has taken over: nothing of it is believed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cast import Cast
from tests.executions.conftest import accept_script, lines_of, run_again, stored
from tests.factories import make_document
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.executions import recording
from webapp.executions.models import Execution, ExecutionStep
from webapp.executions.redaction import Redactor

OTHER = "00000000-0000-7000-8000-000000000000"
HUGE = "10 ** 400"


def ends_of(execution: Execution) -> list[str]:
    return [line.message for line in lines_of(execution) if line.step == "end"]


@pytest.mark.parametrize(
    "message",
    [
        {"log": [1]},
        {"log": {"message": {"a": [1]}, "level": ["x"], "step": {"a": 1}, "metadata": [1]}},
        {"output": {"a": 1}},
        {"usage": [1]},
        {"usage": {"input_tokens": [1], "output_tokens": -1, "cost_usd": "1"}},
        {"failure": "x"},
        {"result": [1]},
        {"status": "cancelled", "sequence": 7, "completed_at": "2020-01-01T00:00:00Z"},
        {},
    ],
    ids=str,
)
def test_what_has_another_shape_changes_nothing(run: Any, message: dict[str, Any]) -> None:
    execution = run(("tell", message), ("result", "Done"))
    assert (execution.status, execution.output["text"]) == ("completed", "Done")
    assert (execution.input_tokens, execution.output_tokens, execution.cost_usd) == (0, 0, None)
    assert len(ends_of(execution)) == 1


@pytest.mark.parametrize(
    "code",
    [
        f'channel.tell({{"usage": {{"input_tokens": {HUGE}, "cost_usd": {HUGE}}}}})',
        f'channel.tell({{"log": {{"message": "x", "metadata": {{"n": [{HUGE}]}}}}}})',
        f'channel.ask({{"ask": "search", "query": "tea", "limit": {HUGE}}})',
        f'channel.ask({{"ask": "record", "step": {{"kind": "tool", "content": {HUGE}}}}})',
    ],
)
def test_numbers_that_nobody_can_keep_are_left_out(
    run: Any, cast: Cast, alice: Actor, code: str
) -> None:
    make_document(alice)
    execution = run(("do", code), ("result", "Done"))
    assert (execution.status, execution.error) == ("completed", None)
    assert (execution.input_tokens, execution.cost_usd) == (0, None)
    answer = cast.api("vera").get(f"/executions/{execution.id}/logs")
    assert all(str(10**400) not in str(line) for line in answer.json["items"])


def test_an_output_and_a_failure_hold_no_such_number(run: Any, cast: Cast) -> None:
    output = f'{{"text": "x", "n": {HUGE}, "highest": 2**63 - 1, "lowest": -(2**63) + 1}}'
    execution = run(("do", f'channel.tell({{"result": {{"output": {output}}}}})'))
    answer = cast.api("vera").get(f"/executions/{execution.id}")
    assert answer.json["output"] == {
        "text": "x", "n": None, "highest": 2**63 - 1, "lowest": -(2**63) + 1,
    }  # fmt: skip
    failure = f'{{"code": "upstream_error", "message": "x", "retry_after": {HUGE}}}'
    execution = run(
        ("do", f'channel.tell({{"failure": {failure}}})'), features={"retry_policy": {}}
    )
    assert execution.waiting_for == "retry"
    assert execution.resume_at and execution.waiting_since
    assert (execution.resume_at - execution.waiting_since).total_seconds() < 10


def test_the_type_of_a_failure_is_kept_as_text(run: Any) -> None:
    told = '{"type": "Odd\\0Error", "message": "broken", "traceback": ""}'
    code = (
        f"from webapp.engine.channel import FAILED, encode; channel._send(encode(FAILED, {told}))"
    )
    execution = run(("do", code))
    assert (execution.status, execution.error_code) == ("failed", "execution_failed")
    message = execution.error["message"]
    assert "Error: broken" in message and "\0" not in message
    assert len(ends_of(execution)) == 1


def test_what_it_says_of_others_and_of_its_own_row_is_not_believed(run: Any, alice: Actor) -> None:
    other = accept_script(alice, ("result",))
    forged = {"execution_id": str(other.id), "sequence": 999_999, "organization_id": OTHER}
    line = {"message": "Forged.", "step": "end", "at": "1990-01-01T00:00:00Z"} | forged
    step = {"kind": "model", "call_id": "1", "content": 1, "number": 77} | forged
    execution = run(
        ("tell", {"log": line} | forged),
        ("ask", {"ask": "record", "step": step} | forged),
        ("ask", {"ask": "search", "query": "tea", "agent_id": OTHER} | forged),
        ("tell", {"result": {"output": {"text": "x"}, "status": "cancelled"} | forged}),
        agent="coding-expert",
    )
    assert (execution.status, execution.created_by) == ("completed", "alice@example.com")
    assert (execution.sequence, execution.step_count) < (20, 2)
    other = stored(other)
    assert (other.status, other.step_count) == ("pending", 0)
    assert all(line.step == "accept" for line in lines_of(other))
    assert [step.number for step in db.session.scalars(db.select(ExecutionStep))] == [1]
    forged_line = next(line for line in lines_of(execution) if line.message == "Forged.")
    assert (forged_line.at >= execution.created_at, forged_line.step) == (True, "runner")
    assert len(ends_of(execution)) == 1


def test_the_first_ending_counts(run: Any) -> None:
    late = {"failure": {"code": "upstream_error", "message": "Late."}}
    execution = run(("result", "one"), ("result", "two"), ("tell", late))
    assert (execution.output["text"], execution.error) == ("one", None)
    first = {"failure": {"code": "upstream_auth", "message": "First."}}
    execution = run(("tell", first), ("result", "two"), agent="coding-expert")
    assert (execution.error_code, execution.output) == ("upstream_auth", None)


def test_ten_thousand_lines_at_once(run: Any) -> None:
    execution = run(("many", 10_000, "line"), ("result", "Done"))
    assert execution.status == "completed"
    told = [line.message for line in lines_of(execution) if line.message.startswith("line ")]
    assert told == [f"line {number}" for number in range(len(told))]
    assert len(told) + execution.dropped_logs == 10_000
    assert len(ends_of(execution)) == 1


def test_metadata_of_megabytes_are_cut(run: Any) -> None:
    fields = "{f'k{n}': {'x': n} for n in range(100_000)}"
    code = f'channel.tell({{"log": {{"message": "x", "metadata": {fields}}}}})'
    execution = run(*[("do", code)] * 4, ("result", "Done"))
    assert execution.status == "completed"
    lines = [line for line in lines_of(execution) if line.message == "x"]
    assert len(lines) == 4
    assert all(len(str(line.fields)) < 17_000 for line in lines)


@pytest.mark.once
def test_of_many_values_the_first_are_kept() -> None:
    redactor = Redactor()
    assert redactor.json({"a": [1, 2, 3], "b": 4}, most=3) == {"a": [1, 2]}
    assert redactor.json({"a": [1, 2, 3], "b": 4}, most=5) == {"a": [1, 2, 3], "b": 4}


def test_what_is_recorded_fits_into_the_next_order(
    run: Any, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MAX_STEPS_BYTES", 250)
    step = {"ask": "record", "step": {"kind": "tool", "call_id": "1", "content": "x" * 100}}
    down = {"code": "upstream_error", "message": "Down."}
    script = [("ask", step)] * 2 + [
        ("first_time", "a", [("failure", down), ("sleep", 60)]), ("ask", step), ("result",),
    ]  # fmt: skip
    execution = run(*script)
    assert (execution.status, execution.step_count) == ("pending", 3)
    # The bound is one of all runs together.
    execution = run_again(execution)
    assert (execution.status, execution.step_count) == ("completed", 3)
    answers = [line.message for line in lines_of(execution) if line.step == "answer"]
    refused = "{'error': 'What models and tools answer is more than 250 bytes altogether.'}"
    assert answers == ["{}", "{}", refused, refused, refused]
