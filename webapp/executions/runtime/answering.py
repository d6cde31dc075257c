"""An agent's run: its model is asked, its tools are called, until there is an output."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
from pydantic_ai import Agent, Tool
from pydantic_ai.exceptions import AgentRunError, UnexpectedModelBehavior
from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta
from pydantic_ai.usage import UsageLimits

from webapp.catalog.providers.clients import Connection, make_model
from webapp.catalog.providers.failed import Failed
from webapp.catalog.providers.failures import explain
from webapp.engine.channel import Channel
from webapp.executions.runtime.knowledge import HOW_TO_CITE, Passages, limit_of, question_of
from webapp.executions.runtime.outputs import Output
from webapp.executions.runtime.providers import make_settings, silence_of
from webapp.executions.runtime.recording import Recording
from webapp.executions.runtime.telling import Teller
from webapp.executions.runtime.tools import calculator, current_time

#: how often a model may mend a call or an output that does not fit
RETRIES = 2
#: the step under which the search before the first request is recorded
CONTEXT = "context"


async def answer(
    order: dict[str, Any],
    channel: Channel,
    teller: Teller,
    *,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> Any:
    """The output of an order. Raises Failed where there is none."""
    connection = Connection(silence_of(order), transport)
    async with connection.client:
        return await Answering(order, channel, teller, connection).run()


class Answering:
    """One run of an agent."""

    def __init__(
        self, order: dict[str, Any], channel: Channel, teller: Teller, connection: Connection
    ) -> None:
        self._order, self._agent, self._model = order, order["agent"], order["model"]
        self._channel, self._teller, self._connection = channel, teller, connection
        self._passages = Passages()
        schema = self._agent.get("output_schema")
        self._output = Output(schema) if schema else None
        self._recording = Recording(
            channel, teller, self._model, order["steps"], {"search_knowledge": self._show_found}
        )

    async def run(self) -> Any:
        """The output; a text with its citations where the agent has no output_schema."""
        agent = self._make_agent(await self._instructions())
        try:
            output = await self._drive(agent)
        except Failed:
            raise
        except Exception as error:
            raise self._explain(error) from error
        if self._output is not None:
            return self._output.unwrap(output)
        return {"text": output, "citations": self._passages.cited(output)}

    def _make_agent(self, instructions: str) -> Agent[None, Any]:
        limits = self._order["limits"]
        agent: Agent[None, Any] = Agent(
            make_model(self._model, self._connection),
            name=self._agent["handle"],
            instructions=instructions,
            output_type=self._output.type if self._output else str,
            model_settings=make_settings(self._order),
            tools=self._tools(),
            capabilities=[self._recording],
            retries=RETRIES,
        )
        if self._output:
            agent.output_validator(self._output.check)
        self._limits = UsageLimits(
            request_limit=limits["model_requests"], output_tokens_limit=limits.get("output_tokens")
        )
        return agent

    async def _drive(self, agent: Agent[None, Any]) -> Any:
        async with agent.iter(_prompt(self._order["input"]), usage_limits=self._limits) as run:
            async for node in run:
                # What has a schema is nothing to be read while it grows.
                if self._output is None and Agent.is_model_request_node(node):
                    self._teller.begin_paragraph()
                    async with node.stream(run.ctx) as events:
                        async for event in events:
                            self._teller.output(_text_of(event))
        # It ends with one, or raises.
        result: Any = run.result
        return result.output

    def _explain(self, error: Exception) -> Exception:
        """What a failure means; the error itself where it is ours."""
        is_asking = self._recording.is_asking
        if self._output and not is_asking and type(error) is UnexpectedModelBehavior:
            said = "; ".join(self._output.findings) or error.message
            message = f"The output is not what the agent's output_schema says: {said}"
            advice = "Say in the instructions what the output has to be, or make the schema wider."
            return Failed("output_invalid", message, advice)
        if is_asking or isinstance(error, AgentRunError):
            return explain(error, self._model, self._connection.said)
        return error

    # Knowledge

    async def _instructions(self) -> str:
        """The agent's own, and the passages that its input finds."""
        given = [self._agent.get("instructions"), _persona(self._agent.get("persona"))]
        found = self._passages.show(await self._find_context())
        if found:
            given.append(f"Passages of the documents that may help:\n\n{found}\n\n{HOW_TO_CITE}")
        return "\n\n".join(part for part in given if part)

    async def _find_context(self) -> list[Mapping[str, Any]]:
        query = question_of(self._order["input"])

        async def use() -> Any:
            return await self._search(query)

        if not query.strip():
            return []
        found = await self._recording.once(CONTEXT, "search_knowledge", {"query": query}, use)
        return found if isinstance(found, list) else []

    async def _search(self, query: str) -> Any:
        """The passages; what to say where they cannot be had, which fails no run."""
        question = {"ask": "search", "query": query, "limit": limit_of(self._agent)}
        answer = await self._channel.ask_async(question)
        if "error" in answer:
            message = f"The documents cannot be searched: {answer['error']}"
            self._teller.log("warn", "search", message)
            return message
        return answer["passages"]

    async def _search_knowledge(self, query: str) -> Any:
        """Search the documents for passages about something.

        Args:
            query: What to look for, in words or as a question.
        """
        return await self._search(query)

    def _show_found(self, found: Any) -> str:
        return self._passages.show_found(found) if isinstance(found, list) else str(found)

    def _tools(self) -> list[Tool[None]]:
        """Those that the agent names, of what there is."""
        built_in: dict[str, Callable[..., Any]] = {
            "search_knowledge": self._search_knowledge,
            "current_time": current_time,
            "calculator": calculator,
        }
        named: list[Tool[None]] = []
        for tool in self._order["tools"]:
            name = tool.get("name") if isinstance(tool, dict) else tool
            if name in built_in:
                named.append(Tool(built_in.pop(name), name=name))
            else:
                self._teller.log("warn", "tools", f"Left out: there is no tool {str(name)[:100]}.")
        return named


def _prompt(value: Mapping[str, Any]) -> str:
    """The input as a model reads it."""
    if list(value) == ["prompt"] and isinstance(value["prompt"], str):
        return value["prompt"]
    return json.dumps(value, ensure_ascii=False, indent=1)


def _persona(persona: Any) -> str:
    if not persona:
        return ""
    said = persona if isinstance(persona, str) else json.dumps(persona, ensure_ascii=False)
    return f"You are: {said}"


def _text_of(event: Any) -> str:
    match event:
        case PartStartEvent(part=TextPart(content=text)):
            return text
        case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
            return text
    return ""
