"""A server that speaks chat completions, as OpenAI and those compatible with it do."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from tests.support.answers import Answer, Call, Fault, Request
from tests.support.models import ModelServer


class OpenAIServer(ModelServer):
    path = "/chat/completions"
    base = "/v1"

    def whole(self, request: Request, answer: Answer) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
        if answer.fault == Fault.NO_CONTENT:
            message["content"] = None
        if answer.calls:
            message["tool_calls"] = [_call(*item) for item in enumerate(answer.calls)]
        choice = {"index": 0, "message": message, "finish_reason": _reason(answer)}
        usage = None if answer.fault == Fault.NO_USAGE else _usage(answer)
        return _head(request, "chat.completion") | {"choices": [choice], "usage": usage}

    def stream(self, request: Request, answer: Answer) -> Iterator[bytes]:
        used = _usage(answer)
        usage = {"usage": used} if answer.fault == Fault.REPEATED_USAGE else {}

        def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            head = _head(request, "chat.completion.chunk")
            return _event(head | {"choices": [choice]} | usage)

        yield chunk({"role": "assistant", "content": None})
        if answer.fault != Fault.NO_CONTENT:
            for piece in answer.pieces:
                yield chunk({"content": piece})
        for number, call in enumerate(answer.calls):
            whole = _call(number, call)
            arguments = whole["function"].pop("arguments")
            whole["function"]["arguments"] = ""
            yield chunk({"tool_calls": [{"index": number} | whole]})
            for start in range(0, len(arguments), 20):
                part = {"arguments": arguments[start : start + 20]}
                yield chunk({"tool_calls": [{"index": number, "function": part}]})
        if answer.fault == Fault.UNFINISHED:
            return
        yield chunk({}, _reason(answer))
        if (request.body.get("stream_options") or {}).get("include_usage"):
            last = None if answer.fault == Fault.NO_USAGE else used
            yield _event(_head(request, "chat.completion.chunk") | {"choices": [], "usage": last})
        yield b"data: [DONE]\n\n"

    def error(self, kind: str, code: str, message: str) -> dict[str, Any]:
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _head(request: Request, kind: str) -> dict[str, Any]:
    moment = int(time.time())
    return {"id": "chatcmpl-1", "object": kind, "created": moment, "model": request.model}


def _call(number: int, call: Call) -> dict[str, Any]:
    arguments = call.arguments
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    function = {"name": call.name, "arguments": text}
    return {"id": call.id or f"call_{number}", "type": "function", "function": function}


def _reason(answer: Answer) -> str | None:
    match answer.fault:
        case Fault.CUT:
            return "length"
        case Fault.FILTERED:
            return "content_filter"
    return "tool_calls" if answer.calls else "stop"


def _usage(answer: Answer) -> dict[str, int]:
    given, made = answer.input_tokens, answer.output_tokens
    return {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}


def _event(content: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(content)}\n\n".encode()
