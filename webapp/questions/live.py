"""`WS /ws/query/{agent_id}`: questions in, results out as they rank.

See docs/contract/knowledge.md, socket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from webapp.core import live
from webapp.core.actor import Actor
from webapp.core.openapi import SocketDocument
from webapp.core.schemas import read
from webapp.core.web import component
from webapp.questions import counts, services
from webapp.questions.figures import stream_delay_ms
from webapp.questions.schemas import QueryRequest, QueryResponse

DOCUMENT = SocketDocument(
    path="/ws/query/{agent_id}",
    operation_id="agents.querySocket",
    summary="Ask an agent, and read each result as it ranks; an `id` is echoed",
    receives=QueryRequest,
    sends={
        "started": "the agent that is asked",
        "result": "one passage, with its `index`",
        "completed": "how many there were, and how long it took",
        "error": "a problem; the socket stays open",
    },
    example=[
        ("client", {"id": 1, "query": "How do I rotate an API key?", "top_k": 3}),
        ("server", {"event": "started", "id": 1, "data": {"agent_id": "0b9ab5a5-…"}}),
        ("server", {"event": "result", "id": 1, "data": {"index": 0, "content": "…"}}),
        ("server", {"event": "completed", "id": 1, "data": {"total_results": 1}}),
    ],
)


PAGE_DOCUMENT = SocketDocument(
    path="/ws/ask/{agent_id}",
    operation_id="agents.askSocket",
    summary="The Ask page's own: the answer of /ws/query, drawn",
    receives=QueryRequest,
    sends={
        "started": "the agent that is asked",
        "result": "one passage, as the `html` of its card",
        "completed": "what came of the question, as `html`",
        "error": "a problem; the socket stays open",
    },
    example=[
        ("client", {"id": 1, "query": "How do I rotate an API key?"}),
        ("server", {"event": "started", "id": 1, "data": {"agent_id": "0b9ab5a5-…"}}),
        ("server", {"event": "result", "id": 1, "data": {"html": '<li class="card result">…'}}),
        ("server", {"event": "completed", "id": 1, "data": {"html": "1 passage in 2.1 ms"}}),
    ],
)


def _draw_revision(_item_id: str, actor: Actor) -> str:
    return live.draw_revision("questions-revision", counts.read_revision(actor))


#: `questions:all`: that somebody has asked an agent of the organization
FEED = live.Feed("questions", _draw_revision)


def query(message: Any, actor: Actor, *, agent_id: str) -> Iterator[live.Frame]:
    """Answer `{query, top_k}` with started, one result each, completed; paced by the agent."""
    return _answer(read(QueryRequest, message), actor, agent_id, services.result_events)


def ask(message: Any, actor: Actor, *, agent_id: str) -> Iterator[live.Frame]:
    """Answer as `query` does, with the cards that the Ask page draws too."""
    body = read(QueryRequest, message).model_copy(update={"include_metadata": True})
    return _answer(body, actor, agent_id, _drawn_events)


def _answer(
    body: QueryRequest,
    actor: Actor,
    agent_id: str,
    events: Callable[[QueryResponse], Iterator[dict[str, Any]]],
) -> Iterator[live.Frame]:
    agent = services.get_asked_agent(agent_id, actor=actor)
    delay = stream_delay_ms(agent) / 1000
    yield live.Frame("started", {"agent_id": str(agent.id)})
    answer = services.ask_agent(agent_id, body, actor=actor)
    for number, event in enumerate(events(answer)):
        status = event.pop("status", "result")
        yield live.Frame(status, event, delay if number and status == "result" else 0.0)


def _drawn_events(answer: QueryResponse) -> Iterator[dict[str, Any]]:
    card, outcome = component("result_card"), component("outcome")
    for result in answer.results:
        yield {"html": card(result).strip()}
    yield {"status": "completed", "html": outcome(answer)}
