"""Uploads: received files, kept in parts, and the tasks that make documents of them."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, Any
from uuid import UUID

from sqlalchemy import delete, select

from webapp import index
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.errors import Conflict, DomainError, Invalid, NotFound, UnsupportedMediaType
from webapp.core.extensions import db
from webapp.documents import changes
from webapp.documents import services as documents
from webapp.documents.models import Document, Upload, UploadPart
from webapp.documents.reading.parsing import DOCX, PDF, ParsingError, check_kind
from webapp.documents.schemas import FileOptions
from webapp.tasks import changes as tasks
from webapp.tasks.models import Task
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE
from webapp.taxonomies.references import read_newest_version

PART_BYTES = 512 * 1024
NDJSON = "application/x-ndjson"
ZIP = "application/zip"
#: kinds of files that hold many documents
COLLECTIONS = (NDJSON, ZIP)
ENDINGS = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".text": "text/plain",
    ".html": "text/html",
    ".htm": "text/html",
    ".pdf": PDF,
    ".docx": DOCX,
    ".ndjson": NDJSON,
    ".jsonl": NDJSON,
    ".zip": ZIP,
}
MAX_FILES = 2_000


@dataclass(frozen=True)
class File:
    """A file as it comes in; its name may have folders."""

    filename: str
    stream: IO[bytes]


@dataclass
class _Kept:
    uploads: list[Upload] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    refused: list[tuple[str, DomainError]] = field(default_factory=list)


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
    if not 0 < len(files) <= MAX_FILES:
        raise Invalid(f"Send from one to {MAX_FILES:,} files at a time.", field="file")
    newest = read_newest_version(actor.organization_id)
    topics = documents.load_topics([options], organization_id=actor.organization_id, newest=newest)
    topics.find(options.version, options.nodes)
    try:
        kept = _keep_files(files, actor.organization_id, is_folder=is_folder)
        expected = [upload for upload in kept.uploads if upload.content_type not in COLLECTIONS]
        if expected:
            index.lock(actor.organization_id)
        for upload in expected:
            external_id = options.external_id or upload.filename
            changes.expect_document(upload, external_id, options.title)
    except DomainError:
        db.session.rollback()
        raise
    said = options.model_dump(mode="json", exclude_unset=True)
    for upload in kept.uploads:
        upload.options, upload.newest_version = said, newest
    names = [upload.filename for upload in kept.uploads]
    sent = [*names, *(name for name, _ in kept.refused)]
    title = f"Import {names[0]}" if len(sent) == 1 else f"Import {len(sent)} files"
    task = tasks.start_task(
        "document_import",
        title=title,
        input={
            "upload_ids": [str(upload.id) for upload in kept.uploads],
            "passed_over": kept.passed_over[:100],
            "refused": [{"name": name, "detail": e.message} for name, e in kept.refused],
            "newest_version": newest,
            "options": said,
        },
        actor=actor,
    )
    audit.record(actor, "import", kept.uploads[0], files=len(names))
    changes.announce(actor.organization_id)
    db.session.commit()
    return task


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


def kind_of(filename: str) -> str | None:
    """The content type that a name's ending stands for; None where it is not read."""
    return ENDINGS.get(PurePosixPath(filename.lower()).suffix)


def clean_name(filename: str) -> str:
    """A relative path without anything that climbs; the end of it where it is long."""
    parts = [part for part in filename.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts).replace("\x00", "")[-255:] or "file"


def keep_file(task: Task, filename: str, content_type: str, content: bytes) -> Upload:
    """Keep a file that an import has in memory, in the running transaction."""
    upload = _new_upload(task.organization_id, filename, content_type)
    upload.options = task.input.get("options")
    upload.newest_version = task.input.get("newest_version")
    for number, start in enumerate(range(0, len(content), PART_BYTES)):
        part = content[start : start + PART_BYTES]
        db.session.add(UploadPart(upload_id=upload.id, number=number, content=part))
    upload.size = len(content)
    return upload


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


def drop_upload(upload_id: UUID) -> None:
    """Forget a file, in the running transaction."""
    db.session.execute(delete(Upload).where(Upload.id == upload_id))


def drop_uploads_of(imports: Sequence[Task]) -> None:
    """Forget what imports did not come to read, where no document has it as its file."""
    ids = [UUID(text) for task in imports for text in task.input.get("upload_ids", [])]
    if ids:
        kept = select(Document.id).where(Document.upload_id == Upload.id).exists()
        db.session.execute(
            delete(Upload)
            .where(Upload.id.in_(ids), ~kept)
            .execution_options(synchronize_session=False)
        )


def _keep_files(files: Sequence[File], organization_id: UUID, *, is_folder: bool) -> _Kept:
    kept = _Kept()
    for file in files:
        name = clean_name(file.filename)
        if is_folder and kind_of(name) is None:
            kept.passed_over.append(name)
            continue
        try:
            kept.uploads.append(_keep_file(name, file.stream, organization_id))
        except DomainError as error:
            kept.refused.append((name, error))
    if not kept.uploads:
        raise _refusal(kept.refused)
    return kept


def _keep_file(name: str, stream: IO[bytes], organization_id: UUID) -> Upload:
    """Keep one file; of one that is refused nothing stays."""
    content_type = kind_of(name)
    if content_type is None:
        raise UnsupportedMediaType(
            f"{name[:100]!r} is of a kind that is not read.",
            suggestions=[f"Upload one of {', '.join(ENDINGS)}."],
        )
    upload = _new_upload(organization_id, name, content_type)
    try:
        _keep_parts(upload, stream)
    except DomainError:
        drop_upload(upload.id)
        db.session.expunge(upload)
        raise
    return upload


def _refusal(refused: Sequence[tuple[str, DomainError]]) -> DomainError:
    """Why nothing can be imported: the first reason, and all of them where there are more."""
    if not refused:
        return Invalid("The folder has no file of a kind that is read.", field="file")
    first = refused[0][1]
    if len(refused) > 1:
        first.message = " ".join(_sentence(error.message) for _, error in refused[:20])
    return first


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _new_upload(organization_id: UUID, filename: str, content_type: str) -> Upload:
    upload = Upload(
        organization_id=organization_id, filename=filename, content_type=content_type, size=0
    )
    db.session.add(upload)
    db.session.flush()
    return upload


def _keep_parts(upload: Upload, stream: IO[bytes]) -> None:
    # A line that is no text is one of many, and the others are read.
    is_text = upload.content_type not in (PDF, DOCX, *COLLECTIONS)
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    number = 0
    while content := stream.read(PART_BYTES):
        if number == 0:
            _check_kind(upload, content)
        if is_text:
            _check_text(upload.filename, decoder, content, final=False)
        db.session.add(UploadPart(upload_id=upload.id, number=number, content=content))
        db.session.flush()
        upload.size += len(content)
        number += 1
    if is_text:
        _check_text(upload.filename, decoder, b"", final=True)
    if upload.size == 0:
        raise Invalid(f"{upload.filename} is empty.", field="file", code="empty_file")


def _check_kind(upload: Upload, head: bytes) -> None:
    try:
        check_kind(head, upload.content_type)
    except ParsingError as error:
        raise Invalid(
            f"{upload.filename} is not what its name says. {error}", field="file", code="wrong_kind"
        ) from error


def _check_text(
    filename: str, decoder: codecs.IncrementalDecoder, content: bytes, *, final: bool
) -> None:
    try:
        text = decoder.decode(content, final)
    except UnicodeDecodeError as error:
        raise Invalid(
            f"{filename} is not UTF-8 text.",
            field="file",
            code="not_utf8",
            suggestions=["Save it as UTF-8 and upload it again."],
        ) from error
    if "\x00" in text:
        raise Invalid(
            f"{filename} holds NUL bytes; it is not text.",
            field="file",
            code="not_text",
        )


def options_of(task: Task) -> FileOptions:
    """What was said about all files of an import."""
    options: dict[str, Any] = task.input.get("options", {})
    return FileOptions.model_validate(options)
