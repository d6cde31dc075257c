"""The task `document_import`: an uploaded file becomes documents, each exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from flask import current_app
from pydantic import ValidationError

from webapp.core.errors import DomainError, Invalid, validation_errors
from webapp.knowledge import documents, uploads
from webapp.knowledge.models import Upload
from webapp.knowledge.parsing import ParsedDocument
from webapp.knowledge.schemas import MAX_CONTENT, DocumentBody
from webapp.tasks import running
from webapp.tasks.models import Task
from webapp.tasks.running import Run

BATCH_DOCUMENTS = 50
BATCH_BYTES = 1024 * 1024
KEPT_ERRORS = 100

Read = tuple[DocumentBody, ParsedDocument]


@dataclass(frozen=True)
class Line:
    """A line of the file: its number from 1, its bytes, and where the next one begins."""

    number: int
    content: bytes
    end: int


def register() -> None:
    running.register("document_import", import_documents)


def import_documents(run: Run) -> None:
    """Read the task's upload from its last position to the end, a batch a commit.

    The result counts `created`, `replaced`, `failed` and lists the first 100 `errors` as
    `{line, detail}`; good lines are kept whatever the others are.
    """
    upload = uploads.get_upload(UUID(run.task.input["upload_id"]))
    if upload is None:
        raise Invalid("The uploaded file is gone.")
    result: dict[str, Any] = run.task.result or {
        "created": 0,
        "replaced": 0,
        "failed": 0,
        "errors": [],
    }
    for lines in _batches(_lines(upload, run)):
        good, node_ids, errors = _read(lines, upload, run.task)
        batch = documents.prepare_documents(good, node_ids)
        run.hold()
        stored = documents.store_documents(batch, organization_id=run.task.organization_id)
        documents.announce(run.task.organization_id)
        result = {
            "created": result["created"] + stored.created,
            "replaced": result["replaced"] + stored.replaced,
            "failed": result["failed"] + len(errors),
            "errors": [*result["errors"], *errors][:KEPT_ERRORS],
        }
        last = lines[-1]
        run.advance(last.end / max(upload.size, 1), {"byte": last.end, "line": last.number}, result)
    if result["created"] + result["replaced"] == 0:
        first = result["errors"][0]["detail"] if result["errors"] else "The file has no lines."
        raise Invalid(f"No document could be read. {first}")


def _lines(upload: Upload, run: Run) -> Iterator[Line]:
    """The file's lines after the task's position; a file that is not NDJSON is one line."""
    number, start = run.task.position.get("line", 0), run.task.position.get("byte", 0)
    if upload.content_type != uploads.NDJSON:
        if start == 0:
            content = b"".join(uploads.read_upload(upload))
            yield Line(1, content, upload.size)
        return
    rest, end = b"", start
    for part in uploads.read_upload(upload, start=start):
        *whole, rest = (rest + part).split(b"\n")
        for content in whole:
            number, end = number + 1, end + len(content) + 1
            yield Line(number, content, end)
    if rest:
        yield Line(number + 1, rest, upload.size)


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while True:
        batch: list[Line] = []
        size = 0
        for line in islice(lines, BATCH_DOCUMENTS):
            batch.append(line)
            size += len(line.content)
            if size >= BATCH_BYTES:
                break
        if not batch:
            return
        yield batch


def _read(
    lines: list[Line], upload: Upload, task: Task
) -> tuple[list[Read], list[list[UUID]], list[dict[str, Any]]]:
    """What can be stored of these lines, its topics, and what is wrong with the others."""
    bodies: list[tuple[Line, DocumentBody]] = []
    errors: list[dict[str, Any]] = []
    for line in lines:
        if not line.content.strip():
            continue
        try:
            body = (
                _body_of_line(line)
                if upload.content_type == uploads.NDJSON
                else _body_of_file(line, upload, task.input)
            )
            bodies.append((line, body))
        except ValidationError as error:
            first = validation_errors(error)[0]
            errors.append({"line": line.number, "detail": f"{first['field']}: {first['message']}"})
        except ValueError as error:
            errors.append({"line": line.number, "detail": str(error)[:300]})
    topics = documents.load_topics(
        [body for _, body in bodies], organization_id=task.organization_id
    )
    good, node_ids = [], []
    for line, body in bodies:
        try:
            found = topics.find(body.version, body.nodes)
            good.append((body, documents.parse_body(body)))
            node_ids.append(found)
        except DomainError as error:
            errors.append({"line": line.number, "detail": str(error)[:300]})
    return good, node_ids, sorted(errors, key=lambda error: error["line"])


def _body_of_line(line: Line) -> DocumentBody:
    value = current_app.json.loads(line.content.decode("utf-8-sig"))
    if not isinstance(value, dict):
        raise ValueError("The line is not a JSON object.")
    return DocumentBody.model_validate(value)


def _body_of_file(line: Line, upload: Upload, options: dict[str, Any]) -> DocumentBody:
    text = line.content.decode("utf-8-sig")
    if len(text) > MAX_CONTENT:
        raise ValueError(f"The text has more than {MAX_CONTENT:,} characters.")
    return DocumentBody(
        title=options.get("title") or "",
        content=text,
        content_type=upload.content_type,
        external_id=options.get("external_id") or upload.filename,
    )
