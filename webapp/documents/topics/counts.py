"""Which documents the branches of a tree have, and how many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, func, select

from webapp.core.extensions import db
from webapp.core.narrowing import Narrowing
from webapp.documents.models import Document, DocumentNode
from webapp.taxonomies.actions import DocumentCount
from webapp.taxonomies.models import NodeStat, TaxonomyClosure

#: documents that are looked at to count each once; of larger branches the sums are told
MAX_COUNTED = 5_000
#: documents and passages
Pair = tuple[int, int]


def documents_under(node_ids: Sequence[UUID] | Select[UUID]) -> Select[Any]:
    """The ids of documents in the scope of these topics or of any below them."""
    return (
        select(DocumentNode.document_id)
        .join(TaxonomyClosure, TaxonomyClosure.descendant_id == DocumentNode.node_id)
        .where(TaxonomyClosure.ancestor_id.in_(node_ids), DocumentNode.is_counted)
    )


class About(Narrowing):
    """The documents about a topic or one below it.

    PostgreSQL expects a hundredth of the documents that a branch has, and would gather them all:
    on the way through the list, each one's own topics are looked at.
    """

    def __init__(self, topic: Select[UUID]) -> None:
        super().__init__(documents_under(topic), is_whole=True)
        self._topic = topic.scalar_subquery()

    def includes(self, key: Any, *, is_walk: bool = False) -> ColumnElement[bool]:
        if not (self.is_long and is_walk):
            return super().includes(key)
        # Values, which no plan takes for a join.
        is_below = select(TaxonomyClosure.descendant_id).where(
            TaxonomyClosure.ancestor_id == self._topic,
            TaxonomyClosure.descendant_id == DocumentNode.node_id,
        )
        own = select(DocumentNode.document_id).where(
            DocumentNode.document_id == key,
            DocumentNode.is_counted,
            is_below.scalar_subquery().is_not(None),
        )
        return own.limit(1).scalar_subquery().is_not(None)


def count_under(node_ids: Sequence[UUID]) -> Pair:
    """How many documents these topics and those below have, each once, and their passages.

    It reads every document in there: for making a scope, not for showing one.
    """
    row = db.session.execute(
        select(func.count(), func.coalesce(func.sum(Document.chunk_count), 0)).where(
            Document.id.in_(documents_under(node_ids)), Document.status == "ready"
        )
    ).one()
    return int(row[0]), int(row[1])


def count_below(node_ids: Sequence[UUID]) -> dict[UUID, DocumentCount]:
    """Ready documents about these topics or any below, each once, of those that have some.

    Of branches with very many, the sum over their topics, which counts some documents twice.
    """
    # Which topics have documents is told by sums, not by a condition: before PostgreSQL has counted
    # them again, it expects that none has, and looks each of 20,000 up.
    filled = func.sum(case((NodeStat.document_count > 0, 1), else_=0))
    sums = {
        row[0]: (int(row[1]), row[2] == 1)
        for row in db.session.execute(
            select(TaxonomyClosure.ancestor_id, func.sum(NodeStat.document_count), filled)
            .join(NodeStat, NodeStat.node_id == TaxonomyClosure.descendant_id)
            .where(TaxonomyClosure.ancestor_id.in_(node_ids))
            .group_by(TaxonomyClosure.ancestor_id)
        )
        if row[2]
    }
    doubtful, looked_at = [], 0
    for node_id, (number, is_one_topic) in sorted(sums.items(), key=lambda item: item[1][0]):
        if not is_one_topic and looked_at + number <= MAX_COUNTED:
            doubtful.append(node_id)
            looked_at += number
    exact = _count_each_once(doubtful) if doubtful else {}
    return {
        node_id: DocumentCount(exact.get(node_id, number), is_one_topic or node_id in exact)
        for node_id, (number, is_one_topic) in sums.items()
    }


def _count_each_once(node_ids: Sequence[UUID]) -> dict[UUID, int]:
    rows = db.session.execute(
        select(TaxonomyClosure.ancestor_id, func.count(DocumentNode.document_id.distinct()))
        .join(DocumentNode, DocumentNode.node_id == TaxonomyClosure.descendant_id)
        .join(Document, Document.id == DocumentNode.document_id)
        .where(
            TaxonomyClosure.ancestor_id.in_(node_ids),
            DocumentNode.is_counted,
            Document.status == "ready",
        )
        .group_by(TaxonomyClosure.ancestor_id)
    )
    return {node_id: int(count) for node_id, count in rows}
