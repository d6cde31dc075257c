"""Merging segments by size, so that many small writes stay cheap to make and to search.

Eight segments of a level (a power of eight chunks) become one of the next, so a chunk is
rewritten about log₈(chunks) times, and a term stands in a few dozen rows at most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, select

from webapp.core.arrays import np
from webapp.core.extensions import db
from webapp.index.models import IndexDeletion, IndexSegment, IndexState
from webapp.index.postings import Postings
from webapp.index.segments import (
    FAN_OUT,
    SegmentRows,
    drop_segments,
    new_segment_id,
    read_deleted,
    read_postings,
    read_segments,
    write_segment,
)

MAX_SEGMENT_CHUNKS = 65_536
#: larger merges are left to `merge_segments`, so that no writer holds the lock for long
MAX_INLINE_CHUNKS = 8_192


def merge_step(organization_id: UUID, *, limit: int = MAX_SEGMENT_CHUNKS) -> bool:
    """Do one merge whose outcome holds at most `limit` chunks; false when none is due."""
    due = _due(organization_id, limit)
    if due:
        _merge(organization_id, due)
    return bool(due)


def _generation(organization_id: UUID) -> int:
    """Of the segments that are searched; those of another are not there to be merged yet."""
    statement = select(IndexState.generation).where(IndexState.organization_id == organization_id)
    return db.session.scalar(statement) or 0


def compact(organization_id: UUID, segment_ids: Sequence[int]) -> None:
    """Rewrite segments, each without its deleted chunks."""
    for segment_id in segment_ids:
        _merge(organization_id, [segment_id])


def _due(organization_id: UUID, limit: int) -> list[int]:
    """The eight smallest segments of the lowest level that has so many within `limit`."""
    levels: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for segment_id, level, byte_count in db.session.execute(
        select(IndexSegment.id, IndexSegment.level, func.length(IndexSegment.chunk_ids)).where(
            IndexSegment.organization_id == organization_id,
            IndexSegment.generation == _generation(organization_id),
        )
    ):
        levels[level].append((byte_count // 8, segment_id))
    for _, members in sorted(levels.items()):
        smallest = sorted(members)[:FAN_OUT]
        if len(smallest) == FAN_OUT and sum(count for count, _ in smallest) <= limit:
            return [segment_id for _, segment_id in smallest]
    return []


def _merge(organization_id: UUID, segment_ids: Sequence[int]) -> None:
    """Replace segments by one that holds their living chunks, in order of chunk id."""
    segments = read_segments(segment_ids)
    starts = np.cumsum([0, *(len(segment.chunk_ids) for segment in segments)]).tolist()
    bases = {segment.id: start for segment, start in zip(segments, starts, strict=False)}
    chunk_ids = np.concatenate([segment.chunk_ids for segment in segments])
    is_dead = np.isin(chunk_ids, read_deleted(organization_id))
    kept = np.flatnonzero(~is_dead)
    kept = kept[np.argsort(chunk_ids[kept], kind="stable")]
    moved_to = np.full(len(chunk_ids), -1, dtype=np.int64)
    moved_to[kept] = np.arange(len(kept))

    postings = read_postings(bases)
    offsets = moved_to[postings.offsets]
    is_kept = offsets >= 0
    drop_segments(segment_ids)
    _forget_deletions(organization_id, chunk_ids[is_dead].tolist())
    rows = SegmentRows(
        id=new_segment_id(),
        chunk_ids=chunk_ids[kept],
        lengths=np.concatenate([segment.lengths for segment in segments])[kept],
        vectors=np.concatenate([segment.vectors for segment in segments])[kept],
    )
    moved = Postings(
        terms=postings.terms,
        term_numbers=postings.term_numbers[is_kept],
        offsets=offsets[is_kept],
        frequencies=postings.frequencies[is_kept],
    )
    write_segment(organization_id, rows, moved, generation=_generation(organization_id))


def _forget_deletions(organization_id: UUID, chunk_ids: list[int]) -> None:
    for start in range(0, len(chunk_ids), 1000):
        db.session.execute(
            delete(IndexDeletion)
            .where(
                IndexDeletion.organization_id == organization_id,
                IndexDeletion.chunk_id.in_(chunk_ids[start : start + 1000]),
            )
            .execution_options(synchronize_session=False)
        )
