"""The documents' pages, the search page, and an agent's Ask page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from pydantic import ValidationError

from webapp.agents import services as agents
from webapp.core.actor import Role
from webapp.core.errors import DomainError, Invalid, validation_errors
from webapp.core.security import accepts_upload, current_actor, requires
from webapp.core.web import page, to
from webapp.knowledge import documents, services, uploads
from webapp.knowledge.forms import PasteForm, UploadForm
from webapp.knowledge.schemas import DocumentBody, DocumentQuery, QueryBody, SearchBody

bp = Blueprint("knowledge", __name__)

STRATEGIES = ("hybrid", "keyword", "vector")


@bp.get("/documents")
@requires(Role.VIEWER)
def index() -> Response:
    try:
        query = DocumentQuery.model_validate(_arguments())
    except ValidationError as error:
        raise _invalid(error) from error
    found = documents.list_documents(query, actor=current_actor())
    return page(
        "knowledge/index.html", fragment="knowledge/_list.html", documents=found, query=query
    )


@bp.get("/documents/new")
@requires(Role.ADMIN)
def new() -> Response:
    return _new_page(PasteForm(), UploadForm())


@bp.post("/documents")
@accepts_upload
@requires(Role.ADMIN)
def create() -> Response:
    form = PasteForm()
    if form.validate():
        try:
            body = DocumentBody(
                title=form.title.data or "",
                content=(form.content.data or "").replace("\r\n", "\n"),
                content_type=form.content_type.data,
                source_url=form.source_url.data or None,
            )
            document = documents.create_document(body, actor=current_actor())
        except DomainError as error:
            form.reject(error)
        except ValidationError as error:
            form.reject(_invalid(error))
        else:
            return to(
                "knowledge.show", document_id=document.id, message=f"{document.title} is ready."
            )
    return _new_page(form, UploadForm(formdata=None), status=422)


@bp.post("/documents/uploads")
@accepts_upload
@requires(Role.ADMIN)
def upload() -> Response:
    form = UploadForm()
    if form.validate():
        try:
            tasks = [
                uploads.start_import(file.stream, filename=file.filename, actor=current_actor())
                for file in form.files.data
                if file.filename
            ]
        except DomainError as error:
            form.files.errors = [*form.files.errors, error.message]
        else:
            if len(tasks) == 1:
                return to("tasks.show", task_id=tasks[0].id)
            return to("tasks.index", message=f"{len(tasks)} files are being read.")
    return _new_page(PasteForm(formdata=None), form, status=422)


@bp.get("/documents/<uuid:document_id>")
@requires(Role.VIEWER)
def show(document_id: UUID) -> Response:
    document = documents.get_document(document_id, actor=current_actor())
    chunks = documents.list_chunks(document)
    return page("knowledge/show.html", document=document, chunks=chunks)


@bp.post("/documents/<uuid:document_id>/deletion")
@requires(Role.ADMIN)
def destroy(document_id: UUID) -> Response:
    documents.delete_document(document_id, actor=current_actor())
    return to("knowledge.index", message="The document is deleted.")


@bp.get("/search")
@requires(Role.VIEWER)
def search() -> Response:
    answer, error = None, None
    if request.args.get("q", "").strip():
        try:
            body = SearchBody(
                query=request.args["q"], strategy=request.args.get("strategy") or "hybrid"
            )
            answer = services.search_documents(body, actor=current_actor())
        except ValidationError as found:
            error = _invalid(found).message
    return page(
        "knowledge/search.html",
        fragment="knowledge/_results.html",
        answer=answer,
        error=error,
        strategies=STRATEGIES,
        document_count=documents.count_documents(actor=current_actor()),
    )


@bp.get("/agents/<handle>/ask")
@requires(Role.MEMBER)
def ask(handle: str) -> Response:
    """The Ask page; with `?q=` it answers without JavaScript."""
    actor = current_actor()
    agent = agents.get_agent(handle, actor=actor)
    answer, error = None, None
    if request.args.get("q", "").strip():
        try:
            body = QueryBody(query=request.args["q"])
            answer = services.ask_agent(agent.id, body, actor=actor)
        except ValidationError as found:
            error = _invalid(found).message
    return page(
        "knowledge/ask.html",
        agent=agent,
        answer=answer,
        error=error,
        socket_url=f"/ws/query/{agent.id}",
        document_count=documents.count_documents(actor=actor),
    )


def _new_page(paste: PasteForm, files: UploadForm, *, status: int = 200) -> Response:
    return page(
        "knowledge/new.html",
        status=status,
        form=paste,
        upload_form=files,
        create_url=url_for("knowledge.create"),
        upload_url=url_for("knowledge.upload"),
    )


def _arguments() -> dict[str, Any]:
    return {name: value for name, value in request.args.items() if value != ""}


def _invalid(error: ValidationError) -> Invalid:
    first = validation_errors(error)[0]
    return Invalid(first["message"], field=first["field"].split(".")[0], code=first["code"])
