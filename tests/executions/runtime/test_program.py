"""What the program does with an order: asks the model, calls tools, tells an output."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from flask import Flask

from tests.executions.runtime.conftest import PASSAGES, make_order, run
from tests.server import ROOT
from tests.support.answers import Answer, Call
from tests.support.models import ModelServer
from tests.support.openai import OpenAIServer
from webapp import engine
from webapp.engine import runners
from webapp.engine.runners import Limits


def test_a_text_is_told_as_it_grows_and_once_more_as_a_whole(server: ModelServer) -> None:
    text = "One two three four five six."
    server.then(Answer(text, pause_seconds=0.05))
    told = run(make_order(server))
    assert told.output == {"text": text, "citations": []}
    assert "".join(told.pieces) == text
    assert len(told.pieces) > 1
    (request,) = server.requests
    assert request.is_stream
    assert "Be brief." in str(request.body)
    assert "How many holidays are there?" in str(request.body["messages"])


def test_what_it_has_used_and_how_long_it_took_is_told(server: ModelServer) -> None:
    server.then(Answer("Hello.", input_tokens=1000, output_tokens=500))
    told = run(make_order(server))
    assert told.usage == {
        "model_requests": 1,
        "input_tokens": 1000,
        "output_tokens": 500,
        "cost_usd": 0.002,
    }
    (line,) = told.lines("model")
    assert line["message"].endswith("ms: 1,000 tokens in, 500 out.")
    assert line["metadata"]["finish_reason"] == "stop"
    assert line["metadata"]["milliseconds"] >= 0


def test_the_passages_that_its_input_finds_are_shown_and_those_that_it_cites_told(
    server: ModelServer,
) -> None:
    server.then(Answer("30 days [1], says the handbook [1]."))
    told = run(make_order(server), passages=PASSAGES)
    assert told.searches == [{"ask": "search", "query": "How many holidays are there?", "limit": 5}]
    sent = str(server.requests[0].body)
    assert "[1] Handbook › Holidays" in sent
    assert "On Fridays there is fish." in sent
    assert told.output["citations"] == [
        {"doc_id": PASSAGES[0]["doc_id"], "chunk_id": 41, "title": "Handbook", "score": 0.9}
    ]


def test_a_model_searches_the_documents_itself(server: ModelServer) -> None:
    server.then(
        Answer("Let me look.", calls=(Call("search_knowledge", {"query": "fish"}),)),
        Answer("On Fridays [3]."),
    )
    order = make_order(server, tools=["search_knowledge"], agent={"retrieval_config": {"top_k": 3}})
    told = run(order, passages=PASSAGES)
    assert [search["query"] for search in told.searches] == ["How many holidays are there?", "fish"]
    assert "[3] Menu" in str(server.requests[1].body["messages"][-1])
    assert [cited["title"] for cited in told.output["citations"]] == ["Menu"]
    assert "".join(told.pieces) == "Let me look.\n\nOn Fridays [3]."
    assert [line["metadata"]["tool"] for line in told.lines("tool")] == ["search_knowledge"] * 2


def test_documents_that_cannot_be_searched_fail_no_run(openai_server: OpenAIServer) -> None:
    openai_server.then(Answer("I cannot tell."))
    order = make_order(openai_server)
    order["input"] = {"count": 3}  # nothing to look for
    told = run(order)
    assert told.searches == []
    assert told.output["text"] == "I cannot tell."


def test_tools_are_those_that_the_agent_names(server: ModelServer) -> None:
    server.then(
        Answer(
            calls=(
                Call("calculator", {"expression": "6 * 7"}, id="a"),
                Call("current_time", {"timezone": "Europe/Berlin"}, id="b"),
            )
        ),
        Answer("42."),
    )
    told = run(make_order(server, tools=["calculator", {"name": "current_time"}, "teleport"]))
    assert told.output["text"] == "42."
    tools = [step for step in told.steps if step["kind"] == "tool"]
    results = {step["call_id"]: step["content"]["result"] for step in tools}
    assert results["a"] == "42"
    assert "+0" in results["b"]
    assert told.lines("tools", "warn")[0]["message"] == "Left out: there is no tool teleport."
    offered = [str(tool) for tool in server.requests[0].body["tools"]]
    assert len(offered) == 2


def test_an_output_is_held_to_its_schema(server: ModelServer) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"days": {"type": "integer", "minimum": 1}},
        "required": ["days"],
    }
    wrong, right = ({"days": 0}, {"days": 30})
    server.then(
        Answer(calls=(Call("final_result", wrong, id="a"),)),
        Answer(calls=(Call("final_result", right, id="b"),)),
    )
    told = run(make_order(server, agent={"output_schema": schema}))
    assert told.output == {"days": 30}
    assert "0 is less than the minimum of 1" in str(server.requests[1].body["messages"][-1])
    assert not server.requests[0].is_stream


def test_an_output_that_is_no_object_is_wrapped_on_its_way(server: ModelServer) -> None:
    schema = {
        "type": "array",
        "items": {"$ref": "#/$defs/Day"},
        "$defs": {"Day": {"type": "string", "maxLength": 6}},
    }
    server.then(Answer(calls=(Call("final_result", {"value": ["Friday", "Sunday"]}),)))
    told = run(make_order(server, agent={"output_schema": schema}))
    assert told.output == ["Friday", "Sunday"]


def test_a_schema_that_contains_itself_is_described_and_checked(server: ModelServer) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "parts": {"$ref": "#/$defs/Parts"}},
        "$defs": {"Parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
                  "Part": {"type": "object", "properties": {"parts": {"$ref": "#/$defs/Parts"}}}},
    }  # fmt: skip
    wrong: Any = {"parts": [{"parts": "none"}]}
    right: Any = {"parts": [{"parts": []}]}
    server.then(
        Answer(calls=(Call("final_result", {"value": wrong}, id="a"),)),
        Answer(calls=(Call("final_result", {"value": right}, id="b"),)),
    )
    told = run(make_order(server, agent={"output_schema": schema}))
    assert told.output == right
    assert len(server.requests) == 2


def test_an_output_that_stays_wrong_fails_with_what_is_wrong(server: ModelServer) -> None:
    schema = {"type": "object", "properties": {"days": {"type": "integer"}}}
    call = Call("final_result", {"days": "many"})
    server.then(*[Answer(calls=(call,))] * 3)
    told = run(make_order(server, agent={"output_schema": schema}))
    assert told.failure["code"] == "output_invalid"
    assert "days: 'many' is not of type 'integer'" in told.failure["message"]
    assert len(server.requests) == 3


def test_what_an_agent_overrides_goes_to_its_model(server: ModelServer) -> None:
    overrides = {"temperature": 0.1, "max_tokens": 77, "seed": True, "model": "other"}
    run(make_order(server, agent={"model_overrides": overrides}))
    body = server.requests[0].body
    assert body["temperature"] == 0.1
    assert 77 in (body.get("max_tokens"), body.get("max_completion_tokens"))
    assert "seed" not in body
    assert body["model"] == "tiny-1"


def test_a_model_that_comes_to_no_end_is_stopped(openai_server: OpenAIServer) -> None:
    call = Answer(calls=(Call("calculator", {"expression": "1"}),))
    openai_server.then(*[call] * 9)
    order = make_order(openai_server, tools=["calculator"], limits={"model_requests": 3})
    told = run(order)
    assert told.failure["code"] == "execution_failed"
    assert "request_limit of 3" in told.failure["message"]
    assert len(openai_server.requests) == 3


def test_the_extractive_model_answers_with_passages() -> None:
    told = run(make_order(), passages=PASSAGES)
    assert told.output["text"] == (
        "Everybody has 30 days of holiday a year. [1]\n\n"
        "Holidays are asked for two weeks before. [2]"
    )
    assert [cited["chunk_id"] for cited in told.output["citations"]] == [41, 42]
    assert "".join(told.pieces) == told.output["text"]
    assert told.usage["model_requests"] == 0
    assert run(make_order()).output == {
        "text": "The documents say nothing about that.",
        "citations": [],
    }


def test_the_extractive_model_loads_no_client_of_a_provider(app: Flask) -> None:
    engine.register(app, programs=[engine.Program("loaded", "tests.executions.runtime.loaded")])
    names = ["webapp.executions.runtime.extractive", "pydantic_ai", "httpx2", "sqlalchemy", "flask"]
    with runners.start("loaded", {"names": names}, limits=Limits(seconds=60)) as runner:
        assert list(runner) == [{"loaded": ["webapp.executions.runtime.extractive"]}]


def test_a_web_process_imports_no_model_s_client(tmp_path: Path) -> None:
    code = """
import sys
from webapp import create_app
from webapp.config import Settings
create_app(Settings.from_environment({"CALLBOARD_DATA": sys.argv[1], "SECRET_KEY": "x"}))
print(sys.modules.keys() & {"pydantic_ai", "openai", "anthropic", "genai_prices"})
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout == "set()\n"
