from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from webapp.core import clock
from webapp.core.database.text import fold, order_key
from webapp.core.database.types import BigId
from webapp.core.extensions import Model
from webapp.core.texts import SearchedText
from webapp.taxonomies.models import TaxonomyNode

#: from this confidence on, a document is in the scope of a node
#: (docs/contract/knowledge.md, confidence)
MIN_CONFIDENCE = 0.7
#: characters that titles are sorted by
MAX_KEY = 100


def search_text(names: Mapping[str, Any]) -> str:
    """What a document with this `title` and `external_id` is searched by."""
    return fold(f"{names.get('title') or ''}\n{names.get('external_id') or ''}")


def _search_text_of_row(context: DefaultExecutionContext) -> str:
    """The same of a row that is inserted without an object."""
    names = context.get_current_parameters()  # type: ignore[no-untyped-call]  # SQLAlchemy's own
    return search_text(names)


class DocumentNode(Model):
    """A document is about a topic, how surely (0…1), and whether only a guess says so.

    `is_counted` is what search and coverage go by; `decide` keeps it true to the other two.
    """

    __tablename__ = "document_nodes"
    __table_args__ = (
        Index(None, "node_id", "is_counted", "document_id"),
        Index(
            "ix_document_nodes_proposed",
            "document_id",
            sqlite_where=text("is_proposed = 1"),
            postgresql_where=text("is_proposed"),
        ),
    )

    document_id: Mapped[UUID] = mapped_column(
        ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True
    )
    node_id: Mapped[UUID] = mapped_column(
        ForeignKey("taxonomy_nodes.id", ondelete="CASCADE"), primary_key=True
    )
    confidence: Mapped[float]
    is_proposed: Mapped[bool] = mapped_column(default=False)
    is_counted: Mapped[bool] = mapped_column(default=True)

    node: Mapped[TaxonomyNode] = relationship(lazy="joined", innerjoin=True)

    @property
    def public_id(self) -> UUID:
        return self.node.public_id

    @property
    def path(self) -> list[str]:
        return self.node.canonical_path

    @property
    def version(self) -> str:
        return self.node.taxonomy.version

    def decide(self) -> None:
        self.is_counted = not self.is_proposed and self.confidence >= MIN_CONFIDENCE


class DocumentStatus(StrEnum):
    """Whether a document's text has been read from its file; what is pasted is ready at once."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


class _Kept:
    """What is known of a document, deleted or not."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    title: Mapped[str] = mapped_column(String(500))
    content: Mapped[str] = mapped_column(deferred=True)
    content_type: Mapped[str] = mapped_column(String(100))
    source_url: Mapped[str | None] = mapped_column(String(2000))
    external_id: Mapped[str | None] = mapped_column(String(255))
    document_metadata: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    status: Mapped[str] = mapped_column(String(20), default="ready")
    error: Mapped[str | None] = mapped_column(String(500))
    upload_id: Mapped[UUID | None] = mapped_column(index=True)
    #: the task that has read it last, while it is what that task made it
    import_id: Mapped[str | None] = mapped_column(String(41), index=True)
    proposed_at: Mapped[datetime | None]
    file_size: Mapped[int]
    checksum: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


#: the names of these attributes
KEPT = tuple(_Kept.__annotations__)


class Document(_Kept, Model):
    """One text with its source; `external_id` is its name in the system it came from.

    It is pending until its file has been read, and failed with an `error` where that cannot be.
    A document that was there stays ready with the `error` of the file that should replace it.
    """

    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("organization_id", "external_id"),
        Index(None, "organization_id", "created_at", "id"),
        Index(None, "organization_id", "status", "created_at", "id"),
        Index(None, "organization_id", "updated_at", "id"),
        Index(None, "organization_id", "title_key", "id"),
        # What the list looks for. SQLite reads this alone; PostgreSQL limits an entry's size.
        Index(
            "ix_documents_list",
            *("organization_id", "created_at", "id", "status", "title", "external_id"),
            info={"only": "sqlite"},
        ).ddl_if(dialect="sqlite"),
    )

    #: what the list sorts titles by
    title_key: Mapped[str] = mapped_column(String(MAX_KEY), default="")
    #: what the list is searched by
    search_text: Mapped[str] = mapped_column(default=_search_text_of_row)
    chunk_count: Mapped[int] = mapped_column(default=0)

    #: what it is about, what people said before what was guessed
    links: Mapped[list[DocumentNode]] = relationship(
        viewonly=True,
        order_by=lambda: (DocumentNode.is_proposed, DocumentNode.confidence.desc()),
    )

    @property
    def topics(self) -> list[DocumentNode]:
        """The links, of namesakes in several versions of the taxonomy the first."""
        by_path: dict[tuple[str, ...], DocumentNode] = {}
        for link in self.links:
            by_path.setdefault(tuple(link.path), link)
        return list(by_path.values())

    @validates("title", "external_id")
    def _keep_keys(self, name: str, value: str | None) -> str | None:
        """Bring what the list sorts and searches by up to date."""
        names = {"title": self.title, "external_id": self.external_id, name: value}
        self.title_key = order_key(names["title"] or "", MAX_KEY)
        self.search_text = search_text(names)
        return value


class DeletedDocument(_Kept, Model):
    """A document that can be restored, in no read and no count; its passages are cut anew then."""

    __tablename__ = "deleted_documents"
    __table_args__ = (Index(None, "organization_id", "deleted_at", "id"),)

    deleted_at: Mapped[datetime] = mapped_column(index=True)
    #: the task that deleted it with others
    deletion_id: Mapped[str | None] = mapped_column(String(41), index=True)


class DeletedDocumentNode(Model):
    """What a deleted document was about; a topic that goes takes it along."""

    __tablename__ = "deleted_document_nodes"

    document_id: Mapped[UUID] = mapped_column(
        ForeignKey("deleted_documents.id", ondelete="CASCADE"), primary_key=True
    )
    node_id: Mapped[UUID] = mapped_column(
        ForeignKey("taxonomy_nodes.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    confidence: Mapped[float]
    is_proposed: Mapped[bool]
    is_counted: Mapped[bool]


class DocumentText(SearchedText):
    """The `search_text` of a document, written by triggers."""

    __tablename__ = "document_texts"


class Chunk(Model):
    """A passage of a document, with the headings above it: what a search finds."""

    __tablename__ = "chunks"
    # An id is never used again: the index may still hold it as deleted.
    __table_args__ = (Index(None, "document_id", "position"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    document_id: Mapped[UUID] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    position: Mapped[int]
    heading_path: Mapped[list[str]] = mapped_column(default=list)
    text: Mapped[str]


class Upload(Model):
    """A received file; kept in the database, so that any worker has it.

    A collection of documents goes when it has been read; a document's own file stays with it.
    """

    __tablename__ = "uploads"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    filename: Mapped[str] = mapped_column(String(255))
    content_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    #: what was said of the file when it came (`FileOptions` as JSON); who tries again says no more
    options: Mapped[dict[str, Any] | None]
    #: the taxonomy version that was the newest when it came
    newest_version: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    @property
    def name(self) -> str:
        return self.filename


class UploadPart(Model):
    """Part `number` (from 0) of an upload; every part but the last has `PART_BYTES`."""

    __tablename__ = "upload_parts"

    upload_id: Mapped[UUID] = mapped_column(
        ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


def checksum(content: str) -> str:
    """SHA-256 of a document's content as it was given, in hex."""
    return hashlib.sha256(content.encode()).hexdigest()
