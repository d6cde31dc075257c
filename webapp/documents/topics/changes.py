"""What documents are about: links to topics set, proposed, confirmed and taken away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import delete, insert, select, update

from webapp import engine, index
from webapp.audit import services as audit
from webapp.core import live
from webapp.core.actor import Actor
from webapp.core.errors import Invalid, NotFound
from webapp.core.extensions import db
from webapp.documents.models import Document, DocumentNode
from webapp.documents.topics.recounting import recounting
from webapp.taxonomies.models import Taxonomy, TaxonomyNode
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE
from webapp.taxonomies.references import select_topics

#: changes are gathered for so long before topics are proposed for documents without any
SETTLING_SECONDS = 5


def set_topics(document: Document, node_ids: Iterable[UUID], *, confidence: float = 1.0) -> None:
    """Let a document be about these topics and no others; call within `recounting`."""
    db.session.execute(delete(DocumentNode).where(DocumentNode.document_id == document.id))
    db.session.expire(document, ["links"])
    add_topics([(document.id, node_id, confidence) for node_id in node_ids])


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


def add_topics(links: Sequence[tuple[UUID, UUID, float]], *, is_proposed: bool = False) -> None:
    """Add `(document, node, confidence)`; call within `recounting` unless they are proposals."""
    rows = []
    for document_id, node_id, confidence in links:
        link = DocumentNode(
            document_id=document_id, node_id=node_id, confidence=confidence, is_proposed=is_proposed
        )
        link.decide()
        rows.append(
            {name: getattr(link, name) for name in DocumentNode.__table__.columns.keys()}  # noqa: SIM118 - no dict
        )
    if rows:
        db.session.execute(insert(DocumentNode), rows)
