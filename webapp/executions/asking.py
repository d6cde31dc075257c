"""What a runner may ask its worker for: the worker looks whether it may, does it and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webapp.agents.permissions import EXECUTIONS_RUN
from webapp.core.actor import Actor
from webapp.core.errors import DomainError
from webapp.executions.models import Execution
from webapp.questions.schemas import QueryRequest
from webapp.questions.services import answer_running

MAX_PASSAGES = 50
#: characters of a question to the documents
MAX_QUERY = 1000


def answer(execution: Execution, message: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a runner's question, as JSON; `error` says in words why there is none."""
    asked = message.get("ask")
    if asked == "search":
        return _search(execution, message)
    return {"error": f"Nobody knows how to answer {str(asked)[:100]!r}."}


def _search(execution: Execution, message: Mapping[str, Any]) -> dict[str, Any]:
    """The best passages of the agent's scope."""
    query, limit = str(message.get("query") or "").strip()[:MAX_QUERY], message.get("limit")
    if not query:
        return {"passages": []}
    is_count = isinstance(limit, int) and not isinstance(limit, bool)
    top_k = max(1, min(int(limit), MAX_PASSAGES)) if is_count and limit is not None else None
    try:
        found = answer_running(
            execution.agent_id, QueryRequest(query=query, top_k=top_k), actor=_actor_of(execution)
        )
    except DomainError as error:
        return {"error": error.message}
    return {
        "passages": [
            {
                "doc_id": str(result.doc_id),
                "chunk_id": result.chunk_id,
                "title": result.metadata.title if result.metadata else "",
                "heading_path": result.metadata.heading_path if result.metadata else [],
                "content": result.content,
                "score": result.score,
                "confidence": result.metadata.confidence if result.metadata else 0.0,
            }
            for result in found.results
        ]
    }


def _actor_of(execution: Execution) -> Actor:
    """Who acts in an execution's name: no more than it takes to run it."""
    return Actor(execution.organization_id, EXECUTIONS_RUN.role, execution.created_by)
