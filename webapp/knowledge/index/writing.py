"""Add chunks, remove them, merge segments: inside the caller's transaction, one writer at a time
for each organization."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from webapp.core.database import get_locked, lock_writes
from webapp.core.extensions import db
from webapp.knowledge.embedding import get_embedder
from webapp.knowledge.index.analysis import analyze
from webapp.knowledge.index.models import IndexDeletion, IndexPosting, IndexSegment, IndexState

FAN_OUT = 8
TITLE_WEIGHT = 2

Ints = NDArray[np.int32]
Postings = dict[str, tuple[list[int], list[int]]]


@dataclass(frozen=True)
class IndexedChunk:
    """A chunk as the index reads it: its title counts twice."""

    id: int
    title: str
    text: str


def add_chunks(organization_id: UUID, chunks: Sequence[IndexedChunk]) -> None:
    """Make chunks findable once the running transaction commits. Ids must be new."""
    if not chunks:
        return
    # The slow part first: nobody waits for it.
    vectors = get_embedder().embed([f"{chunk.title}\n{chunk.text}" for chunk in chunks])
    postings: Postings = defaultdict(lambda: ([], []))
    lengths: list[int] = []
    for offset, chunk in enumerate(chunks):
        terms = analyze(chunk.title) * TITLE_WEIGHT + analyze(chunk.text)
        lengths.append(len(terms))
        for term, frequency in Counter(terms).items():
            offsets, frequencies = postings[term]
            offsets.append(offset)
            frequencies.append(frequency)
    state = _locked_state(organization_id)
    _write_segment(
        organization_id,
        np.array([chunk.id for chunk in chunks], dtype="<i8"),
        np.array(lengths, dtype="<i4"),
        vectors.astype("<f2"),
        {
            term: (np.array(offsets, dtype="<i4"), np.array(frequencies, dtype="<i4"))
            for term, (offsets, frequencies) in postings.items()
        },
    )
    state.chunk_count += len(chunks)
    state.total_length += sum(lengths)
    state.revision += 1
    _merge_crowded_levels(organization_id)
    db.session.flush()


def remove_chunks(organization_id: UUID, chunk_ids: Sequence[int]) -> None:
    """Make chunks unfindable once the running transaction commits; unknown ids are ignored."""
    if not chunk_ids:
        return
    state = _locked_state(organization_id)
    gone = set(chunk_ids) - set(
        db.session.scalars(
            select(IndexDeletion.chunk_id).where(
                IndexDeletion.organization_id == organization_id,
                IndexDeletion.chunk_id.in_(chunk_ids),
            )
        )
    )
    for segment in _segments(organization_id):
        ids = np.frombuffer(segment.chunk_ids, dtype="<i8")
        held = np.isin(ids, np.fromiter(gone, dtype=np.int64, count=len(gone)))
        if not held.any():
            continue
        state.chunk_count -= int(held.sum())
        state.total_length -= int(np.frombuffer(segment.lengths, dtype="<i4")[held].sum())
        rows = [
            {"organization_id": organization_id, "chunk_id": int(chunk_id)}
            for chunk_id in ids[held]
        ]
        db.session.execute(insert(IndexDeletion), rows)
    state.revision += 1
    db.session.flush()


def _locked_state(organization_id: UUID) -> IndexState:
    lock_writes()
    statement = select(IndexState).where(IndexState.organization_id == organization_id)
    state: IndexState | None = get_locked(statement)
    if state is None:
        values = {
            "organization_id": organization_id,
            "revision": 0,
            "chunk_count": 0,
            "total_length": 0,
        }
        dialect: Any = postgresql if db.engine.dialect.name == "postgresql" else sqlite
        db.session.execute(dialect.insert(IndexState).values(values).on_conflict_do_nothing())
        state = get_locked(statement)
        assert state is not None  # noqa: S101 - it was inserted just now
    return state


def _segments(organization_id: UUID, level: int | None = None) -> list[Any]:
    statement = select(
        IndexSegment.id, IndexSegment.chunk_ids, IndexSegment.lengths, IndexSegment.level
    ).where(IndexSegment.organization_id == organization_id)
    if level is not None:
        statement = statement.where(IndexSegment.level == level).add_columns(IndexSegment.vectors)
    return list(db.session.execute(statement.order_by(IndexSegment.id)))


def _write_segment(
    organization_id: UUID,
    chunk_ids: NDArray[np.int64],
    lengths: Ints,
    vectors: NDArray[np.float16],
    postings: dict[str, tuple[Ints, Ints]],
) -> None:
    segment = IndexSegment(
        organization_id=organization_id,
        level=_level(len(chunk_ids)),
        chunk_ids=chunk_ids.tobytes(),
        lengths=lengths.tobytes(),
        vectors=vectors.tobytes(),
    )
    db.session.add(segment)
    db.session.flush()
    rows = [
        {
            "organization_id": organization_id,
            "term": term,
            "segment_id": segment.id,
            "offsets": offsets.tobytes(),
            "frequencies": frequencies.tobytes(),
        }
        for term, (offsets, frequencies) in sorted(postings.items())
    ]
    if rows:
        db.session.execute(insert(IndexPosting), rows)
    db.session.expunge(segment)


def _level(count: int) -> int:
    level = 0
    while count >= FAN_OUT:
        count //= FAN_OUT
        level += 1
    return level


def _merge_crowded_levels(organization_id: UUID) -> None:
    """Merge eight segments of a size into one of the next; each chunk is rewritten log₈ n times."""
    while True:
        levels = Counter(
            db.session.scalars(
                select(IndexSegment.level).where(IndexSegment.organization_id == organization_id)
            )
        )
        crowded = [level for level, count in sorted(levels.items()) if count >= FAN_OUT]
        if not crowded:
            return
        _merge(organization_id, _segments(organization_id, crowded[0]))


def _merge(organization_id: UUID, segments: list[Any]) -> None:
    """Replace segments by one without their deleted chunks."""
    ids = np.concatenate([np.frombuffer(row.chunk_ids, dtype="<i8") for row in segments])
    lengths = np.concatenate([np.frombuffer(row.lengths, dtype="<i4") for row in segments])
    dimensions = get_embedder().dimensions
    vectors = np.concatenate(
        [np.frombuffer(row.vectors, dtype="<f2").reshape(-1, dimensions) for row in segments]
    )
    deleted = list(
        db.session.scalars(
            select(IndexDeletion.chunk_id).where(IndexDeletion.organization_id == organization_id)
        )
    )
    alive = ~np.isin(ids, np.array(deleted, dtype=np.int64))
    moved = np.cumsum(alive, dtype=np.int32) - 1
    starts, start = {}, 0
    for row in segments:
        starts[row.id] = start
        start += len(row.chunk_ids) // 8
    parts: dict[str, list[tuple[Ints, Ints]]] = defaultdict(list)
    postings = db.session.execute(
        select(
            IndexPosting.term,
            IndexPosting.segment_id,
            IndexPosting.offsets,
            IndexPosting.frequencies,
        )
        .where(IndexPosting.segment_id.in_(list(starts)))
        .order_by(IndexPosting.segment_id)
    )
    for term, segment_id, offsets, frequencies in postings:
        at = np.frombuffer(offsets, dtype="<i4") + starts[segment_id]
        kept = alive[at]
        if kept.any():
            parts[term].append((moved[at[kept]], np.frombuffer(frequencies, dtype="<i4")[kept]))
    db.session.execute(delete(IndexPosting).where(IndexPosting.segment_id.in_(list(starts))))
    db.session.execute(delete(IndexSegment).where(IndexSegment.id.in_(list(starts))))
    gone = [int(chunk_id) for chunk_id in ids[~alive]]
    if gone:
        db.session.execute(
            delete(IndexDeletion).where(
                IndexDeletion.organization_id == organization_id, IndexDeletion.chunk_id.in_(gone)
            )
        )
    if alive.any():
        _write_segment(
            organization_id,
            ids[alive],
            lengths[alive],
            vectors[alive],
            {
                term: (
                    np.concatenate([at for at, _ in found]).astype("<i4"),
                    np.concatenate([frequency for _, frequency in found]).astype("<i4"),
                )
                for term, found in parts.items()
            },
        )
