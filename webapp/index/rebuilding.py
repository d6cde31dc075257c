"""Building an index anew, beside the one that is searched, and putting it in its place.

The new segments are of a generation of their own, which nobody reads or merges. The change over
is one transaction under the index's lock: chunks that came meanwhile are added, those that went
are marked deleted, and the old generation is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import delete, insert, select

from webapp.core.arrays import np
from webapp.core.database.transactions import get_locked
from webapp.core.extensions import db
from webapp.index.models import IndexDeletion, IndexPosting, IndexSegment, IndexState
from webapp.index.segments import (
    SegmentRows,
    drop_segments,
    new_revision,
    new_segment_id,
    write_segment,
)
from webapp.index.writing import Entries

if TYPE_CHECKING:
    from numpy.typing import NDArray


def new_generation() -> int:
    """A number that no generation had."""
    return new_segment_id()


def add_to_generation(
    organization_id: UUID, generation: int, ids: Sequence[int], entries: Entries, embedder: str
) -> None:
    """Write chunks of a generation that is being built; the caller commits."""
    rows = SegmentRows(
        id=new_segment_id(),
        chunk_ids=np.array(ids, dtype=np.int64),
        lengths=entries.lengths,
        vectors=entries.embedded_by(embedder),
    )
    write_segment(organization_id, rows, entries.postings, generation=generation)


def change_over(
    organization_id: UUID,
    generation: int,
    embedder: str,
    living_ids: NDArray[np.int64],
    add_missing: Callable[[NDArray[np.int64]], None],
) -> int:
    """Make `generation` the index, under the lock that the caller holds; says its size.

    `living_ids` are all chunks there are now; `add_missing` writes those that the generation does
    not have.
    """
    missing = np.setdiff1d(living_ids, _held(organization_id, generation)[0])
    if len(missing):
        add_missing(missing)
    held, lengths = _held(organization_id, generation)
    is_dead = ~np.isin(held, living_ids)
    db.session.execute(
        delete(IndexDeletion)
        .where(IndexDeletion.organization_id == organization_id)
        .execution_options(synchronize_session=False)
    )
    if is_dead.any():
        values = [
            {"organization_id": organization_id, "chunk_id": chunk_id}
            for chunk_id in np.unique(held[is_dead]).tolist()
        ]
        db.session.connection().execute(insert(IndexDeletion), values)
    state: IndexState = get_locked(
        select(IndexState).where(IndexState.organization_id == organization_id)
    )
    state.generation, state.embedder = generation, embedder
    state.chunk_count = int((~is_dead).sum())
    state.total_length = int(lengths[~is_dead].sum())
    state.revision = new_revision()
    db.session.flush()
    drop_others(organization_id, generation)
    return state.chunk_count


def drop_others(organization_id: UUID, *generations: int) -> None:
    """Remove the segments of all other generations: the old one, or what was left half done."""
    segment_ids = db.session.scalars(
        select(IndexSegment.id).where(
            IndexSegment.organization_id == organization_id,
            IndexSegment.generation.not_in(generations),
        )
    ).all()
    for start in range(0, len(segment_ids), 500):
        drop_segments(segment_ids[start : start + 500])
    kept = select(IndexSegment.id).where(IndexSegment.organization_id == organization_id)
    db.session.execute(
        delete(IndexPosting)
        .where(
            IndexPosting.organization_id == organization_id, IndexPosting.segment_id.not_in(kept)
        )
        .execution_options(synchronize_session=False)
    )


def _held(organization_id: UUID, generation: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The chunks of a generation and their lengths."""
    rows = db.session.execute(
        select(IndexSegment.chunk_ids, IndexSegment.lengths).where(
            IndexSegment.organization_id == organization_id,
            IndexSegment.generation == generation,
        )
    ).all()
    if not rows:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32)
    chunk_ids = np.frombuffer(b"".join(row.chunk_ids for row in rows), dtype="<i8")
    lengths = np.frombuffer(b"".join(row.lengths for row in rows), dtype="<i4")
    return chunk_ids, lengths


def check(organization_id: UUID, living_ids: NDArray[np.int64]) -> dict[str, int]:
    """What does not fit between the chunks there are and the index; all zeros is right.

    Call it in a `snapshot()` that `living_ids` was read in.
    """
    state = db.session.scalar(
        select(IndexState).where(IndexState.organization_id == organization_id)
    )
    if state is None:
        return {"missing_count": len(living_ids)}
    found = _read_living(organization_id, state.generation)
    return {
        "missing_count": len(np.setdiff1d(living_ids, found.chunk_ids)),
        "extra_count": len(np.setdiff1d(found.chunk_ids, living_ids)),
        "doubled_count": len(found.chunk_ids) - len(np.unique(found.chunk_ids)),
        "count_error": abs(state.chunk_count - len(found.chunk_ids)),
        "length_error": abs(state.total_length - found.total_length),
        "stray_posting_count": _count_strays(organization_id),
        "without_vector_count": found.without_vector_count,
    }


@dataclass(frozen=True)
class _Living:
    """What a generation has of the chunks that are not marked deleted."""

    chunk_ids: NDArray[np.int64]
    total_length: int
    without_vector_count: int


def _read_living(organization_id: UUID, generation: int) -> _Living:
    """Read a generation a few segments at a time, because their vectors are large."""
    segments = db.session.execute(
        select(IndexSegment.chunk_ids, IndexSegment.lengths, IndexSegment.vectors)
        .where(
            IndexSegment.organization_id == organization_id,
            IndexSegment.generation == generation,
        )
        .execution_options(yield_per=20)
    )
    deleted = db.session.scalars(
        select(IndexDeletion.chunk_id).where(IndexDeletion.organization_id == organization_id)
    )
    deleted_ids = np.fromiter(deleted, dtype=np.int64)
    living, total_length, without_vector_count = [np.empty(0, dtype=np.int64)], 0, 0
    for segment in segments:
        ids = np.frombuffer(segment.chunk_ids, dtype="<i8")
        is_alive = ~np.isin(ids, deleted_ids)
        vectors = np.frombuffer(segment.vectors, dtype="<f2").reshape(len(ids), -1)
        living.append(ids[is_alive])
        total_length += int(np.frombuffer(segment.lengths, dtype="<i4")[is_alive].sum())
        without_vector_count += int((~vectors[is_alive].any(axis=1)).sum())
    return _Living(np.concatenate(living), total_length, without_vector_count)


def _count_strays(organization_id: UUID) -> int:
    """How many segments have postings without being there, in whatever generation."""
    posted = db.session.scalars(
        select(IndexPosting.segment_id)
        .where(IndexPosting.organization_id == organization_id)
        .distinct()
    )
    present = db.session.scalars(
        select(IndexSegment.id).where(IndexSegment.organization_id == organization_id)
    )
    return len(set(posted) - set(present))
