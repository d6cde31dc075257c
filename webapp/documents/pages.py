"""The documents' pages: the list, one document, adding, topics to confirm, the index."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, request, url_for

from webapp import index as index_of_documents
from webapp.core.counts import counted, local
from webapp.core.errors import Invalid, NotFound
from webapp.core.http.returning import see_other
from webapp.core.security import FORMS, accepts_upload, current_actor, requires
from webapp.core.web import page, read_query, redirect_to, url_with, whole_number
from webapp.documents import indexing, passages
from webapp.documents import services as documents
from webapp.documents.api import send_original
from webapp.documents.deletion import services as deletion
from webapp.documents.forms import TYPE_LABELS, PasteForm, TopicsForm, UploadForm
from webapp.documents.models import Document, DocumentStatus
from webapp.documents.reading.parsing import DOCX, PDF
from webapp.documents.schemas import (
    MAX_REVIEWED,
    DocumentChanges,
    DocumentQuery,
    DocumentRequest,
    FileOptions,
)
from webapp.documents.topics import proposals
from webapp.documents.uploads import services as uploads
from webapp.documents.uploads.changes import File
from webapp.tasks import services as tasks
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.forms import TopicsField, read_topics
from webapp.taxonomies.permissions import KNOWLEDGE_READ, KNOWLEDGE_WRITE

bp = Blueprint("documents", __name__)

KINDS = {**TYPE_LABELS, PDF: "PDF", DOCX: "Word"}

COLUMNS = [
    {"label": "Title", "sort": "title"},
    {"label": "Topics", "key": "topics"},
    {"label": "Kind", "key": "kind"},
    {"label": "Passages", "key": "passages", "is_number": True},
    {"label": "Size", "key": "size", "is_number": True},
    {"label": "Changed", "key": "updated_at", "sort": "updated_at"},
]
#: what "all that match" goes by
FILTERS = ("q", "status", "node", "task")


@bp.get("/documents")
@requires(KNOWLEDGE_READ)
def index() -> Response:
    actor = current_actor()
    for topic in read_topics(request.args.getlist("node")):
        if isinstance(topic, list):  # typed, where there are no scripts
            node = taxonomies.find_path(topic, actor=actor)
            return see_other(url_with(node=str(node)))
    query, chosen, status = read_query(DocumentQuery), None, 200
    try:
        chosen = taxonomies.get_node(query.node, actor=actor) if query.node else None
    except NotFound:
        # Drawn nevertheless: a view that has lost its topic is deleted here.
        status = NotFound.status
    return page(
        "documents/index.html",
        fragment="documents/_list.html",
        status=status,
        documents=documents.list_documents(query, actor=actor),
        query=query,
        node=chosen,
        imported_by=_title_of(query.task) if query.task else "",
        kinds=KINDS,
        columns=COLUMNS,
        filters=_filters(),
        revision=index_of_documents.read_revision(actor.organization_id),
        proposing=proposals.find_running(actor=actor) if query.proposed else None,
    )


@bp.get("/documents/new")
@requires(KNOWLEDGE_WRITE)
def new() -> Response:
    paste, files = PasteForm(), UploadForm()
    node_id = request.args.get("node", type=UUID)
    if node_id is not None:
        node = taxonomies.get_node(node_id, actor=current_actor())
        paste.topics.data = files.about.data = [node.public_id]
    return _new_page(paste, files)


@bp.post("/documents")
@accepts_upload(*FORMS)
@requires(KNOWLEDGE_WRITE)
def create() -> Response:
    form = PasteForm()
    if form.validate():
        with form.refusing(nodes="topics"):
            body = DocumentRequest(
                title=form.title.data or "",
                content=(form.content.data or "").replace("\r\n", "\n"),
                content_type=form.content_type.data,
                source_url=form.source_url.data or None,
                **_topics(form.topics),
            )
            document = documents.create_document(body, actor=current_actor())
            return redirect_to(
                "documents.show", document_id=document.id, message=f"“{document.title}” is ready."
            )
    return _new_page(form, UploadForm(formdata=None), status=422)


@bp.post("/documents/uploads")
@accepts_upload(*FORMS)
@requires(KNOWLEDGE_WRITE)
def upload() -> Response:
    form = UploadForm()
    if form.validate():
        files = [File(file.filename or "", file.stream) for file in form.chosen()]
        with form.refusing("files", nodes="about"):
            task = uploads.start_import(
                files,
                options=FileOptions(**_topics(form.about)),
                actor=current_actor(),
                is_folder=any(file.filename for file in form.folder.data or []),
            )
            return redirect_to("tasks.show", task_id=task.id)
    return _new_page(PasteForm(formdata=None), form, status=422)


@bp.get("/documents/<uuid:document_id>")
@requires(KNOWLEDGE_READ)
def show(document_id: UUID) -> Response:
    return _document_page(document_id, TopicsForm(formdata=None))


@bp.get("/documents/<uuid:document_id>/original")
@requires(KNOWLEDGE_READ)
def original(document_id: UUID) -> Response:
    return send_original(document_id)


@bp.post("/documents/<uuid:document_id>/retrial")
@requires(KNOWLEDGE_WRITE)
def retry(document_id: UUID) -> Response:
    task = uploads.retry_document(document_id, actor=current_actor())
    return redirect_to("tasks.show", task_id=task.id)


@bp.post("/documents/<uuid:document_id>/topics")
@requires(KNOWLEDGE_WRITE)
def set_topics(document_id: UUID) -> Response:
    form = TopicsForm()
    if form.validate():
        with form.refusing("topics"):
            changes = DocumentChanges(nodes=form.topics.data)
            documents.update_document(document_id, changes, actor=current_actor())
            chosen = "The topics are set."
            message = (
                chosen if form.topics.data else "No topics are set. Looking for some to propose."
            )
            return redirect_to("documents.show", document_id=document_id, message=message)
    return _document_page(document_id, form, status=422)


@bp.post("/documents/proposals")
@requires(KNOWLEDGE_WRITE)
def review_proposals() -> Response:
    """All that is proposed for the documents `id`; or one topic, by a button's two ids."""
    ids, topic = list(dict.fromkeys(request.form.getlist("id", type=UUID))), None
    one = request.form.get("confirm") or request.form.get("reject")
    if one:
        try:
            document_id, topic = (UUID(part) for part in one.split())
        except ValueError as error:
            raise Invalid("Say which document and which topic.") from error
        ids = [document_id]
    if not ids:
        raise Invalid("Choose documents first.")
    if len(ids) > MAX_REVIEWED:
        raise Invalid(
            f"{len(ids):,} documents are too many at once; choose at most {MAX_REVIEWED:,}.",
            code="too_many_documents",
        )
    is_accepted = "confirm" in (request.form.get("action"), *request.form)
    reviewed = documents.review_topics(
        ids, is_accepted=is_accepted, actor=current_actor(), topic=topic
    )
    end = "confirmed" if is_accepted else "rejected"
    message: str = local(f"The topics of {counted(len(reviewed), 'document')} are {end}.")
    if topic:
        message = f"The topic of {reviewed[0].title} is {end}."
    if request.form.get("back") == "document" and len(reviewed) == 1:
        return redirect_to("documents.show", document_id=reviewed[0].id, message=message)
    offset = request.form.get("offset", type=int) or None
    return redirect_to("documents.index", proposed="true", offset=offset, message=message)


@bp.post("/documents/<uuid:document_id>/deletion")
@requires(KNOWLEDGE_WRITE)
def destroy(document_id: UUID) -> Response:
    document = deletion.delete_document(document_id, actor=current_actor())
    message = f"“{document.title}” is deleted."
    if document.status == DocumentStatus.PENDING:
        return redirect_to("documents.index", message=message, **_filters())
    undo: Any = {
        "message": message,
        "undo": url_for("document_deletion.restore", document_id=document.id),
    }
    flash(undo, "undo")
    return redirect_to("documents.index", **_filters())


@bp.get("/documents/index")
@requires(KNOWLEDGE_READ)
def show_index() -> Response:
    actor = current_actor()
    return page(
        "documents/indexing.html",
        overview=indexing.describe_index(actor=actor),
        document_count=documents.count_documents(actor=actor),
        proposing=proposals.find_running(actor=actor),
    )


@bp.post("/documents/index/check")
@requires(KNOWLEDGE_WRITE)
def check_index() -> Response:
    return redirect_to("tasks.show", task_id=indexing.start_check(actor=current_actor()).id)


@bp.post("/documents/index/rebuild")
@requires(KNOWLEDGE_WRITE)
def rebuild_index() -> Response:
    return redirect_to("tasks.show", task_id=indexing.start_rebuild(actor=current_actor()).id)


@bp.post("/documents/proposals/again")
@requires(KNOWLEDGE_WRITE)
def propose_again() -> Response:
    task = proposals.propose_again(actor=current_actor())
    return redirect_to("tasks.show", task_id=task.id, message="Topics are being proposed.")


def _document_page(document_id: UUID, form: TopicsForm, *, status: int = 200) -> Response:
    document = documents.get_document(document_id, actor=current_actor())
    view = request.args.get("view", "text")
    confirmed = [link for link in document.links if not link.is_proposed]
    if not form.is_submitted():
        form.topics.data = [link.public_id for link in confirmed]
    return page(
        "documents/show.html",
        fragment="documents/_source.html" if view == "source" else "documents/_passages.html",
        status=status,
        document=document,
        kind=KINDS.get(document.content_type, document.content_type),
        filters=_filters(),
        kept_for=deletion.kept_for(),
        file_name=uploads.file_name(document),
        view=view if view in ("passages", "source") else "text",
        **_part_of(document, view),
        confirmed=confirmed,
        proposed=[link for link in document.links if link.is_proposed],
        form=form,
    )


def _filters() -> dict[str, str]:
    """How the list is filtered, or was where a document was opened: its page leads back there."""
    return {name: value for name in FILTERS if (value := request.args.get(name))}


def _title_of(task_id: str) -> str:
    """What the import is called; it may be forgotten sooner than what it brought."""
    try:
        return tasks.get_task(task_id, actor=current_actor()).title
    except NotFound:
        return "An earlier import"


def _part_of(document: Document, view: str) -> dict[str, Any]:
    """What the address asks to read: from a place on, or around the passage that was found."""
    start = whole_number("from", 0, 0, 10**9)
    if view == "source":
        return {"part": passages.read_source(document, start)}
    chunk_id = request.args.get("passage", type=int)
    position = passages.find_passage(document, chunk_id) if chunk_id else None
    if position is not None:
        start = max(0, position - passages.LEAD)
    is_gone = chunk_id is not None and position is None
    return {"part": passages.read_part(document, start), "found": chunk_id, "is_gone": is_gone}


def _new_page(paste: PasteForm, files: UploadForm, *, status: int = 200) -> Response:
    return page(
        "documents/new.html",
        status=status,
        form=paste,
        upload_form=files,
        create_url=url_for("documents.create"),
        upload_url=url_for("documents.upload"),
    )


def _topics(field: TopicsField) -> dict[str, Any]:
    return {"nodes": field.data} if field.data else {}
