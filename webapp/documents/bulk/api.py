"""`/documents/bulk`: many documents at once, by a task."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import url_for

from webapp.core.security import current_actor, requires
from webapp.documents.bulk import services
from webapp.documents.bulk.schemas import BulkPreview, BulkRequest
from webapp.tasks.models import Task
from webapp.tasks.schemas import TaskStarted
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE

bp = APIBlueprint(
    "document_bulk_api", __name__, url_prefix="/api/v1/documents/bulk", tag="Knowledge"
)


@bp.post("/preview")
@requires(KNOWLEDGE_WRITE)
@bp.input(BulkRequest, arg_name="body")
@bp.output(BulkPreview)
@bp.doc(operation_id="documents.previewMany", responses=[400])
def preview(body: BulkRequest) -> services.Preview:
    """How many documents a bulk change is about"""
    return services.preview_bulk(body, actor=current_actor())


@bp.post("")
@requires(KNOWLEDGE_WRITE)
@bp.input(BulkRequest, arg_name="body")
@bp.output(TaskStarted, 202, description="The task that does it")
@bp.doc(operation_id="documents.changeMany", responses=[400])
def start(body: BulkRequest) -> tuple[Task, int, dict[str, str]]:
    """Delete many documents, or say what they are about"""
    task = services.start_bulk(body, actor=current_actor())
    return task, 202, {"Location": url_for("tasks_api.show", task_id=task.id)}
