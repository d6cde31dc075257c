"""Many documents at once: first how many it is about, then a task that does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select

from webapp.audit import services as audit
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.counts import counted
from webapp.core.errors import BadReference, Invalid
from webapp.core.extensions import db
from webapp.documents import changes
from webapp.documents import services as documents
from webapp.documents.bulk.schemas import BulkRequest
from webapp.documents.changes import schedule_merge
from webapp.documents.models import Document
from webapp.tasks import changes as tasks
from webapp.tasks.models import Task
from webapp.tasks.running import Run
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE
from webapp.taxonomies.references import Topics

TASK_TYPE = "document_bulk"
BATCH_DOCUMENTS = 200
#: titles that a preview lists
MAX_TITLES = 100

TITLES = {
    "delete": "Delete {}",
    "set_topics": "Set the topics of {}",
    "add_topics": "Add topics to {}",
}


@dataclass(frozen=True)
class Preview:
    """How many documents it is about, with the newest of them."""

    document_count: int
    titles: list[str]


def preview_bulk(body: BulkRequest, *, actor: Actor) -> Preview:
    """What `start_bulk` would be about. Raises what it raises; changes nothing."""
    actor.require(KNOWLEDGE_WRITE)
    _resolve(body, actor)
    chosen = _chosen(body, actor.organization_id, clock.now())
    newest = chosen.order_by(Document.created_at.desc(), Document.id).limit(MAX_TITLES)
    titles = db.session.scalars(newest.with_only_columns(Document.title))
    return Preview(_count(body, chosen), list(titles))


def start_bulk(body: BulkRequest, *, actor: Actor) -> Task:
    """Delete documents, or say what they are about, by a task.

    It is about the documents that are there now. Raises BadReference on unknown documents and
    topics, Invalid where no document matches.
    """
    actor.require(KNOWLEDGE_WRITE)
    node_ids, moment = _resolve(body, actor), clock.now()
    count = _count(body, _chosen(body, actor.organization_id, moment))
    if not count:
        raise Invalid("No document matches, so there is nothing to do.", code="nothing_chosen")
    task = tasks.start_task(
        TASK_TYPE,
        title=TITLES[body.action].format(counted(count, "document")),
        input={
            "body": body.model_dump(mode="json"),
            "node_ids": [str(node_id) for node_id in node_ids],
            "until": clock.iso(moment),
            "count": count,
        },
        actor=actor,
    )
    audit.record(actor, "start", task)
    db.session.commit()
    return task


def change_documents(run: Run) -> None:
    """The task: a batch a commit, in the order of ids. The result counts `documents`.

    Raises Invalid where a topic has been deleted meanwhile; what was done before stays.
    Documents that are deleted meanwhile are left out, and counted in `gone`.
    """
    task = run.task
    body = BulkRequest.model_validate(task.input["body"])
    node_ids = [UUID(text) for text in task.input["node_ids"]]
    until = datetime.fromisoformat(task.input["until"])
    chosen = _chosen(body, task.organization_id, until).with_only_columns(Document.id)
    result: dict[str, Any] = task.result or {"documents": 0}
    after = task.checkpoint.get("document")
    while batch := _next(chosen, after):
        run.hold()
        there = len(batch)
        if body.action == "delete":
            changes.remove_documents(task.organization_id, batch, deletion_id=task.id)
        else:
            there = changes.assign_topics(
                task.organization_id,
                batch,
                node_ids,
                confidence=body.confidence,
                is_addition=body.action == "add_topics",
            )
        changes.announce(task.organization_id)
        after = str(batch[-1])
        gone = result.get("gone", 0) + len(batch) - there
        result = {"documents": result["documents"] + there} | ({"gone": gone} if gone else {})
        done = result["documents"] + gone
        run.advance(done / task.input["count"], {"document": after}, result)
    if body.action == "delete":
        schedule_merge(task.organization_id)
        db.session.commit()


def _resolve(body: BulkRequest, actor: Actor) -> list[UUID]:
    topics = Topics(actor.organization_id)
    topics.load(body.version, body.nodes)
    return topics.find(body.version, body.nodes)


def _chosen(body: BulkRequest, organization_id: UUID, until: datetime) -> Select[Any]:
    """The documents it is about; those that came after `until` are not meant."""
    if body.filter is not None:
        statement = documents.select_matching(body.filter, organization_id)
    else:
        statement = select(Document).where(
            Document.organization_id == organization_id, Document.id.in_(body.ids or [])
        )
    return statement.where(Document.created_at <= until)


def _count(body: BulkRequest, chosen: Select[Any]) -> int:
    """How many there are; BadReference where one of the given ids is not."""
    if body.ids is None:
        counted = select(func.count()).select_from(chosen.order_by(None).subquery())
        return db.session.scalar(counted) or 0
    chosen_ids = set(body.ids)
    missing = chosen_ids - set(db.session.scalars(chosen.with_only_columns(Document.id)))
    if missing:
        names = sorted(map(str, missing))
        raise BadReference(
            f"There are no documents {', '.join(names[:20])}.",
            code="unknown_documents",
            field="ids",
            extras={"invalid": names},
        )
    return len(chosen_ids)


def _next(chosen: Select[Any], after: str | None) -> Sequence[UUID]:
    statement = chosen.order_by(Document.id).limit(BATCH_DOCUMENTS)
    if after:
        statement = statement.where(Document.id > UUID(after))
    return list(db.session.scalars(statement))
