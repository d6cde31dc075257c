"""`/agents/{agent_id}/unanswered`: what was asked and found little."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from apiflask import APIBlueprint
from pydantic import Field

from webapp.core.lists import DEFAULT_LIMIT, Limit
from webapp.core.schemas import Query, ResponseModel
from webapp.core.security import current_actor, requires
from webapp.questions.unanswered import services
from webapp.questions.unanswered.models import UnansweredQuestion
from webapp.taxonomies.permissions import KNOWLEDGE_READ, KNOWLEDGE_WRITE

bp = APIBlueprint(
    "unanswered_api", __name__, url_prefix="/api/v1/agents/<agent_id>", tag="Coverage"
)


class UnansweredQuery(Query):
    limit: Limit = DEFAULT_LIMIT


class UnansweredResponse(ResponseModel):
    id: UUID
    text: str
    times_asked: int
    confidence: float = Field(description="How well the documents answered it last, 0 to 1")
    first_asked_at: datetime
    last_asked_at: datetime


@bp.get("/unanswered")
@requires(KNOWLEDGE_READ)
@bp.input(UnansweredQuery, location="query", arg_name="query")
@bp.output(list[UnansweredResponse])
@bp.doc(operation_id="unanswered.list")
def index(agent_id: str, query: UnansweredQuery) -> list[UnansweredQuestion]:
    """Open questions that the agent's documents hardly answer, those asked most first"""
    return services.list_unanswered(agent_id, actor=current_actor(), limit=query.limit)


@bp.delete("/unanswered/<uuid:question_id>")
@requires(KNOWLEDGE_WRITE)
@bp.doc(
    operation_id="unanswered.dismiss", responses={204: "Dismissed; asked again, it opens again"}
)
def dismiss(agent_id: str, question_id: UUID) -> tuple[str, int]:
    """Dismiss a question that needs no documents"""
    services.dismiss_question(agent_id, question_id, actor=current_actor())
    return "", 204
