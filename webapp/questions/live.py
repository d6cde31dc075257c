"""`WS /ws/query/{agent_id}`: questions in, results out as they rank (api.md, Knowledge)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from webapp.agents import services as agents
from webapp.core import live
from webapp.core.actor import Actor, Role
from webapp.core.errors import Invalid, validation_errors
from webapp.questions import services
from webapp.questions.schemas import QueryBody


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
    for number, event in enumerate(services.result_events(answer)):
        status = event.pop("status", "result")
        yield live.Frame(status, event, delay if number and status == "result" else 0.0)
