"""What happens to documents inside of somebody else's transaction, who commits it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, String, delete, insert, literal, select, update

from webapp import engine, index
from webapp.core import clock, live
from webapp.core.database.types import UtcDateTime
from webapp.core.extensions import db
from webapp.documents import signals
from webapp.documents.models import (
    KEPT,
    Chunk,
    DeletedDocument,
    DeletedDocumentNode,
    Document,
    DocumentNode,
    DocumentStatus,
    Upload,
    checksum,
)
from webapp.documents.reading.chunking import Piece
from webapp.documents.reading.parsing import ParsedDocument
from webapp.documents.schemas import (
    DocumentRequest,
)
from webapp.documents.topics.changes import add_topics, lock_topics, schedule_proposals
from webapp.documents.topics.recounting import recounting

#: changes are gathered for so long before large segments of the index are merged
SETTLING_SECONDS = 15

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


def store_documents(batch: Batch, *, organization_id: UUID, import_id: str | None = None) -> Stored:
    """Store and index a batch in the running transaction.

    Of two with the same `external_id` the later one stays. `import_id` is the task that reads them.
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
        remove_chunks(organization_id, changed_ids)
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
            fill_document(document, body, parsed)
            document.import_id = import_id
            if body.external_id:
                known[body.external_id] = document
            stored.documents.append(document)
        db.session.flush()
        add_chunks(organization_id, batch, stored.documents)
        _set_topics(organization_id, batch, stored.documents, set(changed_ids))
        changed_ids += [document.id for document in stored.documents]
    return stored


def remove_documents(
    organization_id: UUID, ids: Sequence[UUID], *, deletion_id: str | None = None
) -> None:
    """Take documents out of every read in the running transaction, and keep what can be restored.

    Of those whose files have not been read nothing is kept. Those with one `deletion_id`, of
    a task, can be restored together.
    """
    with recounting(organization_id, ids):
        remove_chunks(organization_id, ids)
        chosen = Document.id.in_(ids)
        _keep_deleted(chosen & (Document.status != DocumentStatus.PENDING), deletion_id)
        unread = select(Document.upload_id).where(
            chosen, Document.status == DocumentStatus.PENDING, Document.upload_id.is_not(None)
        )
        upload_ids = list(db.session.scalars(unread))
        db.session.execute(delete(Document).where(chosen))
        db.session.execute(delete(Upload).where(Upload.id.in_(upload_ids)))


def restore_documents(kept: Sequence[DeletedDocument], batch: Batch) -> list[Document]:
    """Bring deleted documents back, whose passages are in `batch`, in the running transaction."""
    if not kept:
        return []
    organization_id, ids = kept[0].organization_id, [row.id for row in kept]
    documents, counted = [as_document(row) for row in kept], list[UUID]()
    with recounting(organization_id, counted):
        db.session.add_all(documents)
        db.session.flush()
        add_chunks(organization_id, batch, documents)
        names = DocumentNode.__table__.columns.keys()
        links = select(*(getattr(DeletedDocumentNode, name) for name in names))
        db.session.execute(
            insert(DocumentNode).from_select(
                names, links.where(DeletedDocumentNode.document_id.in_(ids))
            )
        )
        db.session.execute(delete(DeletedDocument).where(DeletedDocument.id.in_(ids)))
        counted += ids
    return documents


def as_document(kept: DeletedDocument) -> Document:
    """The document that it was, not in the session."""
    return Document(**{name: getattr(kept, name) for name in KEPT})


def taken_external_ids(kept: Sequence[DeletedDocument]) -> set[str]:
    """Those of their external ids that other documents have now."""
    names = [row.external_id for row in kept if row.external_id]
    if not names:
        return set()
    statement = select(Document.external_id).where(
        Document.organization_id == kept[0].organization_id, Document.external_id.in_(names)
    )
    return {name for name in db.session.scalars(statement) if name}


def forget_deleted(ids: Sequence[UUID]) -> None:
    """Forget deleted documents with their files, for ever."""
    chosen = DeletedDocument.id.in_(ids)
    uploads = select(DeletedDocument.upload_id).where(
        chosen, DeletedDocument.upload_id.is_not(None)
    )
    upload_ids = list(db.session.scalars(uploads))
    db.session.execute(delete(DeletedDocument).where(chosen))
    kept = select(Document.id).where(Document.upload_id == Upload.id).exists()
    db.session.execute(
        delete(Upload)
        .where(Upload.id.in_(upload_ids), ~kept)
        .execution_options(synchronize_session=False)
    )


def _keep_deleted(chosen: ColumnElement[bool], deletion_id: str | None) -> None:
    """Copy documents, and what they are about, to where they can be restored from."""
    columns = [getattr(Document, name) for name in KEPT]
    into = [getattr(DeletedDocument, name) for name in (*KEPT, "deleted_at", "deletion_id")]
    rows = select(*columns, literal(clock.now(), UtcDateTime()), literal(deletion_id, String()))
    db.session.execute(insert(DeletedDocument).from_select(into, rows.where(chosen)))
    names = DocumentNode.__table__.columns.keys()
    links = select(*(getattr(DocumentNode, name) for name in names))
    db.session.execute(
        insert(DeletedDocumentNode).from_select(
            names, links.where(DocumentNode.document_id.in_(select(Document.id).where(chosen)))
        )
    )


def assign_topics(
    organization_id: UUID,
    ids: Sequence[UUID],
    node_ids: Sequence[UUID],
    *,
    confidence: float,
    is_addition: bool,
) -> int:
    """Let documents be about these topics as well (`is_addition`), or only about them.

    How many there were: those that somebody has deleted meanwhile are left out. Raises Invalid
    where one of the topics has been deleted.
    """
    with recounting(organization_id, ids):
        # Nobody deletes a document without the lock that is held from here on.
        ids = list(db.session.scalars(select(Document.id).where(Document.id.in_(ids))))
        lock_topics(node_ids)
        replaced = delete(DocumentNode).where(DocumentNode.document_id.in_(ids))
        if is_addition:
            replaced = replaced.where(DocumentNode.node_id.in_(node_ids))
        db.session.execute(replaced)
        links = [(document_id, node_id, confidence) for document_id in ids for node_id in node_ids]
        add_topics(links)
        changed = update(Document).where(Document.id.in_(ids))
        db.session.execute(changed.values(updated_at=clock.now()))
        index.move_scopes(organization_id)
    return len(ids)


def expect_document(upload: Upload, external_id: str, title: str = "") -> None:
    """Show at once that a file's document will come; one that is there stays until then.

    Call it under the lock of the index.
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


def fail_document(upload: Upload, external_id: str, error: str) -> Document:
    """Say on a document why its file could not be read; which one that is.

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
    db.session.flush()
    return document


def fail_pending(upload_ids: Sequence[UUID], error: str, *, import_id: str) -> None:
    """Say on documents that were expected of these files why they will not come."""
    db.session.execute(
        update(Document)
        .where(Document.upload_id.in_(upload_ids), Document.status == "pending")
        .values(status="failed", error=error[:500], import_id=import_id, updated_at=clock.now())
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


def announce(organization_id: UUID) -> None:
    """Tell pages and the features below, within the running transaction."""
    live.announce("documents:all", organization_id)
    signals.changed.send(organization_id=organization_id)
    schedule_proposals(organization_id)


def schedule_merge(organization_id: UUID) -> None:
    """Have large segments merged after the running transaction commits."""
    engine.enqueue_debounced(
        db.session(),
        "index_merge",
        {"organization_id": str(organization_id)},
        seconds=SETTLING_SECONDS,
        priority=8,
    )


def fill_document(document: Document, body: DocumentRequest, parsed: ParsedDocument) -> None:
    """Let a document have a body's content, read and ready."""
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


def add_chunks(organization_id: UUID, batch: Batch, documents: Sequence[Document]) -> None:
    """Store the passages of a batch and make them findable; call within `recounting`."""
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


def remove_chunks(organization_id: UUID, document_ids: Sequence[UUID]) -> None:
    """Delete the passages of documents; call within `recounting`."""
    if not document_ids:
        return
    chunk_ids = list(
        db.session.scalars(select(Chunk.id).where(Chunk.document_id.in_(document_ids)))
    )
    index.remove_chunks(organization_id, chunk_ids)
    db.session.execute(delete(Chunk).where(Chunk.document_id.in_(document_ids)))
