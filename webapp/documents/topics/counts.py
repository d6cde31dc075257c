"""How many documents the branches of a tree have."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from webapp.core.extensions import db
from webapp.documents.models import Document, DocumentNode
from webapp.taxonomies.actions import DocumentCount
from webapp.taxonomies.models import NodeStat, TaxonomyClosure

#: documents that are looked at to count each once; of larger branches the sums are told
MAX_COUNTED = 5_000


def count_below(node_ids: Sequence[UUID]) -> dict[UUID, DocumentCount]:
    """Ready documents about these topics or any below, each once, of those that have some.

    Of branches with very many, the sum over their topics, which counts some documents twice.
    """
    sums = {
        row[0]: (int(row[1]), row[2] == 1)
        for row in db.session.execute(
            select(TaxonomyClosure.ancestor_id, func.sum(NodeStat.document_count), func.count())
            .join(NodeStat, NodeStat.node_id == TaxonomyClosure.descendant_id)
            .where(TaxonomyClosure.ancestor_id.in_(node_ids), NodeStat.document_count > 0)
            .group_by(TaxonomyClosure.ancestor_id)
        )
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
        .join(NodeStat, NodeStat.node_id == TaxonomyClosure.descendant_id)
        .join(DocumentNode, DocumentNode.node_id == NodeStat.node_id)
        .join(Document, Document.id == DocumentNode.document_id)
        .where(
            TaxonomyClosure.ancestor_id.in_(node_ids),
            NodeStat.document_count > 0,
            DocumentNode.is_counted,
            Document.status == "ready",
        )
        .group_by(TaxonomyClosure.ancestor_id)
    )
    return {node_id: int(count) for node_id, count in rows}
