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
from webapp.index.analysis import analyze
from webapp.index.embedding import Embedder, get_embedder
from webapp.taxonomies.models import Taxonomy, TaxonomyNode, sort_versions
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: a proposal is at least so near as a share of the nearest one
MIN_SHARE = 0.85
MAX_PROPOSALS = 3
#: a longer label is a sentence, which texts do not repeat word by word
MAX_LABEL_TERMS = 8
#: what is read of a document's text
MAX_CHARS = 4_000
BATCH_DOCUMENTS = 100


@dataclass(frozen=True)
class _Topics:
    """The topics of a taxonomy and where they are in the embedder's space, row by row.

    `named` has the rows of the topics whose label consists of these terms.
    """

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
    embedder = get_embedder()
    topics = _load_topics(organization, embedder)
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
        texts = [f"{row.title}\n{row.content[:MAX_CHARS]}" for row in rows]
        vectors = embedder.embed(texts)
        links = [
            (row.id, node_id, confidence)
            for row, text, vector in zip(rows, texts, vectors, strict=True)
            for node_id, confidence in _nearest(
                topics, row.title, text, vector, embedder.related_from
            )
        ]
        index.lock(organization)
        still = _without_topics([row.id for row in rows])
        add_topics([link for link in links if link[0] in still], is_proposed=True)
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


def _load_topics(organization_id: UUID, embedder: Embedder) -> _Topics | None:
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
    named: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, node in enumerate(nodes):
        terms = tuple(analyze(node.label))
        # A label of numbers and single letters would be found in every text.
        if len(terms) <= MAX_LABEL_TERMS and any(
            len(term) > 1 and term.isalpha() for term in terms
        ):
            named[terms].append(row)
    return _Topics([node.id for node in nodes], embedder.embed(texts), dict(named))


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
