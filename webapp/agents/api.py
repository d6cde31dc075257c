"""`/agents`: the definitions (api.md, Agents)."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, url_for
from pydantic import TypeAdapter

from webapp.agents import services
from webapp.agents.models import Agent
from webapp.agents.schemas import AgentAnswer, AgentCreate, AgentQuery, AgentUpdate
from webapp.core.actor import Role
from webapp.core.api import list_response
from webapp.core.security import current_actor, requires

bp = APIBlueprint("agents_api", __name__, url_prefix="/api/v1/agents", tag="Agents")

AGENTS = TypeAdapter(list[AgentAnswer])


@bp.get("")
@requires(Role.VIEWER)
@bp.input(AgentQuery, location="query", arg_name="query")
@bp.output(list[AgentAnswer])
def index(query: AgentQuery) -> Response:
    """Agents, newest first"""
    return list_response(AGENTS, services.list_agents(query, actor=current_actor()))


@bp.post("")
@requires(Role.ADMIN)
@bp.input(AgentCreate, arg_name="body")
@bp.output(AgentAnswer, 201)
@bp.doc(responses=[409])
def create(body: AgentCreate) -> tuple[Agent, int, dict[str, str]]:
    """Create an agent"""
    agent = services.create_agent(body, actor=current_actor())
    return agent, 201, {"Location": url_for("agents_api.show", agent_id=agent.id)}


@bp.get("/<agent_id>")
@requires(Role.VIEWER)
@bp.output(AgentAnswer)
def show(agent_id: str) -> Agent:
    """One agent, by UUID or handle"""
    return services.get_agent(agent_id, actor=current_actor())


@bp.put("/<agent_id>")
@requires(Role.ADMIN)
@bp.input(AgentUpdate, arg_name="body")
@bp.output(AgentAnswer)
def update(agent_id: str, body: AgentUpdate) -> Agent:
    """Change the fields that are given"""
    return services.update_agent(agent_id, body, actor=current_actor())


@bp.delete("/<agent_id>")
@requires(Role.ADMIN)
@bp.doc(responses={204: "Deleted; POST …/restore brings it back"})
def destroy(agent_id: str) -> tuple[str, int]:
    """Delete an agent softly"""
    services.delete_agent(agent_id, actor=current_actor())
    return "", 204


@bp.post("/<agent_id>/restore")
@requires(Role.ADMIN)
@bp.output(AgentAnswer)
@bp.doc(responses=[409])
def restore(agent_id: str) -> Agent:
    """Bring a deleted agent back"""
    return services.restore_agent(agent_id, actor=current_actor())
