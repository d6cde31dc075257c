"""`WS /ws/query/{agent_id}`: questions in, results out as they rank (api.md, Knowledge)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apiflask import APIFlask
from flask import render_template
from pydantic import ValidationError

from webapp.agents import services as agents
from webapp.core import live
from webapp.core.actor import Actor, Role
from webapp.core.errors import Invalid, validation_errors
from webapp.knowledge import index, services
from webapp.knowledge.coverage import refresh
from webapp.knowledge.schemas import QueryBody


def init_app(_app: APIFlask) -> None:
    """Topics `coverage:<agent>` and `knowledge:all`: that there is something new to fetch.

    The socket's route is registered by its decorator.
    """
    live.register("coverage", _draw_coverage_pulse)
    live.register("knowledge", _draw_knowledge_pulse)


def _draw_coverage_pulse(agent_id: str, actor: Actor) -> str:
    agent = agents.get_agent(agent_id, actor=actor)
    return _draw_pulse("coverage-pulse", refresh.pulse_of(agent))


def _draw_knowledge_pulse(_item_id: str, actor: Actor) -> str:
    return _draw_pulse("knowledge-pulse", str(index.read_revision(actor.organization_id)))


def _draw_pulse(element_id: str, pulse: str) -> str:
    return render_template("knowledge/coverage/_pulse.html", id=element_id, pulse=pulse)


@live.socket("/ws/query/<agent_id>", role=Role.MEMBER)
def query(message: Any, actor: Actor, *, agent_id: str) -> Iterator[live.Frame]:
    """Answer `{query, top_k}` with started, one result each, completed; paced by the agent."""
    try:
        body = QueryBody.model_validate(message)
    except ValidationError as error:
        first = validation_errors(error)[0]
        raise Invalid(f"{first['field']}: {first['message']}", field=first["field"]) from error
    agent = agents.get_agent(agent_id, actor=actor)
    delay = agent.stream_delay_ms / 1000
    yield live.Frame("started", {"agent_id": str(agent.id)})
    answer = services.ask_agent(agent_id, body, actor=actor)
    after = 0.0
    for event in services.result_events(answer):
        status = event.pop("status", "result")
        yield live.Frame(status, event, after)
        if status == "result":
            after += delay
