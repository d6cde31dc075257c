"""`/agents/{agent_id}/query`, `/knowledge/search` (docs/contract/knowledge.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response

from webapp.agents.permissions import EXECUTIONS_RUN
from webapp.core import live
from webapp.core.actor import Actor
from webapp.core.http.refusals import refusal_of
from webapp.core.security import current_actor, needs_no, requires
from webapp.questions import services
from webapp.questions.figures import stream_delay_ms
from webapp.questions.schemas import QueryRequest, QueryResponse, SearchRequest, SearchResponse
from webapp.taxonomies.permissions import KNOWLEDGE_READ

bp = APIBlueprint("questions_api", __name__, url_prefix="/api/v1", tag="Knowledge")

#: (docs/contract/knowledge.md, C-REQ-006)
MAX_STREAM_SECONDS = 300.0


EVENTS = {
    "text/event-stream": {
        "schema": {"type": "string"},
        "example": 'id: 1\ndata: {"status": "started", "agent_id": "…"}\n\n',
    }
}
EVENT_STREAM = {
    200: {
        "description": "Server-sent events: started, one a result, completed",
        "content": EVENTS,
    }
}
PAUSED = {409: {"description": "The agent is paused"}}
ANSWER_OR_STREAM = {
    200: {
        "description": "The answer; with `streaming: true` its events",
        "content": {"application/json": {"schema": QueryResponse}, **EVENTS},
    }
}


@bp.post("/knowledge/search")
@requires(KNOWLEDGE_READ)
@bp.input(SearchRequest, arg_name="body")
@bp.output(SearchResponse)
@bp.doc(operation_id="knowledge.search")
def search(body: SearchRequest) -> SearchResponse:
    """Search all documents of the organization"""
    return services.search_documents(body, actor=current_actor())


@bp.post("/agents/<agent_id>/query")
@requires(EXECUTIONS_RUN)
@needs_no(audit="a question is counted")
@bp.input(QueryRequest, arg_name="body")
@bp.output(QueryResponse)
@bp.doc(operation_id="agents.query", responses=ANSWER_OR_STREAM | PAUSED)
def query(agent_id: str, body: QueryRequest) -> QueryResponse | Response:
    """Ask an agent; `streaming: true` answers as `/query/stream`"""
    if body.streaming:
        return _stream(agent_id, body)
    return services.ask_agent(agent_id, body, actor=current_actor())


@bp.post("/agents/<agent_id>/query/stream")
@requires(EXECUTIONS_RUN)
@needs_no(audit="a question is counted")
@bp.input(QueryRequest, arg_name="body")
@bp.doc(operation_id="agents.queryStream", responses=EVENT_STREAM | PAUSED)
def query_stream(agent_id: str, body: QueryRequest) -> Response:
    """Ask an agent and read the results as server-sent events"""
    return _stream(agent_id, body)


def _stream(agent_id: str, body: QueryRequest) -> Response:
    actor = current_actor()
    agent = services.get_asked_agent(agent_id, actor=actor)
    return live.stream_response(_events(agent.id, stream_delay_ms(agent) / 1000, body, actor))


def _events(
    agent_id: UUID, delay: float, body: QueryRequest, actor: Actor
) -> Iterator[list[live.Event]]:
    """Started at once, then each result and the end.

    See docs/contract/knowledge.md, S-REQ-010 and E-REQ-015.
    """
    yield [live.Event(services.started_event(agent_id))]
    try:
        answer = services.ask_agent(agent_id, body, actor=actor)
    except Exception as error:
        yield [live.Event(live.error_event(refusal_of(error)))]
        return
    yield list(_paced(services.result_events(answer), delay))


def _paced(events: Iterable[dict[str, Any]], delay: float) -> Iterator[live.Event]:
    """The events, with a delay between one result and the next, for 5 minutes at most."""
    waited = 0.0
    for number, event in enumerate(events):
        pause = delay if number and "index" in event else 0.0
        waited += pause
        if waited > MAX_STREAM_SECONDS:
            yield live.Event({"error": "Timeout", "detail": "The stream took over 5 minutes."})
            return
        yield live.Event(event, pause)
