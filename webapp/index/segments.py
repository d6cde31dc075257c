"""Segments in the database: written, read and dropped whole."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import delete, insert, select

from webapp.core.arrays import np
from webapp.core.extensions import db
from webapp.index.models import IndexDeletion, IndexPosting, IndexSegment
from webapp.index.postings import Postings

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAN_OUT = 8


@dataclass(frozen=True, slots=True)
class SegmentRows:
    """What a segment holds, by offset."""

    id: int
    chunk_ids: NDArray[np.int64]
    #: in terms
    lengths: NDArray[np.int32]
    #: shape (chunks, dimensions)
    vectors: NDArray[np.float16]


def new_segment_id() -> int:
    """A number that was never used and never will be, growing with time, below 2^63.

    The database's own would come back after a rollback, and a cache filled meanwhile would take
    other chunks for its own. The real time, not `clock.now()`: tests turn that one back.
    """
    return time.time_ns() // 1_000_000 << 21 | secrets.randbits(21)


def new_revision() -> int:
    """Names a state of an index; random, for the same reason."""
    return secrets.randbits(31)


def level_of(chunk_count: int) -> int:
    """0 below 8 chunks, 1 below 64, and so on by powers of eight."""
    return (max(chunk_count, 1).bit_length() - 1) // 3


def write_segment(
    organization_id: UUID, rows: SegmentRows, postings: Postings, *, generation: int
) -> None:
    """Store one segment; nothing where there are no chunks."""
    if not len(rows.chunk_ids):
        return
    connection = db.session.connection()
    connection.execute(
        insert(IndexSegment),
        {
            "id": rows.id,
            "organization_id": organization_id,
            "generation": generation,
            "level": level_of(len(rows.chunk_ids)),
            "chunk_ids": rows.chunk_ids.astype("<i8").tobytes(),
            "lengths": rows.lengths.astype("<i4").tobytes(),
            "vectors": rows.vectors.astype("<f2").tobytes(),
        },
    )
    values: list[dict[str, Any]] = [
        {
            "organization_id": organization_id,
            "term": term,
            "segment_id": rows.id,
            "offsets": offsets,
            "frequencies": frequencies,
        }
        for term, offsets, frequencies in postings.encoded()
    ]
    if values:
        connection.execute(insert(IndexPosting), values)


def drop_segments(segment_ids: Sequence[int]) -> None:
    """Remove segments with their postings."""
    connection = db.session.connection()
    connection.execute(delete(IndexPosting).where(IndexPosting.segment_id.in_(segment_ids)))
    connection.execute(delete(IndexSegment).where(IndexSegment.id.in_(segment_ids)))


def read_segments(segment_ids: Sequence[int]) -> list[SegmentRows]:
    """Segments by id, in order of id."""
    if not segment_ids:
        return []
    rows = db.session.execute(
        select(IndexSegment.id, IndexSegment.chunk_ids, IndexSegment.lengths, IndexSegment.vectors)
        .where(IndexSegment.id.in_(segment_ids))
        .order_by(IndexSegment.id)
    )
    return [
        SegmentRows(
            id=row.id,
            chunk_ids=(chunk_ids := np.frombuffer(row.chunk_ids, dtype="<i8")),
            lengths=np.frombuffer(row.lengths, dtype="<i4"),
            vectors=np.frombuffer(row.vectors, dtype="<f2").reshape(len(chunk_ids), -1),
        )
        for row in rows
    ]


def read_postings(bases: dict[int, int]) -> Postings:
    """All postings of the segments that `bases` names; offsets count on from their base."""
    rows = db.session.execute(
        select(
            IndexPosting.term,
            IndexPosting.segment_id,
            IndexPosting.offsets,
            IndexPosting.frequencies,
        ).where(IndexPosting.segment_id.in_(list(bases)))
    ).all()
    numbers: dict[str, int] = {}
    counts = [len(row.offsets) // 4 for row in rows]
    term_numbers = [numbers.setdefault(row.term, len(numbers)) for row in rows]
    starts = [bases[row.segment_id] for row in rows]
    offsets = np.frombuffer(b"".join(row.offsets for row in rows), dtype="<i4")
    frequencies = np.frombuffer(b"".join(row.frequencies for row in rows), dtype="<i4")
    return Postings(
        terms=list(numbers),
        term_numbers=np.repeat(np.array(term_numbers, dtype=np.int64), counts),
        offsets=offsets + np.repeat(np.array(starts, dtype=np.int64), counts),
        frequencies=frequencies.astype(np.int64),
    )


def read_deleted(organization_id: UUID) -> NDArray[np.int64]:
    """The ids of deleted chunks that segments still hold."""
    rows = db.session.scalars(
        select(IndexDeletion.chunk_id).where(IndexDeletion.organization_id == organization_id)
    )
    return np.fromiter(rows, dtype=np.int64)
