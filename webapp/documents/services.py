"""Documents: stored, replaced, listed, changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, asc, desc, select
from sqlalchemy.orm import selectinload

from webapp import index
from webapp.audit import services as audit
from webapp.core import clock, matching, narrowing, tallies
from webapp.core.actor import Actor
from webapp.core.database.sql import is_among, not_by_index
from webapp.core.database.transactions import get_locked
from webapp.core.errors import Invalid, NotFound
from webapp.core.extensions import db
from webapp.core.lists import Page, count_all, total_of
from webapp.core.narrowing import Narrowing
from webapp.core.texts import Sought
from webapp.documents.changes import (
    Batch,
    Item,
    add_chunks,
    announce,
    fill_document,
    remove_chunks,
    store_documents,
)
from webapp.documents.models import (
    DeletedDocument,
    Document,
    DocumentNode,
    DocumentStatus,
    DocumentText,
)
from webapp.documents.reading.chunking import chunk_text
from webapp.documents.reading.parsing import ParsedDocument, ParsingError, parse
from webapp.documents.schemas import (
    DocumentChanges,
    DocumentFilter,
    DocumentQuery,
    DocumentRequest,
    FileOptions,
)
from webapp.documents.topics.changes import review_proposals, set_topics
from webapp.documents.topics.counts import About
from webapp.documents.topics.recounting import recounting
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE
from webapp.taxonomies.references import Topics, select_topics

#: a page that begins after so many rows is far down
FAR = 500
#: titles that a suggestion compares
RECENT_COUNT = 500


def create_document(body: DocumentRequest, *, actor: Actor) -> Document:
    """Store one document, found by searches as soon as this returns.

    The same `external_id` replaces the earlier document, which keeps its topics where the body
    names none. Raises Invalid where the content cannot be read, BadReference on unknown topics.
    """
    actor.require(KNOWLEDGE_WRITE)
    topics = load_topics([body], organization_id=actor.organization_id)
    node_ids = topics.find(body.version, body.nodes)
    embedder = index.read_embedder(actor.organization_id)
    batch = prepare_documents([(body, parse_body(body))], [node_ids], embedder=embedder)
    stored = store_documents(batch, organization_id=actor.organization_id)
    document = stored.documents[0]
    audit.record(actor, "replace" if stored.replaced else "create", document)
    announce(actor.organization_id)
    db.session.commit()
    return document


def parse_body(body: DocumentRequest) -> ParsedDocument:
    """Title and text of a document body; Invalid says what is wrong with the content."""
    try:
        parsed = parse(body.content, body.content_type)
    except ParsingError as error:
        raise Invalid(str(error), field="content") from error
    title = (body.title.strip() or parsed.title or "Untitled")[:500]
    return ParsedDocument(title=title, text=parsed.text)


def load_topics(
    bodies: Sequence[DocumentRequest | FileOptions],
    *,
    organization_id: UUID,
    newest: str | None = None,
) -> Topics:
    """The topics that these bodies name, looked up together; see `Topics` for `newest`."""
    topics = Topics(organization_id, newest=newest)
    for version in {body.version for body in bodies}:
        named = [node for body in bodies if body.version == version for node in body.nodes]
        topics.load(version, named)
    return topics


def prepare_documents(
    items: Sequence[Item], node_ids: Sequence[list[UUID]], *, embedder: str | None = None
) -> Batch:
    """Everything about storing documents that needs no database, and so holds no lock.

    `embedder` names that of the organization's index, where it may be another than the
    installation's.
    """
    last = {body.external_id: at for at, (body, _) in enumerate(items) if body.external_id}
    pieces = {
        at: chunk_text(parsed.text, parsed.title)
        for at, (body, parsed) in enumerate(items)
        if last.get(body.external_id or "", at) == at
    }
    texts = [
        indexed_text(items[at][1].title, piece.heading_path, piece.text)
        for at, cut in pieces.items()
        for piece in cut
    ]
    return Batch(items, node_ids, pieces, index.prepare_entries(texts, embedder=embedder))


def indexed_text(title: str, heading_path: Sequence[str], text: str) -> index.IndexedText:
    """What is searched of a passage."""
    return index.IndexedText(title=title, text=" ".join([*heading_path, text]))


def get_document(document_id: UUID, *, actor: Actor, lock: bool = False) -> Document:
    statement = select(Document).where(
        Document.organization_id == actor.organization_id, Document.id == document_id
    )
    document: Document | None = get_locked(statement) if lock else db.session.scalar(statement)
    if document is None:
        raise _not_there(document_id, actor)
    return document


class DocumentDeleted(NotFound):
    """The document is not there because it was deleted; who may delete can bring it back."""

    def __init__(
        self, document: DeletedDocument, *, told: Sequence[str], can_restore: bool
    ) -> None:
        super().__init__(
            f"Document not found: {document.id}",
            suggestions=told,
            api_suggestions=[f"POST /api/v1/documents/{document.id}/restore brings it back."]
            if can_restore
            else [],
        )
        self.document = document


def _not_there(document_id: UUID, actor: Actor) -> NotFound:
    """Why there is no such document, as far as the actor may know."""
    statement = select(DeletedDocument).where(
        DeletedDocument.organization_id == actor.organization_id, DeletedDocument.id == document_id
    )
    deleted = db.session.scalar(statement)
    told = audit.describe_deletion(
        "document", subject_id=str(document_id), actor=actor, is_for_good=deleted is None
    )
    if deleted is None:
        return NotFound(f"Document not found: {document_id}", suggestions=told)
    return DocumentDeleted(deleted, told=told, can_restore=actor.may(KNOWLEDGE_WRITE))


#: the column of each word of `sort`
ORDERS = {"title": "title_key", "updated_at": "updated_at", "created_at": "created_at"}


def list_documents(query: DocumentQuery, *, actor: Actor) -> Page:
    """One page of the organization's documents, newest first where nothing else is asked for."""
    narrowings = _narrow(query, actor.organization_id)
    # Far down, all of a branch are gathered sooner than met one by one on the way.
    is_walk = query.node is None or query.offset <= FAR
    statement = _select(query, narrowings, actor.organization_id, is_walk=is_walk)
    # Found and sorted by an index alone; then only the rows of the page are read.
    ordered = asc if query.sort == query.sort.lstrip("-") else desc
    order = getattr(Document, ORDERS[query.sort.lstrip("-")])
    page = (
        statement.with_only_columns(Document.id, order.label("order"))
        .order_by(ordered(order), ordered(Document.id))
        .limit(query.limit)
        .offset(query.offset)
        .subquery()
    )
    rows = (
        select(Document)
        .join(page, Document.id == page.c.id)
        .order_by(ordered(page.c.order), ordered(page.c.id))
        .options(selectinload(Document.links))
    )
    documents = list(db.session.scalars(rows))

    def count() -> int:
        return _count(query, narrowings, actor=actor)

    total = total_of(count, len(documents), limit=query.limit, offset=query.offset)
    return Page(documents, total, query.limit, query.offset)


def suggest_documents(typed: str, *, limit: int, actor: Actor) -> list[Document]:
    """The documents that somebody may mean, best first, at the cost of a bounded look.

    Sought among the newest, and among all by the external id. Without words: the newest.
    """
    names = select(Document.id, Document.title, Document.external_id).where(
        Document.organization_id == actor.organization_id
    )
    newest = names.order_by(Document.created_at.desc(), Document.id.desc())
    looks = [newest.limit(RECENT_COUNT if typed else limit)]
    if typed:
        looks.append(names.where(Document.external_id == typed))
    rows = {row.id: row for look in looks for row in db.session.execute(look)}
    found = matching.best(
        typed, rows.values(), lambda row: (row.title, row.external_id or ""), limit=limit
    )
    chosen = select(Document).where(is_among(Document.id, [row.id.hex for row in found]))
    documents = {document.id: document for document in db.session.scalars(chosen)}
    return [documents[row.id] for row in found if row.id in documents]


def select_matching(query: DocumentFilter, organization_id: UUID) -> Select[Any]:
    """The organization's documents that the list's filters find."""
    return _select(query, _narrow(query, organization_id), organization_id)


def _narrow(query: DocumentFilter, organization_id: UUID) -> list[Narrowing]:
    """The documents that the filters find by their topics and texts."""
    narrowings: list[Narrowing] = []
    if query.node:
        narrowings.append(About(select_topics(organization_id, [query.node])))
    if query.proposed:
        narrowings.append(
            Narrowing(select(DocumentNode.document_id).where(DocumentNode.is_proposed))
        )
    if query.task:
        imported = select(Document.id).where(
            Document.organization_id == organization_id, Document.import_id == query.task
        )
        narrowings.append(Narrowing(imported, is_whole=True))
    if query.q.strip():
        narrowings.append(Sought(DocumentText, query.q.strip(), organization_id))
    return narrowings


def _count(query: DocumentFilter, narrowings: Sequence[Narrowing], *, actor: Actor) -> int:
    """How many documents the filters find.

    Of a status that few have, or all but few, those few alone are looked at.
    """
    organization_id = actor.organization_id
    if not narrowings:
        return count_documents(query.status, actor=actor)
    alone = narrowings[0] if len(narrowings) == 1 and narrowings[0].is_whole else None
    if query.status is None:
        known = alone.count() if alone else narrowing.count_common(narrowings)
        if known is not None:
            return known
        return count_all(_select(query, narrowings, organization_id))
    having = count_documents(query.status, actor=actor)
    if having <= narrowing.MANY:
        return count_all(_select(query, narrowings, organization_id, is_walk=True))
    if alone and count_documents(actor=actor) - having <= narrowing.MANY:
        rest = _select(query, narrowings, organization_id, is_walk=True, has_status=False)
        return alone.count() - count_all(rest)
    return count_all(_select(query, narrowings, organization_id))


def _select(
    query: DocumentFilter,
    narrowings: Sequence[Narrowing],
    organization_id: UUID,
    *,
    is_walk: bool = False,
    has_status: bool = True,
) -> Select[Any]:
    """The organization's documents that the filters find; or would find, but for their status."""
    owner: Any = Document.organization_id
    if any(found.is_short for found in narrowings):
        owner = not_by_index(owner)
    statement = select(Document).where(owner == organization_id)
    statement = statement.where(
        *(found.includes(Document.id, is_walk=is_walk) for found in narrowings)
    )
    if query.status:
        others = [of for of in DocumentStatus if of != query.status]
        is_wanted = Document.status == query.status if has_status else Document.status.in_(others)
        statement = statement.where(is_wanted)
    return statement


def update_document(document_id: UUID, changes: DocumentChanges, *, actor: Actor) -> Document:
    """Change what `changes` gives; a new title or text is cut and indexed again.

    Raises Invalid where the content cannot be read, BadReference on unknown topics.
    """
    actor.require(KNOWLEDGE_WRITE)
    given = changes.model_fields_set
    topics = Topics(actor.organization_id)
    topics.load(changes.version, changes.nodes)
    node_ids = topics.find(changes.version, changes.nodes)
    document = get_document(document_id, actor=actor)
    batch = _prepare_again(document, changes) if given & {"title", "content"} else None
    index.lock(actor.organization_id)
    document = get_document(document_id, actor=actor, lock=True)
    with recounting(actor.organization_id, [document.id]):
        if batch is not None:
            remove_chunks(actor.organization_id, [document.id])
            was = document.file_size, document.checksum
            fill_document(document, *batch.items[0])
            if "content" not in given:
                document.file_size, document.checksum = was
            add_chunks(actor.organization_id, batch, [document])
        if "source_url" in given:
            document.source_url = changes.source_url
        if "metadata" in given:
            document.document_metadata = changes.metadata
            index.move_scopes(actor.organization_id)
        if "nodes" in given:
            set_topics(document, node_ids, confidence=changes.confidence)
            if not node_ids:
                document.proposed_at = None  # as for a new one without topics, some are proposed
            index.move_scopes(actor.organization_id)
        document.updated_at = clock.now()
    audit.record(actor, "update", document, fields=sorted(given))
    announce(actor.organization_id)
    db.session.commit()
    return document


def review_topics(
    document_ids: Sequence[UUID], *, is_accepted: bool, actor: Actor, topic: UUID | None = None
) -> list[Document]:
    """Confirm what was proposed for documents, or reject it; with `topic`, only that one.

    Raises NotFound where one of the documents is not there, or the topic not proposed for one.
    """
    documents = review_proposals(document_ids, is_accepted=is_accepted, actor=actor, topic=topic)
    announce(actor.organization_id)
    db.session.commit()
    return documents


def count_documents(status: str | None = None, *, actor: Actor) -> int:
    """How many documents the organization has, or has with this status."""
    wanted = [status] if status else None
    return tallies.total("document.status", actor.organization_id, wanted)


def _prepare_again(document: Document, changes: DocumentChanges) -> Batch:
    """The document with another title or text, ready to be stored in its own place."""
    kind: Any = document.content_type
    body = DocumentRequest.model_construct(
        title=changes.title or document.title,
        content=changes.content or document.content,
        content_type=kind,
        source_url=document.source_url,
        external_id=document.external_id,
        metadata=document.document_metadata,
    )
    embedder = index.read_embedder(document.organization_id)
    is_new = bool(changes.content)
    parsed = parse_body(body) if is_new else ParsedDocument(body.title, document.content)
    return prepare_documents([(body, parsed)], [[]], embedder=embedder)
