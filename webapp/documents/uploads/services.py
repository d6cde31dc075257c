"""Uploads: received files, kept in parts, and the tasks that make documents of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from sqlalchemy import select

from webapp import index
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.counts import counted
from webapp.core.errors import Conflict, DomainError, Invalid, NotFound
from webapp.core.extensions import db
from webapp.documents import changes
from webapp.documents import services as documents
from webapp.documents.models import Document, Upload, UploadPart
from webapp.documents.schemas import FileOptions
from webapp.documents.uploads.changes import PART_BYTES, File, Kept, keep_files
from webapp.documents.uploads.kinds import COLLECTIONS
from webapp.tasks import changes as tasks
from webapp.tasks.models import Task
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE
from webapp.taxonomies.references import read_newest_version

MAX_FILES = 2_000


def start_import(
    files: Sequence[File],
    *,
    actor: Actor,
    options: FileOptions | None = None,
    is_folder: bool = False,
) -> Task:
    """Keep uploaded files and start the task that reads them, all in one commit.

    NDJSON holds a document a line, a zip archive one an entry; any other file is one document,
    which is there at once and pending. A path without a version names a topic of the version that
    is the newest now, whenever it is read. Of several files those that are empty, of a kind that
    is not read (in a folder they are passed over) or not what their name says are refused with
    their reasons in the task's result, and the others are read. Raises Invalid or
    UnsupportedMediaType where no file is left, BadReference on unknown topics.
    """
    actor.require(KNOWLEDGE_WRITE)
    options = options or FileOptions()
    if not files:
        raise Invalid("Choose a file first.", field="file")
    if len(files) > MAX_FILES:
        raise Invalid(f"Send at most {MAX_FILES:,} files at a time.", field="file")
    newest = read_newest_version(actor.organization_id)
    topics = documents.load_topics([options], organization_id=actor.organization_id, newest=newest)
    topics.find(options.version, options.nodes)
    try:
        kept = keep_files(files, actor.organization_id, is_folder=is_folder)
        _expect_documents(kept, options, actor.organization_id)
    except DomainError:
        db.session.rollback()
        raise
    said = options.model_dump(mode="json", exclude_unset=True)
    for upload in kept.uploads:
        upload.options, upload.newest_version = said, newest
    task = tasks.start_task(
        "document_import",
        title=_name_import(kept),
        input={
            "upload_ids": [str(upload.id) for upload in kept.uploads],
            "passed_over": kept.passed_over[:100],
            "refused": [{"name": name, "detail": e.message} for name, e in kept.refused],
            "newest_version": newest,
            "options": said,
        },
        actor=actor,
    )
    audit.record(actor, "import", kept.uploads[0], files=len(kept.uploads))
    changes.announce(actor.organization_id)
    db.session.commit()
    return task


def _expect_documents(kept: Kept, options: FileOptions, organization_id: UUID) -> None:
    """Let the document of each file that is one be there at once, pending."""
    expected = [upload for upload in kept.uploads if upload.content_type not in COLLECTIONS]
    if expected:
        index.lock(organization_id)
    for upload in expected:
        changes.expect_document(upload, options.external_id or upload.filename, options.title)


def _name_import(kept: Kept) -> str:
    sent_count = len(kept.uploads) + len(kept.refused)
    return f"Import {kept.uploads[0].filename if sent_count == 1 else counted(sent_count, 'file')}"


def retry_document(document_id: UUID, *, actor: Actor) -> Task:
    """Read a failed document's file again, with all that was said of it when it came.

    Raises Conflict where it has not failed, or where no file is kept.
    """
    actor.require(KNOWLEDGE_WRITE)
    document = documents.get_document(document_id, actor=actor, lock=True)
    if document.status != "failed" or document.upload_id is None:
        raise Conflict(
            f"{document.title} is {document.status}; there is nothing to read again.",
            code="not_failed",
        )
    upload = db.session.get_one(Upload, document.upload_id)
    document.status, document.error = "pending", None
    task = tasks.start_task(
        "document_import",
        title=f"Import {document.title}",
        input={
            "upload_ids": [str(upload.id)],
            "newest_version": upload.newest_version,
            "options": {**(upload.options or {}), "external_id": document.external_id},
        },
        actor=actor,
    )
    audit.record(actor, "retry", document)
    changes.announce(actor.organization_id)
    db.session.commit()
    return task


def file_name(document: Document) -> str | None:
    """What the file was called that a document was read from, in an archive with its folders."""
    statement = select(Upload.filename).where(Upload.id == document.upload_id)
    return db.session.scalar(statement) if document.upload_id else None


def get_original(document_id: UUID, *, actor: Actor) -> tuple[str, str, Iterator[bytes]]:
    """Name, kind and content of a document's file; its text where it came without a file."""
    document = documents.get_document(document_id, actor=actor)
    upload = get_upload(document.upload_id) if document.upload_id else None
    if upload is not None:
        return PurePosixPath(upload.filename).name, upload.content_type, read_upload(upload)
    if document.status != "ready":
        raise NotFound(f"Document not found: {document_id}")
    name = f"{document.title[:80] or 'document'}.md"
    return name, "text/markdown", iter([document.content.encode()])


def read_upload(upload: Upload, *, start: int = 0) -> Iterator[bytes]:
    """The file from byte `start`, in parts, one in memory at a time."""
    number, skip = divmod(start, PART_BYTES)
    while True:
        content = db.session.scalar(
            select(UploadPart.content).where(
                UploadPart.upload_id == upload.id, UploadPart.number == number
            )
        )
        if content is None:
            return
        yield content[skip:]
        number, skip = number + 1, 0


def get_upload(upload_id: UUID) -> Upload | None:
    return db.session.get(Upload, upload_id)


def options_of(task: Task) -> FileOptions:
    """What was said about all files of an import."""
    options: dict[str, Any] = task.input.get("options", {})
    return FileOptions.model_validate(options)
