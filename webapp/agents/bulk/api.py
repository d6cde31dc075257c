"""`PATCH` and `DELETE /agents/bulk` (docs/contract/agents.md, bulk)."""

from __future__ import annotations

from apiflask import APIBlueprint
from pydantic import Field

from webapp.agents.bulk import services
from webapp.agents.bulk.schemas import BulkResponse, BulkResultResponse, BulkSelection, BulkUpdate
from webapp.agents.permissions import AGENTS_WRITE
from webapp.core.http.problems import problem
from webapp.core.schemas import Query
from webapp.core.security import current_actor, requires

bp = APIBlueprint("agent_bulk_api", __name__, url_prefix="/api/v1/agents/bulk", tag="Agents")


class BulkQuery(Query):
    dry_run: bool = Field(False, description="Say what would happen, and change nothing")


class BulkDeletionQuery(BulkQuery):
    force: bool = Field(False, description="Also where sub-agents stay behind")


@bp.patch("")
@requires(AGENTS_WRITE)
@bp.input(BulkQuery, location="query", arg_name="query")
@bp.input(BulkUpdate, arg_name="body")
@bp.output(BulkResponse)
@bp.doc(operation_id="agents.updateMany", responses=[409])
def update(query: BulkQuery, body: BulkUpdate) -> BulkResponse:
    """Change many agents at once"""
    return _answer(
        services.update_agents(
            body.selection, body.changes, actor=current_actor(), is_dry_run=query.dry_run
        )
    )


@bp.delete("")
@requires(AGENTS_WRITE)
@bp.input(BulkDeletionQuery, location="query", arg_name="query")
@bp.input(BulkSelection, arg_name="body")
@bp.output(BulkResponse)
@bp.doc(operation_id="agents.deleteMany", responses=[409])
def destroy(query: BulkDeletionQuery, body: BulkSelection) -> BulkResponse:
    """Delete many agents softly"""
    return _answer(
        services.delete_agents(
            body, actor=current_actor(), force=query.force, is_dry_run=query.dry_run
        )
    )


def _answer(results: list[services.BulkResult]) -> BulkResponse:
    return BulkResponse(
        results=[
            BulkResultResponse(
                id=result.id,
                status=result.status,
                changed=list(result.changed),
                problem=result.error
                and problem(
                    result.status,
                    result.error.message,
                    code=result.error.code,
                    errors=result.error.errors,
                    extras=result.error.extras,
                ),
            )
            for result in results
        ],
        matched=services.matched(results),
    )
