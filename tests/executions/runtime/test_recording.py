"""What is recorded is not paid for again: a runner is killed, and another goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.executions.runtime.conftest import PASSAGES, Told, make_order, run
from tests.support.answers import Answer, Call
from tests.support.models import ModelServer
from tests.support.openai import OpenAIServer

SEARCH = Call("search_knowledge", {"query": "fish"}, id="call-1")
ANSWERS = (Answer("Let me look.", calls=(SEARCH,)), Answer("On Fridays [3]."))
TOOLS = ["search_knowledge"]
AGENT = {"retrieval_config": {"top_k": 3}}

Until = Callable[[Told, dict[str, Any]], bool]


def is_recorded(count: int) -> Until:
    """Kills it at its first sign of life after so many steps."""
    return lambda told, _message: len(told.steps) == count


def is_asked_to_record(kind: str) -> Until:
    """Kills it before a step of this kind is recorded."""
    return lambda _told, message: message.get("step", {}).get("kind") == kind


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_killed_run_goes_on_without_paying_again(server: ModelServer, count: int) -> None:
    server.then(*ANSWERS)
    order = make_order(server, tools=TOOLS, agent=AGENT)
    killed = run(order, passages=PASSAGES, until=is_recorded(count))
    assert len(killed.steps) == count
    order["steps"] = killed.steps
    told = run(order, passages=PASSAGES)
    assert len(server.requests) == 2
    assert told.output["text"] == "On Fridays [3]."
    assert [cited["title"] for cited in told.output["citations"]] == ["Menu"]
    assert told.usage["model_requests"] == 2
    assert told.usage["input_tokens"] == 24
    assert len(killed.steps) + len(told.steps) == 4
    # What was shown before it was killed is shown once more, from its beginning.
    assert "".join(told.pieces) == "Let me look.\n\nOn Fridays [3]."
    searches = len(killed.searches) + len(told.searches)
    assert searches == 2


def test_an_answer_that_was_not_recorded_is_asked_for_again(server: ModelServer) -> None:
    server.then(Answer("First."), Answer("Second."))
    order = make_order(server)
    killed = run(order, until=is_asked_to_record("model"))
    assert killed.messages[-1]["step"]["kind"] == "model"
    order["steps"] = killed.steps
    assert run(order).output["text"] == "Second."
    assert len(server.requests) == 2


def test_a_result_is_recorded_before_a_model_reads_it(server: ModelServer) -> None:
    server.then(*ANSWERS)
    order = make_order(server, tools=TOOLS, input={"number": 1})
    killed = run(order, passages=PASSAGES, until=is_asked_to_record("tool"))
    assert len(server.requests) == 1
    step = killed.messages[-1]["step"]
    assert step["call_id"] == "call-1"
    assert step["content"]["arguments"] == {"query": "fish"}
    assert [passage["title"] for passage in step["content"]["result"]] == [
        "Handbook",
        "Contract",
        "Menu",
    ]


def test_calls_of_the_same_name_and_id_keep_their_results(openai_server: OpenAIServer) -> None:
    # Small servers begin to count again with each answer.
    first, second = (Call("calculator", {"expression": text}, id="call_0") for text in ("1", "2"))
    openai_server.then(Answer(calls=(first,)), Answer(calls=(second,)), Answer("1 and 2."))
    order = make_order(openai_server, tools=["calculator"], input={})
    killed = run(order, until=is_recorded(4))
    order["steps"] = killed.steps
    run(order)
    sent = openai_server.requests[-1].body["messages"]
    assert [message["content"] for message in sent if message["role"] == "tool"] == ["1", "2"]
    assert len(openai_server.requests) == 3


def test_an_output_of_a_schema_is_recorded_and_checked_again(server: ModelServer) -> None:
    schema = {"type": "object", "properties": {"days": {"type": "integer"}}}
    wrong, right = ({"days": "many"}, {"days": 30})
    server.then(
        Answer(calls=(Call("final_result", wrong, id="a"),)),
        Answer(calls=(Call("final_result", right, id="b"),)),
    )
    order = make_order(server, agent={"output_schema": schema}, input={"number": 1})
    killed = run(order, until=is_recorded(1))
    order["steps"] = killed.steps
    told = run(order)
    assert told.output == {"days": 30}
    assert len(server.requests) == 2


def test_what_the_worker_does_not_record_is_not_used(openai_server: OpenAIServer) -> None:
    order = make_order(openai_server)
    order["steps"] = [{"number": 1, "kind": "model", "call_id": "", "content": {"kind": "odd"}}]
    told = run(order)
    assert told.failure["code"] == "execution_failed"
    assert told.failure["message"].startswith("A recorded answer cannot be read")
    assert openai_server.requests == []
