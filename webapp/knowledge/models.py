from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.core import clock
from webapp.core.database import BigId
from webapp.core.extensions import Model
from webapp.knowledge.scopes.models import DocumentNode


class Document(Model):
    """One text with its source; `external_id` is its name in the system it came from.

    It is pending until its file has been read, and failed with an `error` where that cannot be.
    A document that was there stays ready with the `error` of the file that should replace it.
    """

    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("organization_id", "external_id"),
        Index(None, "organization_id", "created_at"),
    )

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
    proposed_at: Mapped[datetime | None]
    file_size: Mapped[int]
    checksum: Mapped[str] = mapped_column(String(64))
    chunk_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)

    #: what it is about, what people said before what was guessed
    links: Mapped[list[DocumentNode]] = relationship(
        viewonly=True,
        order_by=lambda: (DocumentNode.is_proposed, DocumentNode.confidence.desc()),
    )


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


class Question(Model):
    """One question put to an agent, and how well the documents could answer it."""

    __tablename__ = "questions"
    __table_args__ = (
        Index(None, "organization_id", "created_at"),
        Index(None, "agent_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(String(1000))
    result_count: Mapped[int]
    best_score: Mapped[float | None]
    confidence: Mapped[float | None]
    query_time_ms: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


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
