"""Files that are kept, in parts, and forgotten, in others' transactions; nothing here commits."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO
from uuid import UUID

from sqlalchemy import delete, select

from webapp.core.errors import DomainError, Invalid, UnsupportedMediaType
from webapp.core.extensions import db
from webapp.documents.models import DeletedDocument, Document, Upload, UploadPart
from webapp.documents.reading.parsing import DOCX, PDF, ParsingError, check_kind
from webapp.documents.uploads.kinds import COLLECTIONS, ENDINGS, clean_name, kind_of
from webapp.tasks.models import Task

PART_BYTES = 512 * 1024


@dataclass(frozen=True)
class File:
    """A file as it comes in; its name may have folders."""

    filename: str
    stream: IO[bytes]


@dataclass
class Kept:
    """What came of files: those that are kept, names passed over, and refusals by name."""

    uploads: list[Upload] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    refused: list[tuple[str, DomainError]] = field(default_factory=list)


def keep_files(files: Sequence[File], organization_id: UUID, *, is_folder: bool) -> Kept:
    """Keep files that come in; raises the first's refusal where none is left."""
    kept = Kept()
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


def keep_file(task: Task, filename: str, content_type: str, content: bytes) -> Upload:
    """Keep a file that an import has in memory."""
    upload = _new_upload(task.organization_id, filename, content_type)
    upload.options = task.input.get("options")
    upload.newest_version = task.input.get("newest_version")
    for number, start in enumerate(range(0, len(content), PART_BYTES)):
        part = content[start : start + PART_BYTES]
        db.session.add(UploadPart(upload_id=upload.id, number=number, content=part))
    upload.size = len(content)
    return upload


def drop_upload(upload_id: UUID) -> None:
    """Forget a file."""
    db.session.execute(delete(Upload).where(Upload.id == upload_id))


def drop_uploads_of(imports: Sequence[Task]) -> None:
    """Forget what imports did not come to read: the files that no document has, deleted or not."""
    ids = [UUID(text) for task in imports for text in task.input.get("upload_ids", [])]
    if ids:
        kept = select(Document.id).where(Document.upload_id == Upload.id).exists()
        deleted = select(DeletedDocument.id).where(DeletedDocument.upload_id == Upload.id).exists()
        db.session.execute(
            delete(Upload)
            .where(Upload.id.in_(ids), ~kept, ~deleted)
            .execution_options(synchronize_session=False)
        )


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
