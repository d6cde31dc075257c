"""`/agents/export` and `/agents/import` (docs/contract/agents.md, 6.10)."""

from __future__ import annotations

from itertools import chain
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import Field, field_validator

from webapp.agents.api import describe
from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.schemas import AgentFilter, AgentResponse
from webapp.agents.transfer import services
from webapp.agents.transfer.schemas import ImportRequest, PortableAgent
from webapp.agents.transfer.services import Include
from webapp.core.http.downloads import download
from webapp.core.schemas import Query, ResponseModel
from webapp.core.security import accepts_upload, current_actor, requires

bp = APIBlueprint("agent_transfer_api", __name__, url_prefix="/api/v1/agents", tag="Agents")


#: an object with the agents, or the bare array that an export is
IMPORT_CONTENT = {"application/json": {"schema": ImportRequest}}


class ExportQuery(AgentFilter):
    include: str = Field(
        "", description="`versions` carries the history, `handoffs` the targets as handles"
    )

    agent: str = Field(
        "",
        max_length=100_000,
        description="Only these, by UUID or handle, with commas between",
        examples=["coding-expert"],
    )

    @field_validator("include")
    @classmethod
    def _is_known(cls, value: str) -> str:
        unknown = {word for word in value.split(",") if word} - {"versions", "handoffs"}
        if unknown:
            raise ValueError("must be versions, handoffs, or both with a comma between")
        return value

    @property
    def parts(self) -> frozenset[Include]:
        words: tuple[Include, ...] = ("versions", "handoffs")
        return frozenset(word for word in words if word in self.include.split(","))


class ImportQuery(Query):
    dry_run: bool = False


class ImportItemResponse(ResponseModel):
    index: int
    name: str
    handle: str | None
    outcome: Literal["created", "skipped"]
    reason: str | None
    version_count: int


class ImportResponse(ResponseModel):
    created: int
    skipped: int
    agents: list[AgentResponse] = Field(description="Empty in a dry run")
    items: list[ImportItemResponse] = Field(description="Every agent of the file, in its order")
    is_dry_run: bool


@bp.get("/export")
@requires(AGENTS_WRITE)
@bp.input(ExportQuery, location="query", arg_name="query")
@bp.output(list[PortableAgent])
@bp.doc(operation_id="agents.export")
def export(query: ExportQuery) -> Response:
    """All active agents, or those that match, in a portable form"""
    return export_response(query)


@bp.post("/import")
@requires(AGENTS_WRITE)
@accepts_upload("application/json")
@bp.input(ImportQuery, location="query", arg_name="query")
@bp.output(ImportResponse)
@bp.doc(operation_id="agents.import", extensions={"x-content": IMPORT_CONTENT})
def import_(query: ImportQuery) -> dict[str, Any]:
    """Create agents from an export; one bad item, and nothing is written"""
    agents = services.read_import(request.get_json())
    report = services.import_agents(agents, actor=current_actor(), is_dry_run=query.dry_run)
    return {
        "created": report.created,
        "skipped": report.skipped,
        "agents": describe(report.agents),
        "items": report.items,
        "is_dry_run": report.is_dry_run,
    }


def export_response(query: ExportQuery) -> Response:
    """The file, sent while it is read from the database."""
    only = [reference for reference in query.agent.split(",") if reference]
    pieces = services.export_agents(query, only=only, include=query.parts, actor=current_actor())
    # The first piece is made before the answer begins, so that a refusal can still be one.
    return download(chain([next(pieces)], pieces), "application/json", "agents.json")
