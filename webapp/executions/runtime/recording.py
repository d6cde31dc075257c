"""Each model answer and each tool result is recorded before it is used, and not asked for again.

The order's steps are what was recorded before; they come back in their order.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic_ai.capabilities import AbstractCapability, WrapModelRequestHandler
from pydantic_ai.capabilities.abstract import WrapToolExecuteHandler
from pydantic_ai.messages import ModelMessagesTypeAdapter, ModelResponse, ToolCallPart
from pydantic_ai.models import ModelRequestContext
from pydantic_ai.tools import RunContext, ToolDefinition

from webapp.catalog.providers import failures
from webapp.catalog.providers.failed import Failed
from webapp.engine.channel import Channel
from webapp.executions.runtime.providers import cost_of
from webapp.executions.runtime.telling import Teller

Show = Callable[[Any], Any]


@dataclass
class Recording(AbstractCapability[None]):
    """Stands around the calls of models and tools.

    `shows` has, by a tool's name, how a model reads what was recorded of it.
    """

    channel: Channel
    teller: Teller
    model: Mapping[str, Any]
    steps: Iterable[Mapping[str, Any]]
    shows: Mapping[str, Show] = field(default_factory=dict)
    #: whether it is the provider's turn, so that what is raised is its fault
    is_asking: bool = False

    def __post_init__(self) -> None:
        self._answers: deque[Any] = deque()
        self._results: dict[str, deque[Any]] = defaultdict(deque)
        for step in self.steps:
            if step["kind"] == "model":
                self._answers.append(step["content"])
            else:
                self._results[step["call_id"]].append(step["content"])

    async def wrap_model_request(
        self,
        ctx: RunContext[None],
        *,
        request_context: ModelRequestContext,
        handler: WrapModelRequestHandler,
    ) -> ModelResponse:
        """The recorded answer, else the model's, once it is recorded."""
        if self._answers:
            response = _read(self._answers.popleft())
            self._tell_answer(response, None)
            return response
        name = self.model["model"]
        self.teller.log("debug", "model", f"Asks {name}.", model=name)
        started = time.monotonic()
        self.is_asking = True
        response = await handler(request_context)
        try:
            self._check_end(response)
            self.is_asking = False
            content = ModelMessagesTypeAdapter.dump_python([response], mode="json")[0]
            await self._record("model", response.provider_response_id or "", content)
        finally:
            self._tell_answer(response, started)  # also what cannot be used was paid for
        return response

    async def wrap_tool_execute(
        self,
        ctx: RunContext[None],
        *,
        call: ToolCallPart,
        tool_def: ToolDefinition,
        args: dict[str, Any],
        handler: WrapToolExecuteHandler,
    ) -> Any:
        """The recorded result, else the tool's, once it is recorded."""

        async def use() -> Any:
            return await handler(args)

        result = await self.once(call.tool_call_id, call.tool_name, args, use)
        return self.shows.get(call.tool_name, lambda value: value)(result)

    async def once(
        self,
        call_id: str,
        name: str,
        arguments: Mapping[str, Any],
        use: Callable[[], Awaitable[Any]],
    ) -> Any:
        """What `use` gives, which is JSON; it is not called where that was recorded."""
        metadata = {"tool": name, "arguments": arguments, "call_id": call_id}
        if recorded := self._results[call_id]:
            self.teller.log("info", "tool", f"{name}: as recorded.", is_replayed=True, **metadata)
            return recorded.popleft()["result"]
        started = time.monotonic()
        result = await use()
        milliseconds = round((time.monotonic() - started) * 1000)
        await self._record(
            "tool", call_id, {"name": name, "arguments": arguments, "result": result}
        )
        message = f"{name} took {milliseconds} ms."
        self.teller.log("info", "tool", message, milliseconds=milliseconds, **metadata)
        return result

    async def _record(self, kind: str, call_id: str, content: Any) -> None:
        self.teller.flush()
        step = {"kind": kind, "call_id": call_id, "content": content}
        answer = await self.channel.ask_async({"ask": "record", "step": step})
        if "error" in answer:
            raise Failed("execution_failed", str(answer["error"]))

    def _check_end(self, response: ModelResponse) -> None:
        """Raise Failed where an answer is not whole, though it looks like one."""
        name = f"{self.model['provider']}:{self.model['model']}"
        raw = (response.provider_details or {}).get("finish_reason")
        if response.finish_reason == "length":
            raise failures.cut(name)
        if response.finish_reason == "content_filter":
            said = f"{name} withheld its answer: {raw or 'content_filter'}."
            raise Failed("output_invalid", said, "Change the input, or choose another model.")
        if response.finish_reason is None and raw is None:
            raise failures.unfinished(name)
        if not response.tool_calls and not (response.text or "").strip():
            raise Failed("upstream_error", f"{name} answered with nothing.", failures.TRY_LATER)

    def _tell_answer(self, response: ModelResponse, started: float | None) -> None:
        """Log an answer and count it; one without a start was recorded before."""
        usage, cost = response.usage, cost_of(response, self.model)
        self.teller.usage.add(usage.input_tokens, usage.output_tokens, cost)
        metadata: dict[str, Any] = {
            "model": response.model_name or self.model["model"],
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cost_usd": cost,
            "finish_reason": response.finish_reason,
            "tool_calls": [part.tool_name for part in response.tool_calls],
        }
        if usage.unmeasured_requests:
            metadata["is_measured"] = False
        tokens = f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out"
        if started is None:
            message, metadata["is_replayed"] = f"As recorded: {tokens}.", True
        else:
            metadata["milliseconds"] = round((time.monotonic() - started) * 1000)
            message = f"Answered in {metadata['milliseconds']:,} ms: {tokens}."
        self.teller.log("info", "model", message, **metadata)
        self.teller.tell_usage()


def _read(content: Any) -> ModelResponse:
    try:
        (message,) = ModelMessagesTypeAdapter.validate_python([content])
    except ValidationError as error:
        raise Failed("execution_failed", f"A recorded answer cannot be read: {error}") from error
    if not isinstance(message, ModelResponse):
        raise Failed("execution_failed", "A recorded answer is none.")
    return message
