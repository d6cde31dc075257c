from __future__ import annotations

from uuid import UUID

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.database.types import BigId
from webapp.core.extensions import Model


class IndexState(Model):
    """One row an organization: writers queue on it, readers see by `revision` whether their cache
    is old, by `scope_revision` whether chunks they know have come into or out of a scope. Counts
    and lengths (in terms) are of the chunks that are not deleted.

    Only segments of `generation` are searched; their vectors are of `embedder`. A rebuilding makes
    the segments of another one and then puts it in this place.
    """

    __tablename__ = "index_states"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(default=0)
    scope_revision: Mapped[int] = mapped_column(default=0)
    embedder: Mapped[str] = mapped_column(String(100))
    generation: Mapped[int] = mapped_column(BigId, default=0)
    chunk_count: Mapped[int] = mapped_column(default=0)
    total_length: Mapped[int] = mapped_column(BigId, default=0)


class IndexSegment(Model):
    """The chunks of one batch or merge, in three arrays of the same order.

    `chunk_ids` int64, `lengths` int32, `vectors` float16 (chunks × dimensions), little-endian.
    """

    __tablename__ = "index_segments"
    __table_args__ = (Index(None, "organization_id", "level"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    organization_id: Mapped[UUID]
    generation: Mapped[int] = mapped_column(BigId, default=0)
    level: Mapped[int]
    chunk_ids: Mapped[bytes] = mapped_column(LargeBinary)
    lengths: Mapped[bytes] = mapped_column(LargeBinary)
    vectors: Mapped[bytes] = mapped_column(LargeBinary)


class IndexPosting(Model):
    """Where a term stands in one segment: `offsets` (int32) into its arrays, with the term's
    `frequencies` (int32) there."""

    __tablename__ = "index_postings"
    __table_args__ = {"sqlite_with_rowid": False}

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    term: Mapped[str] = mapped_column(String(64), primary_key=True)
    segment_id: Mapped[int] = mapped_column(BigId, primary_key=True, index=True)
    offsets: Mapped[bytes] = mapped_column(LargeBinary)
    frequencies: Mapped[bytes] = mapped_column(LargeBinary)


class IndexDeletion(Model):
    """A deleted chunk that a segment still holds; gone when the segment is merged."""

    __tablename__ = "index_deletions"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    chunk_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
