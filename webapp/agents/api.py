"""`/agents`: the definitions (docs/contract/agents.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from apiflask import APIBlueprint
from flask import Response, current_app, make_response, url_for
from pydantic import Field, SerializeAsAny, TypeAdapter
from sqlalchemy import inspect

from webapp.agents import deletion, services
from webapp.agents.figures import Figures, figures_of, load_figures
from webapp.agents.models import Agent
from webapp.agents.permissions import AGENTS_READ, AGENTS_WRITE
from webapp.agents.schemas import (
    AgentCreate,
    AgentPatch,
    AgentQuery,
    AgentResponse,
    AgentSearch,
    AgentSearchResponse,
    AgentUpdate,
)
from webapp.core.added_fields import complete
from webapp.core.api import list_response
from webapp.core.http.conditional import if_match, with_etag
from webapp.core.schemas import Query
from webapp.core.security import current_actor, requires

bp = APIBlueprint("agents_api", __name__, url_prefix="/api/v1/agents", tag="Agents")

AGENTS = TypeAdapter(list[SerializeAsAny[AgentResponse]])
#: the columns that stand in an agent's JSON as they are; the rest are constants or figures
_COLUMNS = frozenset(AgentResponse.model_fields) & frozenset(inspect(Agent).columns.keys())
#: what a view answers that has made an agent
Created = tuple[AgentResponse, int, dict[str, str]]
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "schema": {"type": "string", "examples": ['"v3-7"']},
    "description": "Change only this version; another one is 412",
}


class DeletionQuery(Query):
    force: bool = Field(False, description="Also where sub-agents stay behind")
    permanent: bool = Field(False, description="For ever, with all that belongs to the agent")


@bp.get("")
@requires(AGENTS_READ)
@bp.input(AgentQuery, location="query", arg_name="query")
@bp.output(list[AgentResponse])
@bp.doc(operation_id="agents.list")
def index(query: AgentQuery) -> Response:
    """Agents, newest first"""
    listed = services.list_agents(query, actor=current_actor())
    return list_response(AGENTS, replace(listed, items=describe(listed.items)))


@bp.get("/search")
@requires(AGENTS_READ)
@bp.input(AgentSearch, location="query", arg_name="query")
@bp.output(AgentSearchResponse)
@bp.doc(operation_id="agents.search")
def search(query: AgentSearch) -> dict[str, Any]:
    """Agents whose name, handle or description holds a text; `total` counts all of them"""
    agents, total = services.search_agents(query, actor=current_actor())
    filters = {"query": query.q} if query.q else {}
    return {"agents": describe(agents), "total": total, "filters_applied": filters}


@bp.post("")
@requires(AGENTS_WRITE)
@bp.input(AgentCreate, arg_name="body")
@bp.output(AgentResponse, 201)
@bp.doc(operation_id="agents.create", responses=[409])
def create(body: AgentCreate) -> Created:
    """Create an agent"""
    return created(services.create_agent(body, actor=current_actor()))


@bp.get("/<agent_id>")
@requires(AGENTS_READ)
@bp.output(AgentResponse)
@bp.doc(operation_id="agents.get", responses={304: "You have this state already (If-None-Match)"})
def show(agent_id: str) -> Response:
    """One agent, by UUID or handle, with its ETag"""
    return agent_response(services.get_agent(agent_id, actor=current_actor()))


@bp.put("/<agent_id>")
@requires(AGENTS_WRITE)
@bp.input(AgentUpdate, arg_name="body")
@bp.output(AgentResponse)
@bp.doc(operation_id="agents.update", responses=[409, 412], extensions={"x-parameters": [IF_MATCH]})
def update(agent_id: str, body: AgentUpdate) -> Response:
    """Change the fields that are given"""
    return agent_response(
        services.update_agent(agent_id, body, actor=current_actor(), if_match=if_match())
    )


@bp.patch("/<agent_id>")
@requires(AGENTS_WRITE)
@bp.input(AgentPatch, arg_name="body")
@bp.output(AgentResponse)
@bp.doc(operation_id="agents.patch", responses=[409, 412], extensions={"x-parameters": [IF_MATCH]})
def patch(agent_id: str, body: AgentPatch) -> Response:
    """Change name, scope, configuration, or pause and resume"""
    return agent_response(
        services.update_agent(agent_id, body, actor=current_actor(), if_match=if_match())
    )


@bp.delete("/<agent_id>")
@requires(AGENTS_WRITE)
@bp.input(DeletionQuery, location="query", arg_name="query")
@bp.doc(
    operation_id="agents.delete",
    responses={204: "Deleted; POST …/restore brings it back, unless permanent", 409: "", 412: ""},
    extensions={"x-parameters": [IF_MATCH]},
)
def destroy(agent_id: str, query: DeletionQuery) -> tuple[str, int]:
    """Delete an agent softly, or for ever"""
    remove = deletion.remove_agent if query.permanent else deletion.delete_agent
    remove(agent_id, actor=current_actor(), force=query.force, if_match=if_match())
    return "", 204


@bp.post("/<agent_id>/restore")
@requires(AGENTS_WRITE)
@bp.output(AgentResponse)
@bp.doc(operation_id="agents.restore", responses=[409])
def restore(agent_id: str) -> Response:
    """Bring a deleted agent back"""
    return agent_response(deletion.restore_agent(agent_id, actor=current_actor()))


@bp.post("/<agent_id>/duplicate")
@requires(AGENTS_WRITE)
@bp.output(AgentResponse, 201)
@bp.doc(operation_id="agents.duplicate")
def duplicate(agent_id: str) -> Created:
    """A second agent with the same definition and no history"""
    return created(services.duplicate_agent(agent_id, actor=current_actor()))


@bp.post("/<agent_id>/clone")
@requires(AGENTS_WRITE)
@bp.output(AgentResponse, 201)
@bp.doc(operation_id="agents.clone")
def clone(agent_id: str) -> Created:
    """The same as `duplicate`"""
    return created(services.duplicate_agent(agent_id, actor=current_actor()))


def describe(agents: Sequence[Agent]) -> list[AgentResponse]:
    """The agents with their figures, as the API answers with them; without those now removed."""
    figures, schema = load_figures(agents), complete(AgentResponse)
    return [_describe(agent, figures[agent.id], schema) for agent in agents if agent.id in figures]


def describe_one(agent: Agent) -> AgentResponse:
    """An agent with its figures; NotFound where it was removed for good since it was read."""
    return _describe(agent, figures_of(agent), complete(AgentResponse))


def agent_response(agent: Agent) -> Response:
    """An agent with its ETag; 304 where the caller has it already."""
    described = describe_one(agent)
    response = current_app.response_class(described.model_dump_json(), mimetype="application/json")
    return with_etag(make_response(response), described.etag)


def created(agent: Agent) -> Created:
    """A new agent with its ETag, and where it is."""
    described = describe_one(agent)
    location = url_for("agents_api.show", agent_id=agent.id)
    return described, 201, {"Location": location, "ETag": f'"{described.etag}"'}


def _describe(agent: Agent, figures: Figures, schema: type[AgentResponse]) -> AgentResponse:
    # A list has read all columns: it need not ask for each of thousands of values by itself.
    own = vars(agent)
    if not own.keys() >= _COLUMNS:
        own = {name: getattr(agent, name) for name in _COLUMNS}
    others = {"agent_id": agent.agent_id, "revision": agent.revision + figures.revision}
    return schema.model_validate(own | figures.values | others)
