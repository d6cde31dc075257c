"""The pages of deleted documents: the list, one at its old address, and what is done with them."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request

from webapp.core.http import problems
from webapp.core.security import current_actor, requires
from webapp.core.web import is_htmx, page, read_paging, redirect_to
from webapp.documents.deletion import services
from webapp.documents.services import DocumentDeleted
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE

bp = Blueprint("document_deletion", __name__, url_prefix="/documents")

COLUMNS = ["Title", "Deleted", "Gone for good", {"label": "Actions", "is_quiet": True}]


@bp.get("/deleted")
@requires(KNOWLEDGE_WRITE)
def index() -> Response:
    return page(
        "documents/deletion/index.html",
        fragment="documents/deletion/_list.html",
        documents=services.list_deleted(read_paging(), actor=current_actor()),
        columns=COLUMNS,
        kept_for=services.kept_for(),
    )


@bp.post("/<uuid:document_id>/restoration")
@requires(KNOWLEDGE_WRITE)
def restore(document_id: UUID) -> Response:
    document = services.restore_document(document_id, actor=current_actor())
    message = f"“{document.title}” is back."
    return redirect_to("documents.show", document_id=document.id, message=message)


@bp.post("/<uuid:document_id>/removal")
@requires(KNOWLEDGE_WRITE)
def remove(document_id: UUID) -> Response:
    title = services.remove_document(document_id, actor=current_actor())
    return redirect_to("document_deletion.index", message=f"“{title}” is gone for good.")


@bp.post("/deleted/restorations")
@requires(KNOWLEDGE_WRITE)
def restore_many() -> Response:
    """Restore what a task has deleted."""
    task = services.start_restoration(request.form.get("task", ""), actor=current_actor())
    return redirect_to("tasks.show", task_id=task.id)


@bp.app_errorhandler(DocumentDeleted)
def show_deleted(error: DocumentDeleted) -> Response:
    """Say on any page of a deleted document what has become of it."""
    body = problems.describe(error)
    if problems.wants_problem() or is_htmx():
        return problems.respond(body)
    return problems.draw_page(
        "documents/deletion/show.html",
        body,
        document=error.document,
        told=error.suggestions,
        kept_until=error.document.deleted_at + services.kept_for(),
    )
