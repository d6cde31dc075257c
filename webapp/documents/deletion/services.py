"""Delete documents, restore them for some time, and remove them for ever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import undefer

from webapp import index
from webapp.audit import services as audit
from webapp.core import retention
from webapp.core.actor import Actor
from webapp.core.counts import counted
from webapp.core.database.transactions import get_locked
from webapp.core.errors import Conflict
from webapp.core.extensions import db
from webapp.core.lists import Page, Paging, count_all, total_of
from webapp.documents.changes import (
    Batch,
    announce,
    as_document,
    forget_deleted,
    remove_documents,
    restore_documents,
    schedule_merge,
    taken_external_ids,
)
from webapp.documents.models import DeletedDocument, Document
from webapp.documents.reading.parsing import ParsedDocument
from webapp.documents.schemas import DocumentRequest
from webapp.documents.services import get_document, prepare_documents
from webapp.tasks import changes as tasks
from webapp.tasks.models import Task
from webapp.tasks.running import Run
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE

#: the name of the retention of deleted documents
RETENTION = "deleted documents"
TASK_TYPE = "document_restoration"
BATCH_DOCUMENTS = 50


def delete_document(document_id: UUID, *, actor: Actor) -> Document:
    """Take a document out of every read; `restore_document` brings it back for some time.

    One whose file has not been read yet is gone for ever: there is nothing to restore.
    """
    actor.require(KNOWLEDGE_WRITE)
    index.lock(actor.organization_id)
    document = get_document(document_id, actor=actor, lock=True)
    audit.record(actor, "delete", document)
    remove_documents(actor.organization_id, [document.id])
    announce(actor.organization_id)
    db.session.commit()
    return document


def restore_document(document_id: UUID, *, actor: Actor) -> Document:
    """Bring a deleted document back as it was, found by searches as soon as this returns.

    Topics that have been deleted meanwhile stay away. Raises Conflict where it is not deleted, or
    where another document has its `external_id` now; NotFound where nothing is kept of it.
    """
    actor.require(KNOWLEDGE_WRITE)
    batch = _prepare([_get_deleted(document_id, actor=actor)])
    index.lock(actor.organization_id)
    kept = _get_deleted(document_id, actor=actor, lock=True)
    if taken_external_ids([kept]):
        raise Conflict(
            f"Another document is called {kept.external_id} now.",
            code="external_id_taken",
            suggestions=["Delete that one first, and restore this one then."],
        )
    document = restore_documents([kept], batch)[0]
    audit.record(actor, "restore", document)
    announce(actor.organization_id)
    db.session.commit()
    return document


def remove_document(document_id: UUID, *, actor: Actor) -> str:
    """Forget a document with its file, deleted before or not; the title that it had."""
    actor.require(KNOWLEDGE_WRITE)
    index.lock(actor.organization_id)
    kept = _find_deleted(document_id, actor=actor, lock=True)
    if kept is None:
        document = get_document(document_id, actor=actor, lock=True)
        title = document.title
        audit.record(actor, "remove", document)
        remove_documents(actor.organization_id, [document.id])
    else:
        title = kept.title
        audit.record(actor, "remove", as_document(kept))
    forget_deleted([document_id])
    announce(actor.organization_id)
    db.session.commit()
    return title


def list_deleted(paging: Paging, *, actor: Actor) -> Page:
    """The documents that can be restored, those deleted last first."""
    statement = select(DeletedDocument).where(
        DeletedDocument.organization_id == actor.organization_id
    )
    rows = list(
        db.session.scalars(
            statement.order_by(DeletedDocument.deleted_at.desc(), DeletedDocument.id.desc())
            .limit(paging.limit)
            .offset(paging.offset)
        )
    )
    total = total_of(
        lambda: count_all(statement), len(rows), limit=paging.limit, offset=paging.offset
    )
    return Page(rows, total, paging.limit, paging.offset)


def kept_for() -> timedelta:
    """How long a deleted document can be restored."""
    return retention.kept_for(RETENTION)


def forget_old(before: datetime, limit: int) -> int:
    """The retention of deleted documents."""
    statement = select(DeletedDocument.id).where(DeletedDocument.deleted_at < before)
    ids = list(db.session.scalars(statement.order_by(DeletedDocument.deleted_at).limit(limit)))
    forget_deleted(ids)
    return len(ids)


def start_restoration(task_id: str, *, actor: Actor) -> Task:
    """Restore by a task what the task `task_id` has deleted; Conflict where nothing is left."""
    actor.require(KNOWLEDGE_WRITE)
    count = count_all(_deleted_by(task_id, actor.organization_id))
    if not count:
        raise Conflict(
            "None of these documents is left to restore: they are back, or their time is over.",
            code="not_deleted",
        )
    task = tasks.start_task(
        TASK_TYPE,
        title=f"Restore {counted(count, 'document')}",
        input={"deleted_by": task_id, "count": count},
        actor=actor,
    )
    audit.record(actor, "start", task)
    db.session.commit()
    return task


def restore_deleted(run: Run) -> None:
    """The task: a batch a commit. The result counts `documents`, and those that were `left`.

    Left is whose `external_id` another document has now, and what somebody has restored meanwhile.
    """
    task = run.task
    chosen = _deleted_by(task.input["deleted_by"], task.organization_id)
    result: dict[str, Any] = task.result or {"documents": 0, "left": 0}
    after = task.checkpoint.get("document")
    while kept := _next(chosen, after):
        batch = _prepare(kept)
        run.hold()
        index.lock(task.organization_id)
        restored = _restorable(kept)
        if len(restored) < len(kept):
            batch = _prepare(restored)
        restore_documents(restored, batch)
        announce(task.organization_id)
        after = str(kept[-1].id)
        result = {
            "documents": result["documents"] + len(restored),
            "left": result["left"] + len(kept) - len(restored),
        }
        done = result["documents"] + result["left"]
        run.advance(done / task.input["count"], {"document": after}, result)
    schedule_merge(task.organization_id)
    db.session.commit()


def _get_deleted(document_id: UUID, *, actor: Actor, lock: bool = False) -> DeletedDocument:
    kept = _find_deleted(document_id, actor=actor, lock=lock)
    if kept is None:
        document = get_document(document_id, actor=actor)
        raise Conflict(f"{document.title} is not deleted.", code="not_deleted")
    return kept


def _find_deleted(document_id: UUID, *, actor: Actor, lock: bool = False) -> DeletedDocument | None:
    statement = select(DeletedDocument).where(
        DeletedDocument.organization_id == actor.organization_id,
        DeletedDocument.id == document_id,
    )
    found: DeletedDocument | None = get_locked(statement) if lock else db.session.scalar(statement)
    return found


def _deleted_by(task_id: str, organization_id: UUID) -> Select[Any]:
    return select(DeletedDocument).where(
        DeletedDocument.organization_id == organization_id, DeletedDocument.deletion_id == task_id
    )


def _next(chosen: Select[Any], after: str | None) -> Sequence[DeletedDocument]:
    statement = chosen.order_by(DeletedDocument.id).limit(BATCH_DOCUMENTS)
    if after:
        statement = statement.where(DeletedDocument.id > UUID(after))
    return list(db.session.scalars(statement.options(undefer(DeletedDocument.content))))


def _restorable(kept: Sequence[DeletedDocument]) -> list[DeletedDocument]:
    """Those that are still deleted, and whose `external_id` no other document has."""
    ids = [row.id for row in kept]
    there = set(db.session.scalars(select(DeletedDocument.id).where(DeletedDocument.id.in_(ids))))
    taken = taken_external_ids(kept)
    return [row for row in kept if row.id in there and row.external_id not in taken]


def _prepare(kept: Sequence[DeletedDocument]) -> Batch:
    """Their passages, cut anew from the text that was read; a failed one has none."""
    items = [
        (
            DocumentRequest.model_construct(content=row.content, external_id=row.external_id),
            ParsedDocument(row.title, row.content),
        )
        for row in kept
    ]
    embedder = index.read_embedder(kept[0].organization_id) if kept else None
    return prepare_documents(items, [[]] * len(items), embedder=embedder)
