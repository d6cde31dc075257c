"""Proposals: topics that a document seems to be about, until somebody says so.

A proposal is in no scope and counts for nothing. It is made for documents without any topic, by
the nearness of their text to the topics' paths, and says how near they are as its confidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import delete, exists, select, update

from webapp import engine, index
from webapp.accounts import organizations
from webapp.audit import services as audit
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.arrays import np
from webapp.core.extensions import db
from webapp.documents.models import Document, DocumentNode
from webapp.documents.topics.changes import add_topics, schedule_proposals
from webapp.index.embedding import get_embedder
from webapp.taxonomies.models import Taxonomy, TaxonomyNode, sort_versions
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: below this cosine two texts have hardly anything to do with each other
MIN_COSINE = 0.25
#: a proposal is at least so near as a share of the nearest one
MIN_SHARE = 0.85
MAX_PROPOSALS = 3
#: what is read of a document's text
MAX_CHARS = 4_000
BATCH_DOCUMENTS = 100


@dataclass(frozen=True)
class _Topics:
    """The topics of a taxonomy and where they are in the embedder's space, row by row."""

    ids: list[UUID]
    vectors: NDArray[np.float32]


def propose(_key: str, *, organization_id: str) -> None:
    """The engine's job: propose topics of the highest version for documents without any."""
    organization = UUID(organization_id)
    topics = _load_topics(organization)
    if topics is None:
        return
    while True:
        rows = db.session.execute(
            select(Document.id, Document.title, Document.content)
            .where(
                Document.organization_id == organization,
                Document.status == "ready",
                Document.proposed_at.is_(None),
                ~exists().where(DocumentNode.document_id == Document.id),
            )
            .limit(BATCH_DOCUMENTS)
        ).all()
        if not rows:
            db.session.rollback()
            return
        vectors = get_embedder().embed([f"{row.title}\n{row.content[:MAX_CHARS]}" for row in rows])
        links = [
            (row.id, node_id, confidence)
            for row, vector in zip(rows, vectors, strict=True)
            for node_id, confidence in _nearest(topics, vector)
        ]
        index.lock(organization)
        still = _without_topics([row.id for row in rows])
        add_topics([link for link in links if link[0] in still], proposed=True)
        db.session.execute(
            update(Document)
            .where(Document.id.in_([row.id for row in rows]))
            .values(proposed_at=clock.now())
        )
        live.announce("documents:all", organization)
        db.session.commit()
        engine.check_interrupted()


def propose_again(*, actor: Actor) -> None:
    """Forget all proposals and make them anew; what people said stays."""
    actor.require(KNOWLEDGE_WRITE)
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
    schedule_proposals(actor.organization_id)
    organization = organizations.get_organization(actor=actor)
    audit.record(actor, "propose topics", organization)
    live.announce("documents:all", actor.organization_id)
    db.session.commit()


def _load_topics(organization_id: UUID) -> _Topics | None:
    rows = db.session.execute(
        select(Taxonomy.version, Taxonomy.id).where(Taxonomy.organization_id == organization_id)
    )
    by_version = {row.version: row.id for row in rows}
    if not by_version:
        return None
    nodes = db.session.execute(
        select(TaxonomyNode.id, TaxonomyNode.label, TaxonomyNode.canonical_path).where(
            TaxonomyNode.taxonomy_id == by_version[sort_versions(by_version)[0]]
        )
    ).all()
    # The label twice: what is above says less about a topic than its own name.
    texts = [f"{node.label} {' '.join(node.canonical_path)}" for node in nodes]
    return _Topics([node.id for node in nodes], get_embedder().embed(texts))


def _nearest(topics: _Topics, vector: NDArray[np.float32]) -> list[tuple[UUID, float]]:
    cosines = topics.vectors @ vector
    best = np.argsort(-cosines, kind="stable")[:MAX_PROPOSALS]
    limit = max(MIN_COSINE, MIN_SHARE * float(cosines[best[0]])) if len(best) else 1.0
    return [
        (topics.ids[at], round(min(float(cosines[at]), 1.0), 3))
        for at in best
        if cosines[at] >= limit
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
