"""Documents: stored, replaced, listed, deleted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Select, delete, func, or_, select, update
from sqlalchemy.orm import selectinload

from webapp import index
from webapp.audit import services as audit
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.database import get_locked, like_pattern
from webapp.core.errors import Invalid, NotFound
from webapp.core.extensions import db
from webapp.core.lists import Page
from webapp.documents import signals
from webapp.documents.models import Chunk, Document, DocumentNode, Upload
from webapp.documents.reading.chunking import Piece, chunk_text
from webapp.documents.reading.parsing import ParsedDocument, ParsingError, parse
from webapp.documents.schemas import (
    DocumentChanges,
    DocumentFilter,
    DocumentQuery,
    DocumentRequest,
    FileOptions,
)
from webapp.documents.topics.changes import (
    add_topics,
    documents_under,
    lock_topics,
    recounting,
    set_topics,
)
from webapp.documents.topics.proposals import review_proposals, schedule_proposals
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE
from webapp.taxonomies.references import Topics, select_topics

Item = tuple[DocumentRequest, ParsedDocument]


@dataclass(frozen=True)
class Batch:
    """Documents that are read, cut and prepared for the index, so that storing them is quick.

    `pieces` has the passages of each document by its place in `items`; of two with the same
    `external_id` only those of the later one. `node_ids` has the topics of each.
    """

    items: Sequence[Item]
    node_ids: Sequence[list[UUID]]
    pieces: dict[int, list[Piece]]
    entries: index.Entries


@dataclass
class Stored:
    """What a batch came to: the documents in order, and how many were new."""

    documents: list[Document] = field(default_factory=list)
    created: int = 0
    replaced: int = 0


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


def store_documents(batch: Batch, *, organization_id: UUID) -> Stored:
    """Store and index a batch in the running transaction; the caller commits.

    Of two with the same `external_id` the later one stays.
    """
    index.lock(organization_id)
    external_ids = [body.external_id for body, _ in batch.items if body.external_id]
    known = {
        document.external_id: document
        for document in db.session.scalars(
            select(Document).where(
                Document.organization_id == organization_id,
                Document.external_id.in_(external_ids),
            ),
            # A long import may have seen it before somebody else changed it.
            execution_options={"populate_existing": True},
        )
    }
    changed_ids = [document.id for document in known.values()]
    with recounting(organization_id, changed_ids):
        _remove_chunks(organization_id, changed_ids)
        stored = Stored()
        for body, parsed in batch.items:
            document = known.get(body.external_id) if body.external_id else None
            if document is None:
                document = Document(
                    id=uuid4(), organization_id=organization_id, created_at=clock.now()
                )
                db.session.add(document)
                stored.created += 1
            elif document.chunk_count == 0 and document.status != "ready":
                stored.created += 1
            else:
                stored.replaced += 1
            _fill(document, body, parsed)
            if body.external_id:
                known[body.external_id] = document
            stored.documents.append(document)
        db.session.flush()
        _add_chunks(organization_id, batch, stored.documents)
        _set_topics(organization_id, batch, stored.documents, set(changed_ids))
        changed_ids += [document.id for document in stored.documents]
    return stored


def get_document(document_id: UUID, *, actor: Actor, lock: bool = False) -> Document:
    statement = select(Document).where(
        Document.organization_id == actor.organization_id, Document.id == document_id
    )
    document: Document | None = get_locked(statement) if lock else db.session.scalar(statement)
    if document is None:
        raise NotFound(f"Document not found: {document_id}")
    return document


def list_documents(query: DocumentQuery, *, actor: Actor) -> Page:
    """One page of the organization's documents, newest first."""
    statement = select_matching(query, actor.organization_id)
    total = db.session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    rows = (
        statement.order_by(Document.created_at.desc(), Document.id)
        .limit(query.limit)
        .offset(query.offset)
        .options(selectinload(Document.links))
    )
    return Page(list(db.session.scalars(rows)), total, query.limit, query.offset)


def select_matching(query: DocumentFilter, organization_id: UUID) -> Select[Any]:
    """The organization's documents that the list's filters find."""
    statement = select(Document).where(Document.organization_id == organization_id)
    if query.q.strip():
        pattern = like_pattern(query.q.strip())
        statement = statement.where(
            or_(
                Document.title.ilike(pattern, escape="\\"),
                Document.external_id.ilike(pattern, escape="\\"),
            )
        )
    if query.status:
        statement = statement.where(Document.status == query.status)
    if query.node:
        topics = select_topics(organization_id, [query.node])
        statement = statement.where(Document.id.in_(documents_under(topics)))
    if query.proposed:
        proposed = select(DocumentNode.document_id).where(DocumentNode.is_proposed)
        statement = statement.where(Document.id.in_(proposed))
    return statement


def list_chunks(document: Document, *, limit: int = 200) -> list[Chunk]:
    """The first passages of a document, in reading order."""
    statement = (
        select(Chunk).where(Chunk.document_id == document.id).order_by(Chunk.position).limit(limit)
    )
    return list(db.session.scalars(statement))


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
            _remove_chunks(actor.organization_id, [document.id])
            was = document.file_size, document.checksum
            _fill(document, *batch.items[0])
            if "content" not in given:
                document.file_size, document.checksum = was
            _add_chunks(actor.organization_id, batch, [document])
        if "source_url" in given:
            document.source_url = changes.source_url
        if "metadata" in given:
            document.document_metadata = changes.metadata
            index.move_scopes(actor.organization_id)
        if "nodes" in given:
            set_topics(document, node_ids, confidence=changes.confidence)
            index.move_scopes(actor.organization_id)
        document.updated_at = clock.now()
    audit.record(actor, "update", document, fields=sorted(given))
    announce(actor.organization_id)
    db.session.commit()
    return document


def review_topics(
    document_ids: Sequence[UUID], *, is_accepted: bool, actor: Actor
) -> list[Document]:
    """Confirm what was proposed for documents, or reject it."""
    documents = review_proposals(document_ids, is_accepted=is_accepted, actor=actor)
    announce(actor.organization_id)
    db.session.commit()
    return documents


def delete_document(document_id: UUID, *, actor: Actor) -> None:
    """Remove a document and its passages for good; no search finds it from here on."""
    actor.require(KNOWLEDGE_WRITE)
    index.lock(actor.organization_id)
    document = get_document(document_id, actor=actor, lock=True)
    audit.record(actor, "delete", document)
    remove_documents(actor.organization_id, [document.id])
    announce(actor.organization_id)
    db.session.commit()


def remove_documents(organization_id: UUID, ids: Sequence[UUID]) -> None:
    """Delete documents with passages and files in the running transaction; the caller commits."""
    with recounting(organization_id, ids):
        _remove_chunks(organization_id, ids)
        chosen = select(Document.upload_id).where(Document.id.in_(ids))
        upload_ids = list(db.session.scalars(chosen.where(Document.upload_id.is_not(None))))
        db.session.execute(delete(Document).where(Document.id.in_(ids)))
        db.session.execute(delete(Upload).where(Upload.id.in_(upload_ids)))


def assign_topics(
    organization_id: UUID,
    ids: Sequence[UUID],
    node_ids: Sequence[UUID],
    *,
    confidence: float,
    keep: bool,
) -> None:
    """Let documents be about these topics, as well or only; the caller commits.

    Raises Invalid where one of the topics has been deleted.
    """
    with recounting(organization_id, ids):
        lock_topics(node_ids)
        replaced = delete(DocumentNode).where(DocumentNode.document_id.in_(ids))
        if keep:
            replaced = replaced.where(DocumentNode.node_id.in_(node_ids))
        db.session.execute(replaced)
        links = [(document_id, node_id, confidence) for document_id in ids for node_id in node_ids]
        add_topics(links)
        changed = update(Document).where(Document.id.in_(ids))
        db.session.execute(changed.values(updated_at=clock.now()))
        index.move_scopes(organization_id)


def expect_document(upload: Upload, external_id: str, title: str = "") -> None:
    """Show at once that a file's document will come; one that is there stays until then.

    Call it under the lock of the index; the caller commits.
    """
    if _find_external(upload.organization_id, external_id) is None:
        db.session.add(_unread(upload, external_id, title))
        db.session.flush()


def attach_original(document: Document, upload: Upload, content: bytes | None = None) -> None:
    """Keep the file that a document was read from, and no earlier one."""
    if content is not None:
        document.checksum = hashlib.sha256(content).hexdigest()
    if document.upload_id not in (None, upload.id):
        db.session.execute(delete(Upload).where(Upload.id == document.upload_id))
    document.upload_id, document.file_size = upload.id, upload.size


def fail_document(upload: Upload, external_id: str, error: str) -> None:
    """Say on a document why its file could not be read.

    One that was read before keeps its text and goes on being found.
    """
    document = _find_external(upload.organization_id, external_id)
    if document is None:
        document = _unread(upload, external_id)
        db.session.add(document)
    if document.chunk_count:
        document.error = f"The newer file could not be read. {error}"[:500]
    else:
        document.status, document.error = "failed", error[:500]
        attach_original(document, upload)
    document.updated_at = clock.now()


def fail_pending(upload_ids: Sequence[UUID], error: str) -> None:
    """Say on documents that were expected of these files why they will not come."""
    db.session.execute(
        update(Document)
        .where(Document.upload_id.in_(upload_ids), Document.status == "pending")
        .values(status="failed", error=error[:500], updated_at=clock.now())
    )


def _find_external(organization_id: UUID, external_id: str) -> Document | None:
    return db.session.scalar(
        select(Document).where(
            Document.organization_id == organization_id, Document.external_id == external_id
        ),
        execution_options={"populate_existing": True},
    )


def _unread(upload: Upload, external_id: str, title: str = "") -> Document:
    return Document(
        organization_id=upload.organization_id,
        title=(title or PurePosixPath(upload.filename).name)[:500],
        content="",
        content_type=upload.content_type,
        external_id=external_id[:255],
        status="pending",
        file_size=upload.size,
        checksum="",
        upload_id=upload.id,
    )


def count_documents(*, actor: Actor) -> int:
    statement = select(func.count()).where(Document.organization_id == actor.organization_id)
    return db.session.scalar(statement) or 0


def checksum(content: str) -> str:
    """SHA-256 of a document's content as it was given, in hex."""
    return hashlib.sha256(content.encode()).hexdigest()


def announce(organization_id: UUID) -> None:
    """Tell pages and the features below, within the running transaction."""
    live.announce("documents:all", organization_id)
    signals.changed.send(organization_id=organization_id)
    schedule_proposals(organization_id)


def _fill(document: Document, body: DocumentRequest, parsed: ParsedDocument) -> None:
    document.title = parsed.title
    document.content = parsed.text
    document.content_type = body.content_type
    document.source_url = body.source_url
    document.external_id = body.external_id
    document.document_metadata = body.metadata
    document.file_size = len(body.content.encode())
    document.checksum = checksum(body.content)
    document.status, document.error, document.proposed_at = "ready", None, None
    document.updated_at = clock.now()


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


def _add_chunks(organization_id: UUID, batch: Batch, documents: Sequence[Document]) -> None:
    chunks = []
    for at, pieces in batch.pieces.items():
        documents[at].chunk_count = len(pieces)
        chunks += [
            Chunk(
                document_id=documents[at].id,
                position=piece.position,
                heading_path=piece.heading_path,
                text=piece.text,
            )
            for piece in pieces
        ]
    db.session.add_all(chunks)
    db.session.flush()
    index.add_chunks(organization_id, [chunk.id for chunk in chunks], batch.entries)


def _set_topics(
    organization_id: UUID, batch: Batch, documents: Sequence[Document], known_ids: set[UUID]
) -> None:
    """The topics of a batch; a document that was there keeps its own where the body is silent."""
    given = {
        document.id: (document, node_ids, body.confidence)
        for document, node_ids, (body, _) in zip(
            documents, batch.node_ids, batch.items, strict=True
        )
        if "nodes" in body.model_fields_set
    }
    moved_ids = [key for key in given if key in known_ids]
    if moved_ids:
        db.session.execute(delete(DocumentNode).where(DocumentNode.document_id.in_(moved_ids)))
        index.move_scopes(organization_id)
    add_topics(
        [
            (document.id, node_id, confidence)
            for document, node_ids, confidence in given.values()
            for node_id in node_ids
        ]
    )
    for document, _, _ in given.values():
        db.session.expire(document, ["links"])


def _remove_chunks(organization_id: UUID, document_ids: Sequence[UUID]) -> None:
    if not document_ids:
        return
    chunk_ids = list(
        db.session.scalars(select(Chunk.id).where(Chunk.document_id.in_(document_ids)))
    )
    index.remove_chunks(organization_id, chunk_ids)
    db.session.execute(delete(Chunk).where(Chunk.document_id.in_(document_ids)))
