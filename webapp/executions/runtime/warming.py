"""A rehearsal: what the first run of a process has to load and make, all runners share.

Each protocol is run through once, as a stream and whole, with answers that come from here.
"""

from __future__ import annotations

import asyncio
import encodings.idna  # noqa: F401 - loaded by the first connection
import json
from typing import Any

import httpx2

from webapp.engine.channel import Channel
from webapp.executions.runtime import answering
from webapp.executions.runtime.telling import Teller

_MADE = {"days": 1}
_OPENAI = {"id": "1", "created": 1, "model": "rehearsal"}
_OPENAI_USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
_CALL = {
    "index": 0,
    "id": "1",
    "type": "function",
    "function": {"name": "final_result", "arguments": json.dumps(_MADE)},
}
_ANTHROPIC = {
    "id": "1",
    "type": "message",
    "role": "assistant",
    "model": "rehearsal",
    "content": [{"type": "tool_use", "id": "1", "name": "final_result", "input": _MADE}],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
_TEXT = {"type": "text_delta", "text": "Ready."}
_SCHEMA = {"type": "object", "properties": {"days": {"type": "integer"}}}


class _Nobody(Channel):
    """A worker that has no documents and keeps nothing."""

    def __init__(self) -> None:
        pass

    def tell(self, message: dict[str, Any]) -> None:
        pass

    async def ask_async(self, question: dict[str, Any]) -> dict[str, Any]:
        return {"passages": []} if question["ask"] == "search" else {}


def warm_up() -> None:
    """Run through all that most runs have in common; it reaches no network."""
    asyncio.run(_rehearse())


async def _rehearse() -> None:
    for provider in ("openai-compatible", "anthropic"):
        for schema in (None, _SCHEMA):
            channel = _Nobody()
            transport = httpx2.MockTransport(_answer)
            order = _order(provider, schema)
            await answering.answer(order, channel, Teller(channel), transport=transport)


def _order(provider: str, schema: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "agent": {"handle": "rehearsal", "output_schema": schema},
        "model": {
            "provider": provider,
            "model": "rehearsal",
            "base_url": "https://rehearsal.invalid",
            "api_key": "none",
        },
        "input": {"prompt": "Ready?"},
        "tools": ["search_knowledge", "calculator", "current_time"],
        "steps": [],
        "limits": {"model_requests": 1},
    }


def _answer(request: httpx2.Request) -> httpx2.Response:
    is_stream = json.loads(request.content).get("stream")
    if request.url.path.endswith("/messages"):
        return _events(_speak()) if is_stream else httpx2.Response(200, json=_ANTHROPIC)
    if is_stream:
        choice = {"index": 0, "delta": {"content": "Ready."}, "finish_reason": "stop"}
        head = _OPENAI | {"object": "chat.completion.chunk", "usage": _OPENAI_USAGE}
        return _events([head | {"choices": [choice]}])
    message = {"role": "assistant", "content": None, "tool_calls": [_CALL]}
    made = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    whole = _OPENAI | {"object": "chat.completion", "choices": [made], "usage": _OPENAI_USAGE}
    return httpx2.Response(200, json=whole)


def _speak() -> list[dict[str, Any]]:
    """Anthropic's events."""
    return [
        {"type": "message_start", "message": _ANTHROPIC | {"content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": _TEXT},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 1},
        },
        {"type": "message_stop"},
    ]


def _events(events: list[dict[str, Any]]) -> httpx2.Response:
    text = "".join(
        f"event: {event.get('type', 'message')}\ndata: {json.dumps(event)}\n\n" for event in events
    )
    return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, text=text)
