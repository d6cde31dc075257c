"""Proposals: topics that a document seems to be about, until somebody says so.

A proposal is in no scope and counts for nothing. It is made for documents without any topic whose
title or text names the topic, or is so near to the topic's path that it is hardly chance; it says
how near they are as its confidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, select, update

from webapp import engine, index
from webapp.accounts import organizations
from webapp.audit import services as audit
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.arrays import np
from webapp.core.errors import Conflict
from webapp.core.extensions import db
from webapp.documents.models import Document, DocumentNode
from webapp.documents.topics.changes import add_topics
from webapp.index.analysis import analyze
from webapp.index.embedding import get_embedder
from webapp.tasks import changes as tasks
from webapp.tasks.models import Status, Task
from webapp.tasks.running import Run
from webapp.taxonomies.models import Taxonomy, TaxonomyNode, sort_versions
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE

if TYPE_CHECKING:
    from numpy.typing import NDArray

TASK_TYPE = "topic_proposals"
#: a proposal is at least so near as a share of the nearest one
MIN_SHARE = 0.85
MAX_PROPOSALS = 3
#: a longer label is a sentence, which texts do not repeat word by word
MAX_LABEL_TERMS = 8
#: what is read of a document's text
MAX_CHARS = 4_000
BATCH_DOCUMENTS = 100


@dataclass(frozen=True)
class _Batch:
    """Documents that were looked at, and the `(document, node, confidence)` to propose."""

    document_ids: list[UUID]
    links: list[tuple[UUID, UUID, float]]


@dataclass(frozen=True)
class _Topics:
    """The topics of a taxonomy and where they are in the embedder's space, row by row.

    `named` has the rows of the topics whose label consists of these terms.
    """

    version: str
    ids: list[UUID]
    vectors: NDArray[np.float32]
    named: dict[tuple[str, ...], list[int]]

    def find(self, text: str) -> list[int]:
        """The rows of the topics that a text names: their whole label, in whatever form."""
        terms = analyze(text)
        lengths = range(1, max(map(len, self.named), default=0) + 1)
        phrases = {
            tuple(terms[at : at + length])
            for length in lengths
            for at in range(len(terms) - length + 1)
        }
        return [row for phrase in phrases & self.named.keys() for row in self.named[phrase]]


def propose(_key: str, *, organization_id: str) -> None:
    """The engine's job: propose topics of the highest version for documents without any."""
    organization = UUID(organization_id)
    topics = _load_topics(organization)
    while topics and (batch := _find(organization, topics)).document_ids:
        _write(organization, batch)
        db.session.commit()
        engine.check_interrupted()
    db.session.rollback()


def propose_anew(run: Run) -> None:
    """The task: what the job does, until there are no more documents without a topic.

    The result counts `documents` that were looked at and those `proposed` for; topics are of the
    `version` of the taxonomy, None where there is none.
    """
    organization = run.task.organization_id
    topics = _load_topics(organization)
    result = run.task.result or {"documents": 0, "proposed": 0}
    result = result | {"version": topics.version if topics else None}
    while topics and (batch := _find(organization, topics)).document_ids:
        run.hold()
        proposed = result["proposed"] + _write(organization, batch)
        documents = result["documents"] + len(batch.document_ids)
        result = result | {"documents": documents, "proposed": proposed}
        run.advance(documents / max(run.task.input["count"], documents), {}, result)
    db.session.rollback()
    run.hold()
    run.advance(1.0, {}, result)


def tell_of_end(task: Task) -> None:
    """Let lists that say "still proposing" say what came of it."""
    index.move_revision(task.organization_id)
    live.announce("documents:all", task.organization_id)


def find_running(*, actor: Actor) -> Task | None:
    """The task that proposes topics anew; None where none does."""
    return db.session.scalar(
        select(Task)
        .where(
            Task.organization_id == actor.organization_id,
            Task.task_type == TASK_TYPE,
            Task.status.in_((Status.PENDING, Status.RUNNING)),
        )
        .order_by(Task.created_at.desc())
        .limit(1)
    )


def propose_again(*, actor: Actor) -> Task:
    """Forget all proposals and make them anew, by a task; what people said stays.

    Raises Conflict where that is under way.
    """
    actor.require(KNOWLEDGE_WRITE)
    index.lock(actor.organization_id)
    if find_running(actor=actor):
        db.session.rollback()
        raise Conflict("Topics are being proposed already.", code="proposing")
    own_documents = select(Document.id).where(Document.organization_id == actor.organization_id)
    db.session.execute(
        delete(DocumentNode)
        .where(DocumentNode.is_proposed, DocumentNode.document_id.in_(own_documents))
        .execution_options(synchronize_session=False)
    )
    db.session.execute(
        update(Document)
        .where(Document.organization_id == actor.organization_id)
        .values(proposed_at=None)
        .execution_options(synchronize_session=False)
    )
    waiting = select(func.count()).where(*_waits(actor.organization_id))
    task = tasks.start_task(
        TASK_TYPE,
        title="Propose topics again",
        input={"count": db.session.scalar(waiting)},
        actor=actor,
    )
    organization = organizations.get_organization(actor=actor)
    audit.record(actor, "propose topics", organization)
    index.move_revision(actor.organization_id)
    live.announce("documents:all", actor.organization_id)
    db.session.commit()
    return task


def _waits(organization_id: UUID) -> tuple[ColumnElement[bool], ...]:
    """What is true of documents that topics are still to be proposed for."""
    return (
        Document.organization_id == organization_id,
        Document.status == "ready",
        Document.proposed_at.is_(None),
        ~exists().where(DocumentNode.document_id == Document.id),
    )


def _find(organization_id: UUID, topics: _Topics) -> _Batch:
    """What to propose for the next documents; of none where all have been looked at."""
    columns = select(Document.id, Document.title, Document.content)
    rows = db.session.execute(columns.where(*_waits(organization_id)).limit(BATCH_DOCUMENTS)).all()
    if not rows:
        return _Batch([], [])
    embedder = get_embedder()
    texts = [f"{row.title}\n{row.content[:MAX_CHARS]}" for row in rows]
    vectors = embedder.embed(texts)
    links = [
        (row.id, node_id, confidence)
        for row, text, vector in zip(rows, texts, vectors, strict=True)
        for node_id, confidence in _nearest(topics, row.title, text, vector, embedder.related_from)
    ]
    return _Batch([row.id for row in rows], links)


def _write(organization_id: UUID, batch: _Batch) -> int:
    """Add the proposals for documents that still have no topic; says for how many."""
    index.lock(organization_id)
    still = _without_topics(batch.document_ids)
    links = [link for link in batch.links if link[0] in still]
    add_topics(links, is_proposed=True)
    db.session.execute(
        update(Document).where(Document.id.in_(batch.document_ids)).values(proposed_at=clock.now())
    )
    index.move_revision(organization_id)
    live.announce("documents:all", organization_id)
    return len({link[0] for link in links})


def _load_topics(organization_id: UUID) -> _Topics | None:
    rows = db.session.execute(
        select(Taxonomy.version, Taxonomy.id).where(Taxonomy.organization_id == organization_id)
    )
    by_version = {row.version: row.id for row in rows}
    if not by_version:
        return None
    version = sort_versions(by_version)[0]
    nodes = db.session.execute(
        select(TaxonomyNode.id, TaxonomyNode.label, TaxonomyNode.canonical_path).where(
            TaxonomyNode.taxonomy_id == by_version[version]
        )
    ).all()
    # The label twice: what is above says less about a topic than its own name.
    texts = [f"{node.label} {' '.join(node.canonical_path)}" for node in nodes]
    named: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, node in enumerate(nodes):
        terms = tuple(analyze(node.label))
        # A label of numbers and single letters would be found in every text.
        if len(terms) <= MAX_LABEL_TERMS and any(
            len(term) > 1 and term.isalpha() for term in terms
        ):
            named[terms].append(row)
    vectors = get_embedder().embed(texts)
    return _Topics(version, [node.id for node in nodes], vectors, dict(named))


def _nearest(
    topics: _Topics, title: str, text: str, vector: NDArray[np.float32], related_from: float
) -> list[tuple[UUID, float]]:
    """The nearest topics and how near they are (0…1), the nearest first.

    One that the text names is nearer than its cosine, and one that the title names nearer still.
    """
    cosines = (topics.vectors @ vector).clip(0, 1)
    scores = np.where(cosines >= related_from, cosines, 0)
    for named, share in ((topics.find(text), 2), (topics.find(title), 3)):
        scores[named] = (cosines[named] + share - 1) / share
    best = np.argsort(-scores, kind="stable")[:MAX_PROPOSALS]
    return [
        (topics.ids[at], round(min(float(scores[at]), 1.0), 3))
        for at in best
        if scores[at] > 0 and scores[at] >= MIN_SHARE * scores[best[0]]
    ]


def _without_topics(document_ids: Sequence[UUID]) -> set[UUID]:
    """Those that are still there and that nobody gave a topic meanwhile."""
    return set(
        db.session.scalars(
            select(Document.id).where(
                Document.id.in_(document_ids),
                ~exists().where(DocumentNode.document_id == Document.id),
            )
        )
    )
