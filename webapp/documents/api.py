"""`/documents`, `/knowledge/index` (docs/contract/knowledge.md)."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, current_app, request, url_for
from pydantic import TypeAdapter

from webapp.core.api import list_response
from webapp.core.errors import Invalid, UnsupportedMediaType
from webapp.core.http.downloads import download
from webapp.core.lists import Paging
from webapp.core.schemas import read
from webapp.core.security import accepts_upload, current_actor, requires
from webapp.documents import indexing
from webapp.documents import services as documents
from webapp.documents.deletion import services as deletion
from webapp.documents.models import Document
from webapp.documents.schemas import (
    DeletedDocumentQuery,
    DeletedDocumentResponse,
    DocumentChanges,
    DocumentDeletionQuery,
    DocumentQuery,
    DocumentRequest,
    DocumentResponse,
    FileOptions,
    ProposalsRequest,
)
from webapp.documents.uploads import services as uploads
from webapp.documents.uploads.changes import File
from webapp.documents.uploads.kinds import NDJSON
from webapp.tasks.schemas import TaskStarted
from webapp.taxonomies.permissions import KNOWLEDGE_READ, KNOWLEDGE_WRITE

bp = APIBlueprint("documents_api", __name__, url_prefix="/api/v1", tag="Knowledge")

FORM = "multipart/form-data"
LINES = (NDJSON, "application/ndjson", "application/jsonl")
DOCUMENTS = TypeAdapter(list[DocumentResponse])
DELETED = TypeAdapter(list[DeletedDocumentResponse])
DOCUMENT_CONTENT = {"application/json": {"schema": DocumentRequest}}
FILE_CONTENT = {
    FORM: {
        "schema": {
            "type": "object",
            "required": ["file"],
            "properties": {
                "file": {"type": "string", "format": "binary"},
                "title": {"type": "string", "maxLength": 500},
                "external_id": {"type": "string", "maxLength": 255},
                "source_url": {"type": "string"},
                "nodes": {"type": "string", "description": "Topics, as a JSON array"},
                "version": {"type": "string", "description": "Of the taxonomy"},
                "confidence": {"type": "number", "minimum": 0, "maximum": 1},
                "metadata": {"type": "string", "description": "A JSON object"},
            },
        },
        "example": {"file": "concepts.md", "title": "Concepts", "nodes": '["Callboard"]'},
    }
}
NDJSON_CONTENT = {
    NDJSON: {
        "schema": {"type": "string", "format": "binary"},
        "example": '{"title": "Tea", "content": "Water of 80 degrees."}\n{"content": "More."}\n',
    }
}
STARTED = {
    "description": "For a multipart body: the task that reads the file",
    "content": {"application/json": {"schema": TaskStarted}},
}
FILE = {
    200: {
        "description": "The file as it came, to be kept",
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary"},
                "example": "# Concepts",
            }
        },
    }
}


@bp.get("/documents")
@requires(KNOWLEDGE_READ)
@bp.input(DocumentQuery, location="query", arg_name="query")
@bp.output(list[DocumentResponse])
@bp.doc(operation_id="documents.list")
def index(query: DocumentQuery) -> Response:
    """Documents, newest first"""
    return list_response(DOCUMENTS, documents.list_documents(query, actor=current_actor()))


@bp.post("/documents")
@accepts_upload(FORM)
@requires(KNOWLEDGE_WRITE)
@bp.output(DocumentResponse, 201, description="The stored document, found from now on")
@bp.doc(
    operation_id="documents.create",
    responses={202: STARTED},
    extensions={"x-content": DOCUMENT_CONTENT},
)
def create() -> Response:
    """Store a document; a multipart file is read as at `/documents/upload`"""
    if request.mimetype == FORM:
        return _upload()
    if request.mimetype != "application/json":
        raise UnsupportedMediaType(
            "This address reads application/json or multipart/form-data, "
            f"not {request.mimetype or 'nothing'!r}."
        )
    body = read(DocumentRequest, request.get_json())
    document = documents.create_document(body, actor=current_actor())
    location = url_for("documents_api.show", document_id=document.id)
    return _json(DocumentResponse.model_validate(document), 201, location)


@bp.post("/documents/upload")
@accepts_upload(FORM)
@requires(KNOWLEDGE_WRITE)
@bp.output(TaskStarted, 202, description="The task that reads the file")
@bp.doc(operation_id="documents.upload", extensions={"x-content": FILE_CONTENT})
def upload() -> Response:
    """Upload a file (Markdown, text, HTML, PDF, Word, NDJSON or a zip of them), read by a task"""
    return _upload()


def _upload() -> Response:
    parts = request.files.getlist("file")
    files = [File(part.filename, part.stream) for part in parts if part.filename]
    if not files:
        raise Invalid("The form has no file.", field="file", code="missing")
    if len(files) > 1:
        raise Invalid(
            f"The form has {len(files)} files; this address reads one.",
            field="file",
            code="too_many_files",
            suggestions=["Send a request for each, or a zip archive with all of them."],
        )
    task = uploads.start_import(files, options=_options(), actor=current_actor())
    return _json(TaskStarted.model_validate(task, from_attributes=True), 202, _task_url(task.id))


@bp.post("/documents/import")
@accepts_upload(*LINES)
@requires(KNOWLEDGE_WRITE)
@bp.output(TaskStarted, 202, description="The task that reads the lines")
@bp.doc(operation_id="documents.import", extensions={"x-content": NDJSON_CONTENT})
def import_() -> Response:
    """Import NDJSON: one document a line, as a task"""
    if request.mimetype not in LINES:
        raise UnsupportedMediaType(
            f"This address reads {NDJSON}, not {request.mimetype or 'nothing'!r}."
        )
    file = File("import.ndjson", BytesIO(request.get_data(cache=False)))
    task = uploads.start_import([file], actor=current_actor())
    return _json(TaskStarted.model_validate(task, from_attributes=True), 202, _task_url(task.id))


@bp.get("/documents/<uuid:document_id>")
@requires(KNOWLEDGE_READ)
@bp.output(DocumentResponse)
@bp.doc(operation_id="documents.get")
def show(document_id: UUID) -> Document:
    """One document"""
    return documents.get_document(document_id, actor=current_actor())


@bp.patch("/documents/<uuid:document_id>")
@requires(KNOWLEDGE_WRITE)
@bp.input(DocumentChanges, arg_name="body")
@bp.output(DocumentResponse)
@bp.doc(operation_id="documents.update")
def update(document_id: UUID, body: DocumentChanges) -> Document:
    """Change a document: title, text, source, metadata, topics"""
    return documents.update_document(document_id, body, actor=current_actor())


@bp.get("/documents/<uuid:document_id>/original")
@requires(KNOWLEDGE_READ)
@bp.doc(operation_id="documents.original", responses=FILE)
def original(document_id: UUID) -> Response:
    """The file a document was read from"""
    return send_original(document_id)


@bp.post("/documents/<uuid:document_id>/retry")
@requires(KNOWLEDGE_WRITE)
@bp.output(TaskStarted, 202, description="The task that reads the file again")
@bp.doc(operation_id="documents.retry", responses=[409])
def retry(document_id: UUID) -> Response:
    """Read a failed document's file again"""
    task = uploads.retry_document(document_id, actor=current_actor())
    return _json(TaskStarted.model_validate(task, from_attributes=True), 202, _task_url(task.id))


@bp.post("/documents/proposals")
@requires(KNOWLEDGE_WRITE)
@bp.input(ProposalsRequest, arg_name="body")
@bp.output(list[DocumentResponse])
@bp.doc(operation_id="documents.reviewProposals")
def review_proposals(body: ProposalsRequest) -> list[Document]:
    """Confirm the topics proposed for documents, or reject them"""
    return documents.review_topics(
        body.ids, is_accepted=body.action == "confirm", actor=current_actor()
    )


@bp.delete("/documents/<uuid:document_id>")
@requires(KNOWLEDGE_WRITE)
@bp.input(DocumentDeletionQuery, location="query", arg_name="query")
@bp.doc(
    operation_id="documents.delete",
    responses={204: "Deleted; POST …/restore brings it back, unless permanent"},
)
def destroy(document_id: UUID, query: DocumentDeletionQuery) -> tuple[str, int]:
    """Delete a document and its passages; it can be restored for some days"""
    remove = deletion.remove_document if query.permanent else deletion.delete_document
    remove(document_id, actor=current_actor())
    return "", 204


@bp.post("/documents/<uuid:document_id>/restore")
@requires(KNOWLEDGE_WRITE)
@bp.output(DocumentResponse)
@bp.doc(operation_id="documents.restore", responses=[409])
def restore(document_id: UUID) -> Document:
    """Bring a deleted document back, with its passages and topics"""
    return deletion.restore_document(document_id, actor=current_actor())


@bp.get("/documents/deleted")
@requires(KNOWLEDGE_WRITE)
@bp.input(DeletedDocumentQuery, location="query", arg_name="query")
@bp.output(list[DeletedDocumentResponse])
@bp.doc(operation_id="documents.listDeleted")
def list_deleted(query: DeletedDocumentQuery) -> Response:
    """Deleted documents that can be restored, those deleted last first"""
    found = deletion.list_deleted(Paging(query.limit, query.offset), actor=current_actor())
    return list_response(DELETED, found)


@bp.post("/knowledge/index/check")
@requires(KNOWLEDGE_WRITE)
@bp.output(TaskStarted, 202, description="The task that compares the index with the documents")
@bp.doc(operation_id="index.check")
def check_index() -> Response:
    """Check the index"""
    task = indexing.start_check(actor=current_actor())
    return _json(TaskStarted.model_validate(task, from_attributes=True), 202, _task_url(task.id))


@bp.post("/knowledge/index/rebuild")
@requires(KNOWLEDGE_WRITE)
@bp.output(TaskStarted, 202, description="The task; the old index serves until it is done")
@bp.doc(operation_id="index.rebuild", responses=[409])
def rebuild_index() -> Response:
    """Build the index anew, with the installation's embedder"""
    task = indexing.start_rebuild(actor=current_actor())
    return _json(TaskStarted.model_validate(task, from_attributes=True), 202, _task_url(task.id))


def send_original(document_id: UUID) -> Response:
    """The file, which no browser shows in our place: it may hold anybody's scripts."""
    name, content_type, parts = uploads.get_original(document_id, actor=current_actor())
    response = download(parts, content_type, name)
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def _options() -> FileOptions:
    """The form's fields beside the file; `nodes`, `metadata` and `confidence` are JSON."""
    values: dict[str, Any] = {name: value for name, value in request.form.items() if value != ""}
    for name in ("nodes", "metadata", "confidence"):
        if name in values:
            try:
                values[name] = current_app.json.loads(values[name])
            except ValueError as error:
                raise Invalid(f"{name} is not JSON.", field=name) from error
    return read(FileOptions, values)


def _json(answer: DocumentResponse | TaskStarted, status: int, location: str) -> Response:
    return current_app.response_class(
        answer.model_dump_json(), status, {"Location": location}, mimetype="application/json"
    )


def _task_url(task_id: str) -> str:
    return f"/api/v1/tasks/{task_id}"
