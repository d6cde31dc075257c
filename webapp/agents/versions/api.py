"""`/agents/{agent_id}/versions` (docs/contract/versions.md)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response
from pydantic import Field, TypeAdapter

from webapp.agents.api import describe_one
from webapp.agents.models import AgentVersion
from webapp.agents.permissions import AGENTS_READ, AGENTS_WRITE
from webapp.agents.schemas import AgentResponse
from webapp.agents.versions import services
from webapp.core.api import list_response
from webapp.core.errors import NotFound
from webapp.core.http.conditional import if_match
from webapp.core.lists import DEFAULT_LIMIT, Limit, Offset, Paging
from webapp.core.schemas import Query, ResponseModel
from webapp.core.security import current_actor, requires

bp = APIBlueprint(
    "agent_versions_api", __name__, url_prefix="/api/v1/agents/<agent_id>/versions", tag="Versions"
)


class VersionResponse(ResponseModel):
    id: UUID
    agent_id: UUID
    version: int
    snapshot: dict[str, Any]
    author: str
    note: str | None
    created_at: datetime


class LineResponse(ResponseModel):
    op: Literal[" ", "+", "-"]
    text: str


class ItemsResponse(ResponseModel):
    added: list[str]
    removed: list[str]
    is_reordered: bool


class ChangeResponse(ResponseModel):
    field: str
    kind: Literal["added", "removed", "changed"]
    before: Any
    after: Any
    lines: list[LineResponse] | None = Field(None, description="Of texts and schemas")
    items: ItemsResponse | None = Field(None, description="Of lists, seen as sets")


class DiffResponse(ResponseModel):
    model_config = {"populate_by_name": True}

    start: int = Field(alias="from")
    end: int = Field(alias="to")
    changes: list[ChangeResponse]


class PageQuery(Query):
    limit: Limit = DEFAULT_LIMIT
    offset: Offset = 0


VERSIONS = TypeAdapter(list[VersionResponse])


@bp.get("")
@requires(AGENTS_READ)
@bp.input(PageQuery, location="query", arg_name="query")
@bp.output(list[VersionResponse])
@bp.doc(operation_id="versions.list")
def index(agent_id: str, query: PageQuery) -> Response:
    """The versions that are kept, newest first"""
    paging = Paging(query.limit, query.offset)
    return list_response(VERSIONS, services.list_versions(agent_id, paging, actor=current_actor()))


@bp.get("/<int:version>")
@requires(AGENTS_READ)
@bp.output(VersionResponse)
@bp.doc(operation_id="versions.get")
def show(agent_id: str, version: int) -> AgentVersion:
    """One version; the current one answers 404 until it is published"""
    return services.get_version(agent_id, version, actor=current_actor())


@bp.get("/<int:version>/diff/<other>")
@requires(AGENTS_READ)
@bp.output(DiffResponse)
@bp.doc(operation_id="versions.diff")
def diff(agent_id: str, version: int, other: str) -> services.Comparison:
    """What changed from one version to another; `other` may be `current`"""
    if other != "current" and not (other.isascii() and other.isdigit()):
        raise NotFound(f"Version not found: {other}")
    end = None if other == "current" else int(other[:18])
    return services.compare_versions(agent_id, version, end, actor=current_actor())


@bp.post("/<int:version>/rollback")
@requires(AGENTS_WRITE)
@bp.output(AgentResponse)
@bp.doc(operation_id="versions.rollback", responses=[409, 412])
def roll_back(agent_id: str, version: int) -> AgentResponse:
    """Put a version back, as a new version"""
    actor = current_actor()
    return describe_one(services.roll_back(agent_id, version, actor=actor, if_match=if_match()))
