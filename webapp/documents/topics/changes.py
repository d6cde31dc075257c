"""What documents are about: references to topics resolved, links kept, counts with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from webapp import engine, index
from webapp.audit import services as audit
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.errors import Invalid, NotFound
from webapp.core.extensions import db
from webapp.documents.models import Document, DocumentNode
from webapp.taxonomies.models import (
    NodeStat,
    Scope,
    ScopeRoot,
    Taxonomy,
    TaxonomyClosure,
    TaxonomyNode,
)
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE
from webapp.taxonomies.references import select_topics

#: changes are gathered for so long before topics are proposed for documents without any
SETTLING_SECONDS = 5
#: documents and passages
Pair = tuple[int, int]


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


def set_topics(
    document: Document, node_ids: Iterable[UUID], *, confidence: float = 1.0, proposed: bool = False
) -> None:
    """Let a document be about these topics and no others; call within `recounting`."""
    db.session.execute(delete(DocumentNode).where(DocumentNode.document_id == document.id))
    db.session.expire(document, ["links"])
    add_topics([(document.id, node_id, confidence) for node_id in node_ids], proposed=proposed)


def review_proposals(
    document_ids: Sequence[UUID], *, is_accepted: bool, actor: Actor, topic: UUID | None = None
) -> list[Document]:
    """Make the proposed topics of documents their own, or take them away; or only `topic`.

    Raises NotFound where one of the documents is not there, or the topic not proposed for any.
    """
    actor.require(KNOWLEDGE_WRITE)
    statement = select(Document).where(
        Document.organization_id == actor.organization_id, Document.id.in_(document_ids)
    )
    documents = list(db.session.scalars(statement))
    missing = set(document_ids) - {document.id for document in documents}
    if missing:
        raise NotFound(f"Document not found: {sorted(missing)[0]}")
    proposed = [DocumentNode.is_proposed, DocumentNode.document_id.in_(document_ids)]
    if topic is not None:
        node_id = select_topics(actor.organization_id, [topic])
        proposed.append(DocumentNode.node_id.in_(node_id))
        if db.session.scalar(select(DocumentNode.node_id).where(*proposed).limit(1)) is None:
            raise NotFound("This topic is not proposed any more; somebody may have decided.")
    with recounting(actor.organization_id, document_ids):
        if is_accepted:
            change = update(DocumentNode).values(is_proposed=False, confidence=1.0, is_counted=True)
            db.session.execute(change.where(*proposed))
        else:
            db.session.execute(delete(DocumentNode).where(*proposed))
        index.move_scopes(actor.organization_id)
    for document in documents:
        db.session.expire(document, ["links"])
        audit.record(actor, "confirm topics" if is_accepted else "reject topics", document)
    live.announce("documents:all", actor.organization_id)
    return documents


def schedule_proposals(organization_id: UUID) -> None:
    """Have topics proposed soon after the running transaction commits, where there are any."""
    known = select(Taxonomy.id).where(Taxonomy.organization_id == organization_id).limit(1)
    if db.session.scalar(known) is None:
        return
    engine.enqueue_debounced(
        db.session(),
        "proposals",
        {"organization_id": str(organization_id)},
        seconds=SETTLING_SECONDS,
        priority=8,
    )


def lock_topics(node_ids: Sequence[UUID]) -> None:
    """Keep topics from being deleted until the transaction ends; Invalid where one has been."""
    known = (
        select(TaxonomyNode.id).where(TaxonomyNode.id.in_(node_ids)).with_for_update(key_share=True)
    )
    missing = set(node_ids) - set(db.session.scalars(known))
    if missing:
        raise Invalid(
            "A topic has been deleted meanwhile. Choose the topics again.", code="unknown_nodes"
        )


def add_topics(links: Sequence[tuple[UUID, UUID, float]], *, proposed: bool = False) -> None:
    """Add `(document, node, confidence)`; call within `recounting` unless they are proposals."""
    rows = []
    for document_id, node_id, confidence in links:
        link = DocumentNode(
            document_id=document_id, node_id=node_id, confidence=confidence, is_proposed=proposed
        )
        link.decide()
        rows.append(
            {name: getattr(link, name) for name in DocumentNode.__table__.columns.keys()}  # noqa: SIM118 - no dict
        )
    if rows:
        db.session.execute(insert(DocumentNode), rows)


def documents_under(node_ids: Sequence[UUID] | Select[UUID]) -> Select[Any]:
    """The ids of documents in the scope of these topics or of any below them."""
    return (
        select(DocumentNode.document_id)
        .join(TaxonomyClosure, TaxonomyClosure.descendant_id == DocumentNode.node_id)
        .where(TaxonomyClosure.ancestor_id.in_(node_ids), DocumentNode.is_counted)
    )


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
