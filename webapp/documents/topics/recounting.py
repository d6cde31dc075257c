"""What documents add to topics and scopes: kept by differences, or counted from the beginning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, literal, select, update

from webapp import index
from webapp.core import clock, live
from webapp.core.extensions import db
from webapp.documents.models import Document, DocumentNode
from webapp.documents.topics.counts import Pair, count_under
from webapp.taxonomies.models import (
    NodeStat,
    Scope,
    ScopeRoot,
    Taxonomy,
    TaxonomyClosure,
    TaxonomyNode,
)


@dataclass
class Counts:
    """What documents add to topics and to scopes."""

    nodes: dict[UUID, Pair] = field(default_factory=dict)
    scopes: dict[UUID, Pair] = field(default_factory=dict)


@contextmanager
def recounting(organization_id: UUID, document_ids: Sequence[UUID]) -> Iterator[None]:
    """Keep the counts of topics and scopes true to what the block does to these documents.

    Locks the index of the organization, which every such change holds to its end, so that the
    counts are those of a single writer. Documents that are new inside may be appended.
    """
    index.lock(organization_id)
    db.session.flush()
    before = _counts(document_ids)
    yield
    db.session.flush()
    _add(_differences(before, _counts(document_ids)))


def recount_scopes_of(taxonomy: Taxonomy) -> None:
    """Write the counts of a taxonomy's scopes anew, because its topics hang elsewhere."""
    recount_scopes(Scope.taxonomy_id == taxonomy.id)
    live.announce("documents:all", taxonomy.organization_id)


def recount_scopes(condition: ColumnElement[bool]) -> None:
    """Count the scopes that meet `condition` from the beginning, after their topics moved."""
    roots: dict[UUID, list[UUID]] = {
        scope_id: [] for scope_id in db.session.scalars(select(Scope.id).where(condition))
    }
    rows = db.session.execute(
        select(ScopeRoot.scope_id, ScopeRoot.node_id)
        .join(Scope, Scope.id == ScopeRoot.scope_id)
        .where(condition)
    )
    for row in rows:
        roots[row.scope_id].append(row.node_id)
    for scope_id, node_ids in roots.items():
        documents, chunks = count_under(node_ids)
        db.session.execute(
            update(Scope)
            .where(Scope.id == scope_id)
            .values(document_count=documents, chunk_count=chunks, changed_at=clock.now())
        )


def recount_nodes(organization_id: UUID) -> None:
    """Write the counts of all topics of an organization anew, from the links."""
    counted = (
        select(
            DocumentNode.node_id,
            func.count().label("documents"),
            func.sum(Document.chunk_count).label("chunks"),
        )
        .join(Document, Document.id == DocumentNode.document_id)
        .where(
            Document.organization_id == organization_id,
            Document.status == "ready",
            DocumentNode.is_counted,
        )
        .group_by(DocumentNode.node_id)
        .cte("counted")
    )
    node_ids = select(TaxonomyNode.id).where(TaxonomyNode.organization_id == organization_id)
    own = counted.c.node_id == NodeStat.node_id
    documents = select(counted.c.documents).where(own).scalar_subquery()
    chunks = select(counted.c.chunks).where(own).scalar_subquery()
    db.session.execute(
        update(NodeStat)
        .where(NodeStat.node_id.in_(node_ids))
        .values(document_count=func.coalesce(documents, 0), chunk_count=func.coalesce(chunks, 0))
        .execution_options(synchronize_session=False)
    )


def topic_totals(organization_id: UUID) -> tuple[dict[UUID, Pair], dict[UUID, Pair]]:
    """The counts of all topics and scopes of an organization, from the links; for checking."""
    document_ids = select(Document.id).where(Document.organization_id == organization_id)
    counts = _counts_where(DocumentNode.document_id.in_(document_ids))
    return counts.nodes, counts.scopes


def _counts(document_ids: Sequence[UUID]) -> Counts:
    if not document_ids:
        return Counts()
    return _counts_where(DocumentNode.document_id.in_(document_ids))


def _counts_where(condition: ColumnElement[bool]) -> Counts:
    links = (
        select(
            DocumentNode.node_id,
            DocumentNode.document_id,
            Document.chunk_count,
        )
        .join(Document, Document.id == DocumentNode.document_id)
        .where(
            condition,
            DocumentNode.is_counted,
            Document.status == "ready",
        )
        .subquery()
    )
    by_node = select(links.c.node_id, func.count(), func.sum(links.c.chunk_count)).group_by(
        links.c.node_id
    )
    in_scopes = (
        select(ScopeRoot.scope_id, links.c.document_id, links.c.chunk_count)
        .join(TaxonomyClosure, TaxonomyClosure.descendant_id == links.c.node_id)
        .join(ScopeRoot, ScopeRoot.node_id == TaxonomyClosure.ancestor_id)
        .distinct()
        .subquery()
    )
    by_scope = select(
        in_scopes.c.scope_id, func.count(), func.sum(in_scopes.c.chunk_count)
    ).group_by(in_scopes.c.scope_id)
    return Counts(
        nodes={row[0]: (int(row[1]), int(row[2])) for row in db.session.execute(by_node)},
        scopes={row[0]: (int(row[1]), int(row[2])) for row in db.session.execute(by_scope)},
    )


def _differences(before: Counts, after: Counts) -> Counts:
    return Counts(
        nodes=_minus(after.nodes, before.nodes), scopes=_minus(after.scopes, before.scopes)
    )


def _minus(after: dict[UUID, Pair], before: dict[UUID, Pair]) -> dict[UUID, Pair]:
    none = (0, 0)
    changes = {
        key: (
            after.get(key, none)[0] - before.get(key, none)[0],
            after.get(key, none)[1] - before.get(key, none)[1],
        )
        for key in after.keys() | before.keys()
    }
    return {key: change for key, change in sorted(changes.items()) if change != none}


def _add(changes: Counts) -> None:
    if changes.nodes:
        table = NodeStat.__table__.c
        db.session.connection().execute(
            update(NodeStat.__table__)  # type: ignore[arg-type]  # it is a Table
            .where(table.node_id == bindparam("node"))
            .values(
                document_count=table.document_count + bindparam("documents"),
                chunk_count=table.chunk_count + bindparam("chunks"),
            ),
            [
                {"node": node_id, "documents": documents, "chunks": chunks}
                for node_id, (documents, chunks) in changes.nodes.items()
            ],
        )
    for scope_id, (documents, chunks) in changes.scopes.items():
        db.session.execute(
            update(Scope)
            .where(Scope.id == scope_id)
            .values(
                document_count=Scope.document_count + literal(documents),
                chunk_count=Scope.chunk_count + literal(chunks),
                changed_at=clock.now(),
            )
            .execution_options(synchronize_session=False)
        )
