"""The servers of models answer as their providers do: their own clients read them."""

from __future__ import annotations

import threading
from typing import Any

import anthropic
import httpx
import openai
import pytest

from tests.support.answers import Answer, Call, Fault
from tests.support.anthropic import AnthropicServer
from tests.support.openai import OpenAIServer

SAID: Any = {"role": "user", "content": "Good morning"}


def test_openai_s_client_reads_an_answer_whole_and_streamed() -> None:
    with OpenAIServer() as server:
        client = openai.OpenAI(base_url=server.url, api_key="k", max_retries=0)
        whole = client.chat.completions.create(model="m", messages=[SAID])
        assert whole.choices[0].message.content == "You said: Good morning"
        assert whole.usage is not None and whole.usage.total_tokens == 17
        server.then(Answer(calls=(Call("add", {"a": 1, "b": 2}),)))
        call = client.chat.completions.create(model="m", messages=[SAID])
        assert call.choices[0].finish_reason == "tool_calls"
        pieces = client.chat.completions.create(
            model="m",
            messages=[SAID],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = list(pieces)
    said = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(said) == "You said: Good morning"
    assert chunks[-1].usage is not None
    assert [request.is_stream for request in server.requests] == [False, False, True]
    assert server.requests[0].headers["authorization"] == "Bearer k"


def test_anthropic_s_client_reads_an_answer_whole_and_streamed() -> None:
    with AnthropicServer() as server:
        client = anthropic.Anthropic(base_url=server.url, api_key="k", max_retries=0)
        server.then(Answer("Well:", calls=(Call("add", {"a": 1}),)), Answer("One two three"))
        whole = client.messages.create(model="m", max_tokens=9, messages=[SAID])
        assert [block.type for block in whole.content] == ["text", "tool_use"]
        assert whole.stop_reason == "tool_use"
        with client.messages.stream(model="m", max_tokens=9, messages=[SAID]) as stream:
            assert stream.get_final_text() == "One two three"
    assert [request.model for request in server.requests] == ["m", "m"]


@pytest.mark.parametrize("server_class", [OpenAIServer, AnthropicServer])
def test_a_model_s_name_asks_for_a_fault(
    server_class: type[OpenAIServer | AnthropicServer],
) -> None:
    with server_class() as server, httpx.Client() as client:

        def ask(fault: Fault, **more: object) -> httpx.Response:
            body = {"model": f"fault-{fault}", "messages": [SAID]} | more
            return client.post(server.url + server.path, json=body, timeout=10)

        limited = ask(Fault.RATE_LIMITED)
        assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
        assert ask(Fault.UNAUTHORIZED).status_code == 401
        assert ask(Fault.FAILS).status_code == 500
        assert ask(Fault.GARBAGE).text.startswith("<!doctype html>")
        for fault, is_stream in ((Fault.REFUSES, False), (Fault.HALF, False), (Fault.HALF, True)):
            with pytest.raises(httpx.RemoteProtocolError):
                ask(fault, stream=is_stream)
        assert len(server.requests) == 7


def test_a_server_that_hangs_ends_with_its_test() -> None:
    with OpenAIServer() as server:
        errors: list[Exception] = []

        def ask() -> None:
            try:
                body = {"model": "fault-hangs", "messages": [SAID]}
                httpx.post(server.url + server.path, json=body, timeout=60)
            except httpx.HTTPError as error:
                errors.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        while not server.requests:
            thread.join(0.01)
    thread.join(30)
    assert len(errors) == 1
