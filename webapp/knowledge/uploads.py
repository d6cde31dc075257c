"""Uploads and imports: a received file becomes a task. (A part of knowledge's services.)"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import PurePath
from typing import IO
from uuid import UUID

from sqlalchemy import select

from webapp.audit import services as audit
from webapp.core.actor import Actor, Role
from webapp.core.errors import Invalid, UnsupportedMediaType
from webapp.core.extensions import db
from webapp.knowledge.models import Upload, UploadPart
from webapp.tasks import services as tasks
from webapp.tasks.models import Task

PART_BYTES = 512 * 1024
NDJSON = "application/x-ndjson"
ENDINGS = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".text": "text/plain",
    ".html": "text/html",
    ".htm": "text/html",
    ".ndjson": NDJSON,
    ".jsonl": NDJSON,
}


def start_import(
    stream: IO[bytes],
    *,
    filename: str,
    actor: Actor,
    title: str = "",
    external_id: str | None = None,
) -> Task:
    """Keep an uploaded file and start the task that reads it, both in one commit.

    An NDJSON file holds a document a line; any other is one document. Raises Invalid where the
    file is empty or not text, UnsupportedMediaType on an ending that is not read.
    """
    actor.require(Role.ADMIN)
    content_type = ENDINGS.get(PurePath(filename).suffix.lower())
    if content_type is None:
        raise UnsupportedMediaType(
            f"{filename[:100]!r} is of a kind that is not read.",
            suggestions=[f"Upload one of {', '.join(ENDINGS)}."],
        )
    upload = Upload(
        organization_id=actor.organization_id,
        filename=PurePath(filename).name[:255],
        content_type=content_type,
        size=0,
    )
    db.session.add(upload)
    db.session.flush()
    _keep_parts(upload, stream)
    task = tasks.start_task(
        "document_import",
        title=f"Import {upload.filename}",
        input={"upload_id": str(upload.id), "title": title, "external_id": external_id},
        actor=actor,
    )
    audit.record(actor, "import", upload)
    db.session.commit()
    return task


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


def _keep_parts(upload: Upload, stream: IO[bytes]) -> None:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    number = 0
    while content := stream.read(PART_BYTES):
        _check_text(upload.filename, decoder, content, final=False)
        db.session.add(UploadPart(upload_id=upload.id, number=number, content=content))
        db.session.flush()
        upload.size += len(content)
        number += 1
    _check_text(upload.filename, decoder, b"", final=True)
    if upload.size == 0:
        db.session.rollback()
        raise Invalid(f"{upload.filename} is empty.", field="file", code="empty_file")


def _check_text(
    filename: str, decoder: codecs.IncrementalDecoder, content: bytes, *, final: bool
) -> None:
    try:
        text = decoder.decode(content, final)
    except UnicodeDecodeError as error:
        db.session.rollback()
        raise Invalid(
            f"{filename} is not UTF-8 text.",
            field="file",
            code="not_utf8",
            suggestions=["Save it as UTF-8 and upload it again."],
        ) from error
    if "\x00" in text:
        db.session.rollback()
        raise Invalid(
            f"{filename} holds NUL bytes; it is not text.",
            field="file",
            code="not_text",
        )
