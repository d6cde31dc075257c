"""A server that speaks Anthropic's messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.support.answers import Answer, Call, Fault, Request
from tests.support.models import ModelServer


class AnthropicServer(ModelServer):
    path = "/v1/messages"
    base = ""

    def whole(self, request: Request, answer: Answer) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        if answer.text and answer.fault != Fault.NO_CONTENT:
            content.append({"type": "text", "text": answer.text})
        content += [_call(*item) for item in enumerate(answer.calls)]
        usage = {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}
        return _head(request) | {
            "content": content,
            "stop_reason": None if answer.fault == Fault.UNFINISHED else _reason(answer),
            "usage": usage,
        }

    def stream(self, request: Request, answer: Answer) -> Iterator[bytes]:
        used = {"input_tokens": answer.input_tokens, "output_tokens": 1}
        yield _event("message_start", message=_head(request) | {"content": [], "usage": used})
        number = 0
        if answer.text and answer.fault != Fault.NO_CONTENT:
            yield _event(
                "content_block_start", index=number, content_block={"type": "text", "text": ""}
            )
            for piece in answer.pieces:
                delta = {"type": "text_delta", "text": piece}
                yield _event("content_block_delta", index=number, delta=delta)
            yield _event("content_block_stop", index=number)
            number += 1
        for call in answer.calls:
            block = _call(number, call)
            arguments = json.dumps(block["input"])
            yield _event("content_block_start", index=number, content_block=block | {"input": {}})
            for start in range(0, len(arguments), 20):
                piece = arguments[start : start + 20]
                delta = {"type": "input_json_delta", "partial_json": piece}
                yield _event("content_block_delta", index=number, delta=delta)
            yield _event("content_block_stop", index=number)
            number += 1
        if answer.fault != Fault.UNFINISHED:
            usage = {"output_tokens": answer.output_tokens}
            reason = {"stop_reason": _reason(answer), "stop_sequence": None}
            yield _event("message_delta", delta=reason, usage=usage)
            yield _event("message_stop")

    def error(self, kind: str, code: str, message: str) -> dict[str, Any]:
        kind = "billing_error" if kind == "insufficient_quota" else kind
        return {"type": "error", "error": {"type": kind, "message": message}}


def _head(request: Request) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "stop_reason": None,
        "stop_sequence": None,
    }


def _call(number: int, call: Call) -> dict[str, Any]:
    arguments = call.arguments
    value = json.loads(arguments) if isinstance(arguments, str) else arguments
    return {
        "type": "tool_use",
        "id": call.id or f"toolu_{number}",
        "name": call.name,
        "input": value,
    }


def _reason(answer: Answer) -> str:
    match answer.fault:
        case Fault.CUT:
            return "max_tokens"
        case Fault.FILTERED:
            return "refusal"
    return "tool_use" if answer.calls else "end_turn"


def _event(kind: str, **content: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | content)}\n\n".encode()
