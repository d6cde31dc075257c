"""`GET /agents/handoffs` (docs/contract/agents.md, handoffs)."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from apiflask import APIBlueprint
from pydantic import Field

from webapp.agents.handoffs import services
from webapp.agents.permissions import AGENTS_READ
from webapp.core.schemas import ResponseModel
from webapp.core.security import current_actor, requires

bp = APIBlueprint("agent_handoffs_api", __name__, url_prefix="/api/v1/agents", tag="Agents")


class NodeResponse(ResponseModel):
    id: UUID
    handle: str
    name: str
    status: str
    is_active: bool
    semver: str | None = Field(description="What production runs")


class EdgeResponse(ResponseModel):
    source: UUID
    target: UUID
    state: Literal["ok", "deleted", "missing"]


class GraphResponse(ResponseModel):
    nodes: list[NodeResponse] = Field(description="Agents that hand off or are handed to")
    edges: list[EdgeResponse]
    broken: list[EdgeResponse] = Field(description="Edges to deleted or missing agents")
    cycles: list[list[UUID]] = Field(description="Each in the order of one circle")
    unconnected_count: int
    is_cut: bool = Field(description="Whether there are more agents than a graph looks at")


@bp.get("/handoffs")
@requires(AGENTS_READ)
@bp.output(GraphResponse)
@bp.doc(operation_id="agents.handoffs")
def show() -> services.Graph:
    """Who hands off to whom, and what is wrong with it"""
    return services.get_graph(actor=current_actor())
