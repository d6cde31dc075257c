"""Whatever a model's server does wrong ends in a code and in words that help."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from pydantic_ai.exceptions import ModelHTTPError

from tests.executions.runtime.conftest import Told, make_order, run
from tests.support.answers import Answer, Fault
from tests.support.models import ModelServer
from tests.support.openai import OpenAIServer
from webapp.catalog.providers import failures
from webapp.catalog.providers.clients import KEPT_BYTES

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}}
#: as a stream and whole
WAYS: list[dict[str, Any]] = [{}, {"output_schema": SCHEMA}]


def run_fault(server: ModelServer, fault: Fault, **agent: Any) -> Told:
    server.then(*[Answer("Half of an answer.", fault=fault)] * 3)
    return run(make_order(server, agent=agent, limits={"silence_seconds": 1.0}))


@pytest.mark.parametrize("agent", WAYS, ids=["streamed", "whole"])
@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (Fault.REFUSES, "upstream_error", "broke off its answer"),
        (Fault.HANGS, "upstream_timeout", "did not answer in time"),
        (Fault.GARBAGE, "upstream_error", "start page"),
        (Fault.HALF, "upstream_error", "broke off its answer"),
        (Fault.ERROR_AS_ANSWER, "upstream_error", "Upstream is away."),
        (Fault.QUOTA, "upstream_auth", "Your quota is used up."),
        (Fault.UNAUTHORIZED, "upstream_auth", "refuses our key (401): Incorrect API key."),
        (Fault.FAILS, "upstream_error", "failed (500): The server had an error."),
        (Fault.OVERLOADED, "upstream_error", "overloaded or away (503): The engine is overloaded."),
        (Fault.UNKNOWN_MODEL, "model_unknown", "(404): No such model."),
        (Fault.TOO_LONG, "input_invalid", "(400): This model's maximum context length"),
        (Fault.CUT, "output_invalid", "cut at its highest number of tokens"),
        (Fault.FILTERED, "output_invalid", "withheld its answer"),
    ],
)
def test_a_fault_of_a_server_is_said_in_a_code_and_words(
    server: ModelServer, fault: Fault, code: str, said: str, agent: dict[str, Any]
) -> None:
    told = run_fault(server, fault, **agent)
    failure = told.failure
    assert (failure["code"], said in failure["message"]) == (code, True), failure
    assert failure["suggestions"]
    assert "tiny-1" in failure["message"]


@pytest.mark.parametrize("fault", [Fault.FAILS, Fault.RATE_LIMITED, Fault.REFUSES, Fault.HALF])
def test_nothing_is_asked_twice_here(server: ModelServer, fault: Fault) -> None:
    # The execution's retry policy decides; a client that repeats by itself would triple it.
    run_fault(server, fault)
    assert len(server.requests) == 1


def test_how_long_a_server_asks_to_wait_is_kept(server: ModelServer) -> None:
    told = run_fault(server, Fault.RATE_LIMITED)
    assert told.failure["code"] == "upstream_rate_limited"
    assert told.failure["retry_after"] == 7.0
    assert "Too many requests." in told.failure["message"]


def test_an_error_within_a_stream_is_said(openai_server: OpenAIServer) -> None:
    told = run_fault(openai_server, Fault.ERROR_IN_STREAM)
    assert told.failure["code"] == "upstream_error"
    assert "It broke in the middle." in told.failure["message"]
    assert told.pieces


def test_a_stream_that_ends_without_its_end_is_no_answer(server: ModelServer) -> None:
    told = run_fault(server, Fault.UNFINISHED)
    assert told.failure["code"] == "upstream_error"
    assert "ended its answer without saying why" in told.failure["message"]
    assert len(server.requests) == 1


def test_an_empty_answer_is_none_and_is_not_recorded(server: ModelServer) -> None:
    told = run_fault(server, Fault.NO_CONTENT)
    assert told.failure["code"] == "upstream_error"
    assert told.failure["message"].endswith("tiny-1 answered with nothing.")
    assert len(server.requests) == 1
    assert not [step for step in told.steps if step["kind"] == "model"]


def test_a_text_where_a_schema_is_asked_for_is_no_output(server: ModelServer) -> None:
    server.then(*[Answer("Thirty.")] * 3)
    told = run(make_order(server, agent={"output_schema": SCHEMA}))
    assert told.failure["code"] == "output_invalid"
    assert len(server.requests) == 3


def test_what_came_of_a_broken_stream_was_shown(server: ModelServer) -> None:
    told = run_fault(server, Fault.HALF)
    assert "Half of an answer.".startswith("".join(told.pieces))
    assert told.pieces
    assert not [step for step in told.steps if step["kind"] == "model"]


@pytest.mark.parametrize("agent", WAYS, ids=["streamed", "whole"])
@pytest.mark.parametrize("fault", [Fault.CUT, Fault.FILTERED])
def test_an_answer_that_is_not_whole_was_paid_for(
    server: ModelServer, fault: Fault, agent: dict[str, Any]
) -> None:
    server.then(Answer("Half of", fault=fault, input_tokens=1000, output_tokens=500))
    told = run(make_order(server, agent=agent))
    assert told.failure["code"] == "output_invalid"
    assert [step["kind"] for step in told.steps] == ["tool"]
    *_, usage = (message["usage"] for message in told.messages if "usage" in message)
    assert usage == {
        "model_requests": 1, "input_tokens": 1000, "output_tokens": 500, "cost_usd": 0.002,
    }  # fmt: skip


def test_tokens_that_nobody_counted_have_no_price(openai_server: OpenAIServer) -> None:
    told = run_fault(openai_server, Fault.NO_USAGE)
    assert told.usage == {
        "model_requests": 1, "input_tokens": 0, "output_tokens": 0, "cost_usd": None,
    }  # fmt: skip
    (line,) = told.lines("model")
    assert line["metadata"]["is_measured"] is False


def test_tokens_that_are_told_with_each_piece_are_counted_once(
    openai_server: OpenAIServer,
) -> None:
    told = run_fault(openai_server, Fault.REPEATED_USAGE)
    assert (told.usage["input_tokens"], told.usage["output_tokens"]) == (12, 5)


def test_a_server_that_is_not_there_is_said(openai_server: OpenAIServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        told = run(make_order(openai_server, model={"base_url": url}))
    assert told.failure["code"] == "upstream_error"
    assert "cannot be reached" in told.failure["message"]


def test_a_wrong_base_url_is_hinted_at(openai_server: OpenAIServer) -> None:
    url = openai_server.url.removesuffix("/v1")
    told = run(make_order(openai_server, model={"base_url": url}))
    assert told.failure["code"] == "model_unknown"
    assert "Check the model's base_url: it often ends in /v1." in told.failure["suggestions"]


def test_a_key_that_a_server_repeats_is_not_told(openai_server: OpenAIServer) -> None:
    key = make_order(openai_server)["model"]["api_key"]
    openai_server.then(Answer("x", fault=Fault.UNAUTHORIZED))
    openai_server.error = lambda *_words: {"error": {"message": f"{key} is no key of ours."}}  # type: ignore[method-assign]  # as a server may answer
    told = run(make_order(openai_server))
    assert "[redacted] is no key of ours." in told.failure["message"]


@pytest.mark.parametrize("words", ["{}", '{{"error": {{"message": "{}"}}}}', '{{"detail": "{}"}}'])
def test_a_key_across_the_end_of_what_is_kept_is_not_told(words: str) -> None:
    key = "correct-horse-battery"
    model = {"provider": "openai", "model": "m", "api_key": key}
    start = "x" * (failures.MAX_SAID - 12)
    for fill in range(12):
        error = ModelHTTPError(500, "m", words.format(f"{start}{'y' * fill}{key} is wrong"))
        assert key[:6] not in failures.explain(error, model).message
    said = f"no{' ' * (KEPT_BYTES - 12)}{key}"[:KEPT_BYTES]
    assert said.endswith(key[:10])
    assert key[:6] not in failures.explain(ValueError("x"), model, said).message


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_model_without_a_key_is_not_asked(openai_server: OpenAIServer, provider: str) -> None:
    told = run(make_order(openai_server, model={"provider": provider, "api_key": None}))
    assert told.failure["code"] == "upstream_auth"
    assert openai_server.requests == []


def test_a_provider_that_nobody_knows_is_said(openai_server: OpenAIServer) -> None:
    told = run(make_order(openai_server, model={"provider": "oracle"}))
    assert told.failure["code"] == "model_unknown"
