"""The task `document_import`: uploaded files become documents, each exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from json import JSONDecodeError
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from webapp import engine, index
from webapp.core.errors import DomainError, Invalid
from webapp.core.extensions import db
from webapp.core.schemas import from_json
from webapp.core.schemas import read as read_json
from webapp.documents import changes
from webapp.documents import services as documents
from webapp.documents.changes import schedule_merge
from webapp.documents.models import Upload
from webapp.documents.reading.parsing import (
    DOCX,
    PDF,
    ParsedDocument,
    ParsingError,
    check_kind,
    parse,
)
from webapp.documents.schemas import MAX_CONTENT, DocumentRequest, FileOptions
from webapp.documents.uploads import services as uploads
from webapp.documents.uploads.archives import Item, items_of
from webapp.documents.uploads.changes import drop_upload, keep_file
from webapp.documents.uploads.kinds import COLLECTIONS
from webapp.tasks.models import Status, Task
from webapp.tasks.running import Run

BATCH_DOCUMENTS = 50
BATCH_BYTES = 1024 * 1024
KEPT_ERRORS = 100


def fail_unread(task: Task) -> None:
    """Let documents whose files nobody will read now say so; each can be tried again."""
    if task.status == Status.COMPLETED:
        return
    reason = task.error or "The import was cancelled before it was read."
    upload_ids = [UUID(text) for text in task.input.get("upload_ids", [])]
    changes.fail_pending(upload_ids, reason, import_id=task.id)
    changes.announce(task.organization_id)


@dataclass
class Read:
    """A batch of items that could be read, in the order of storing, and those that could not."""

    items: list[Item] = field(default_factory=list)
    documents: list[changes.Item] = field(default_factory=list)
    node_ids: list[list[UUID]] = field(default_factory=list)
    failed: list[tuple[Item, str]] = field(default_factory=list)


def import_documents(run: Run) -> None:
    """Read the task's uploads from its last position to the end, a batch a commit.

    The result counts `created`, `replaced`, `failed` and lists the first 100 `errors` as
    `{line, name, detail, document_id}`; what is good is kept whatever the others are. A file that
    was taken and cannot be read leaves a failed document, whose id the error has; of one that was
    not taken (empty, of another kind) and of a line nothing stays. `gone` are files that a newer
    import has read meanwhile.
    """
    task = run.task
    options = uploads.options_of(task)
    upload_ids = [UUID(text) for text in task.input["upload_ids"]]
    result: dict[str, Any] = task.result or _new_result(task)
    first, position = task.checkpoint.get("upload", 0), task.checkpoint.get("within", {})
    for number, upload_id in enumerate(upload_ids):
        if number < first:
            continue
        upload = uploads.get_upload(upload_id)
        if upload is None:
            # Another import of the same file has read it, or its document was deleted.
            result = result | {"gone": result.get("gone", 0) + 1}
            run.hold()
            run.advance((number + 1) / len(upload_ids), {"upload": number + 1}, result)
            continue
        for items in _batches(items_of(upload, position if number == first else {})):
            read = _read(items, options, task)
            embedder = index.read_embedder(task.organization_id)
            batch = documents.prepare_documents(read.documents, read.node_ids, embedder=embedder)
            run.hold()
            result = _store(run, read, batch, options, result)
            done = (number + items[-1].fraction) / len(upload_ids)
            place = {"upload": number, "within": items[-1].position}
            run.advance(done, place, result)
        _finish_upload(run, upload, number, len(upload_ids), result)
    schedule_merge(task.organization_id)
    db.session.commit()
    if result["created"] + result["replaced"] + result.get("gone", 0) == 0:
        detail = result["errors"][0]["detail"] if result["errors"] else "The file has no lines."
        raise Invalid(f"No document could be read. {detail}")


def _new_result(task: Task) -> dict[str, Any]:
    passed_over, refused = task.input.get("passed_over", []), task.input.get("refused", [])
    errors = [{"line": 1, **error} for error in refused[:KEPT_ERRORS]]
    return {"created": 0, "replaced": 0, "failed": len(refused), "errors": errors} | (
        {"passed_over": passed_over} if passed_over else {}
    )


def _batches(items: Iterator[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    size = 0
    for item in items:
        batch.append(item)
        size += len(item.content)
        # A PDF takes seconds: what came before it should not wait for the next.
        if len(batch) == BATCH_DOCUMENTS or size >= BATCH_BYTES or item.content_type == PDF:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _read(items: list[Item], options: FileOptions, task: Task) -> Read:
    read = Read()
    bodies: list[tuple[Item, DocumentRequest]] = []
    for item in items:
        engine.check_interrupted()
        if item.is_line and not item.content.strip():
            continue
        try:
            bodies.append((item, _body_of(item, options)))
        except DomainError as error:
            read.failed.append((item, error.sentences))
        except UnicodeDecodeError:
            read.failed.append((item, "It is not UTF-8 text."))
        except ValueError as error:
            read.failed.append((item, str(error)))
    topics = documents.load_topics(
        [body for _, body in bodies],
        organization_id=task.organization_id,
        newest=task.input.get("newest_version"),
    )
    for item, body in bodies:
        try:
            node_ids = topics.find(body.version, body.nodes)
            parsed = _parse(item, body)
        except DomainError as error:
            read.failed.append((item, error.sentences))
        else:
            read.items.append(item)
            read.documents.append((body, parsed))
            read.node_ids.append(node_ids)
    read.failed.sort(key=lambda pair: pair[0].number)
    return read


def _body_of(item: Item, options: FileOptions) -> DocumentRequest:
    """What an item says of itself; Invalid or ValueError where it is no document."""
    if item.problem:
        raise ValueError(item.problem)
    if item.is_line:
        try:
            value = from_json(item.content.decode("utf-8-sig"))
        except JSONDecodeError as error:
            raise ValueError("The line is not JSON.") from error
        if not isinstance(value, dict):
            raise ValueError("The line is not a JSON object.")
        try:
            return read_json(DocumentRequest, value)
        except Invalid as error:
            raise ValueError(_in_words(error)) from error
    check_kind(item.content[:2048], item.content_type)
    is_binary = item.content_type in (PDF, DOCX)
    text = "" if is_binary else item.content.decode("utf-8-sig")
    if len(text) > MAX_CONTENT:
        raise ValueError(f"The text has more than {MAX_CONTENT:,} characters.")
    name = options.external_id if item.upload and options.external_id else item.name
    given = options.model_dump(exclude_unset=True, exclude={"external_id"})
    values = {"title": "", **given, "content": text, "external_id": name[:255]}
    return DocumentRequest.model_construct(
        _fields_set={*given, "content", "external_id"},
        **{name: field.get_default(call_default_factory=True) for name, field in _FIELDS}
        | values
        | {"content_type": item.content_type},
    )


def _in_words(error: Invalid) -> str:
    """What is wrong with a line, for whoever wrote it: "The field content is missing."."""
    sentences = {
        "missing": "The field {field} is missing.",
        "extra_forbidden": "A document has no field {field}.",
    }
    said = [
        sentences.get(item["code"], "{field}: {message}.").format(
            field=item["field"], message=item["message"].rstrip(".")
        )
        for item in error.errors[:3]
    ]
    return " ".join(said) or error.sentences


_FIELDS = [(name, field) for name, field in DocumentRequest.model_fields.items()]


def _parse(item: Item, body: DocumentRequest) -> ParsedDocument:
    if item.content_type not in (PDF, DOCX):
        return documents.parse_body(body)
    try:
        parsed = parse(item.content, item.content_type, check=engine.check_interrupted)
    except ParsingError as error:
        raise Invalid(str(error), field="content") from error
    title = body.title.strip() or parsed.title or PurePosixPath(item.name).stem
    return ParsedDocument(title[:500], parsed.text)


def _store(
    run: Run, read: Read, batch: changes.Batch, options: FileOptions, result: dict[str, Any]
) -> dict[str, Any]:
    """Store a batch in the running transaction; the result with it."""
    organization_id = run.task.organization_id
    stored = changes.store_documents(batch, organization_id=organization_id, import_id=run.task.id)
    for item, document in zip(read.items, stored.documents, strict=True):
        if not item.is_line:
            original = _original(item, run.task)
            changes.attach_original(document, original, item.content)
    kept: dict[int, str] = {}
    for item, detail in read.failed:
        if not item.is_line and item.content:
            name = options.external_id if item.upload and options.external_id else item.name
            document = changes.fail_document(_original(item, run.task), name, detail)
            document.import_id = run.task.id
            kept[item.number] = str(document.id)
    changes.announce(organization_id)
    result = result | {
        "created": result["created"] + stored.created,
        "replaced": result["replaced"] + stored.replaced,
    }
    if len(stored.documents) == 1 and not read.items[0].is_line:
        result["document_id"] = str(stored.documents[0].id)
    has_several = len(run.task.input["upload_ids"]) + len(run.task.input.get("refused", ())) > 1
    for item, detail in read.failed:
        error: dict[str, Any] = {"line": item.number, "detail": detail[:300]}
        if item.number in kept:
            error["document_id"] = kept[item.number]
        is_plain = item.is_line and not has_several
        result = _add_error(result, error if is_plain else {**error, "name": item.name})
    return result


def _original(item: Item, task: Task) -> Upload:
    if item.upload is not None:
        return item.upload
    return keep_file(task, item.name, item.content_type, item.content)


def _add_error(result: dict[str, Any], error: dict[str, Any]) -> dict[str, Any]:
    errors = [*result["errors"], error][:KEPT_ERRORS]
    return result | {"failed": result["failed"] + 1, "errors": errors}


def _finish_upload(
    run: Run, upload: Upload, number: int, count: int, result: dict[str, Any]
) -> None:
    """Go on after an upload; a collection of which documents came is no longer needed."""
    run.hold()
    if upload.content_type in COLLECTIONS and result["created"] + result["replaced"]:
        drop_upload(upload.id)
        db.session.expunge(upload)
    run.advance((number + 1) / count, {"upload": number + 1}, result)
