"""`/agents/from-taxonomy` and `/agents/{agent_id}/scope` (docs/contract/knowledge.md)."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from webapp.agents.api import Created, agent_response, created
from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.schemas import AgentResponse
from webapp.core.http import conditional
from webapp.core.security import current_actor, requires
from webapp.coverage.scopes import services
from webapp.coverage.scopes.schemas import FromTaxonomyRequest, ScopeRequest, ScopeResponse
from webapp.taxonomies.permissions import KNOWLEDGE_READ

bp = APIBlueprint("scopes_api", __name__, url_prefix="/api/v1", tag="Coverage")


@bp.post("/agents/from-taxonomy")
@requires(AGENTS_WRITE)
@bp.input(FromTaxonomyRequest, arg_name="body")
@bp.output(AgentResponse, 201)
@bp.doc(operation_id="agents.createFromTaxonomy", responses=[409])
def create(body: FromTaxonomyRequest) -> Created:
    """Make an agent that knows about topics of a taxonomy"""
    return created(services.create_agent(body, actor=current_actor()))


@bp.put("/agents/<agent_id>/scope")
@requires(AGENTS_WRITE)
@bp.input(ScopeRequest, arg_name="body")
@bp.output(AgentResponse)
@bp.doc(operation_id="scopes.update", responses=[400, 412])
def update(agent_id: str, body: ScopeRequest) -> Response:
    """Let an agent know about other topics; none at all: all documents"""
    agent = services.set_scope(
        agent_id, body, actor=current_actor(), if_match=conditional.if_match()
    )
    return agent_response(agent)


@bp.post("/knowledge/scope")
@requires(KNOWLEDGE_READ)
@bp.input(ScopeRequest, arg_name="body")
@bp.output(ScopeResponse)
@bp.doc(operation_id="scopes.measure", responses=[400])
def measure(body: ScopeRequest) -> services.Extent:
    """How many documents some topics come to; writes nothing"""
    return services.measure_topics(body, actor=current_actor())
