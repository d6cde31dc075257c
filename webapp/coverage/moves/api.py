"""`/taxonomies/{version}/moves`: from one version to another (docs/contract/knowledge.md)."""

from __future__ import annotations

from apiflask import APIBlueprint

from webapp.core.security import current_actor, requires
from webapp.coverage.moves import services
from webapp.coverage.moves.schemas import MovePreview, MoveRequest
from webapp.tasks.models import Task
from webapp.tasks.schemas import TaskStarted
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE

bp = APIBlueprint("moves_api", __name__, url_prefix="/api/v1", tag="Coverage")


@bp.post("/taxonomies/<version>/moves/preview")
@requires(KNOWLEDGE_WRITE)
@bp.input(MoveRequest, arg_name="body")
@bp.output(MovePreview)
@bp.doc(operation_id="moves.preview", responses=[400, 404])
def preview(version: str, body: MoveRequest) -> services.Preview:
    """What moving to this version would do; writes nothing"""
    return services.preview_move(version, body, actor=current_actor())


@bp.post("/taxonomies/<version>/moves")
@requires(KNOWLEDGE_WRITE)
@bp.input(MoveRequest, arg_name="body")
@bp.output(TaskStarted, 202, description="The task that moves documents, then agents")
@bp.doc(operation_id="moves.start", responses=[400, 404, 409])
def create(version: str, body: MoveRequest) -> tuple[Task, int, dict[str, str]]:
    """Move agents, and what documents are about, to this version"""
    task = services.start_move(version, body, actor=current_actor())
    return task, 202, {"Location": f"/api/v1/tasks/{task.id}"}
