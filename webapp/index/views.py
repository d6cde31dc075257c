"""What a process remembers of the indexes it searches.

A view is one organization's index at one revision, immutable for its readers. A search reads the
revision first; a view of another one is rebuilt from the segments that are already here and
those that are new, so a write costs the next search the reading of what it added.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from webapp.core.arrays import np
from webapp.core.extensions import db
from webapp.index.models import IndexSegment, IndexState
from webapp.index.segments import SegmentRows, read_deleted, read_segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_ORGANIZATIONS = 64
#: BM25's constants: how soon more occurrences of a term add nothing, how much length costs
K1, B = 1.2, 0.75


@dataclass(frozen=True, slots=True)
class Part:
    """One segment; it never changes."""

    id: int
    chunk_ids: NDArray[np.int64]
    lengths: NDArray[np.int32]
    #: shape (chunks, dimensions); float16 would be slow to multiply
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class View:
    """An index at one revision; arrays are by position over all segments, one after the other."""

    organization_id: UUID
    revision: int
    #: whose vectors these are
    embedder: str
    parts: tuple[Part, ...]
    #: the first position of each segment, by segment id
    bases: dict[int, int]
    chunk_ids: NDArray[np.int64]
    alive: NDArray[np.bool_]
    #: what BM25 adds to a term's frequency there
    norms: NDArray[np.float64]
    chunk_count: int


@dataclass(slots=True)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    view: View | None = None


class ViewCache:
    """The views of the organizations searched last; safe to share between threads."""

    def __init__(self, max_organizations: int = MAX_ORGANIZATIONS) -> None:
        self._max_organizations = max_organizations
        self._lock = threading.Lock()
        self._entries: OrderedDict[UUID, _Entry] = OrderedDict()

    def get(self, organization_id: UUID) -> View | None:
        """The index as this transaction sees it; call within a `snapshot()`.

        `None` where the organization has nothing indexed.
        """
        state = db.session.execute(
            select(
                IndexState.revision,
                IndexState.chunk_count,
                IndexState.total_length,
                IndexState.generation,
                IndexState.embedder,
            ).where(IndexState.organization_id == organization_id)
        ).one_or_none()
        if state is None or state.chunk_count == 0:
            return None
        entry = self._entry(organization_id)
        with entry.lock:
            if entry.view is None or entry.view.revision != state.revision:
                entry.view = _build(organization_id, state, entry.view)
            return entry.view

    def _entry(self, organization_id: UUID) -> _Entry:
        with self._lock:
            entry = self._entries.setdefault(organization_id, _Entry())
            self._entries.move_to_end(organization_id)
            while len(self._entries) > self._max_organizations:
                self._entries.popitem(last=False)
            return entry


def _build(organization_id: UUID, state: Any, before: View | None) -> View:
    average_length = max(state.total_length / state.chunk_count, 1e-9)
    segment_ids = db.session.scalars(
        select(IndexSegment.id)
        .where(
            IndexSegment.organization_id == organization_id,
            IndexSegment.generation == state.generation,
        )
        .order_by(IndexSegment.id)
    ).all()
    known = {part.id: part for part in before.parts} if before else {}
    missing = [number for number in segment_ids if number not in known]
    known.update({rows.id: _part(rows) for rows in read_segments(missing)})
    parts = tuple(known[number] for number in segment_ids)
    starts = np.cumsum([0, *(len(part.chunk_ids) for part in parts)]).tolist()
    chunk_ids = np.concatenate([part.chunk_ids for part in parts])
    lengths = np.concatenate([part.lengths for part in parts])
    alive = ~np.isin(chunk_ids, read_deleted(organization_id))
    return View(
        organization_id=organization_id,
        revision=state.revision,
        embedder=state.embedder,
        parts=parts,
        bases={part.id: start for part, start in zip(parts, starts, strict=False)},
        chunk_ids=chunk_ids,
        alive=alive,
        norms=K1 * (1 - B + B * lengths / average_length),
        chunk_count=int(alive.sum()),
    )


def _part(rows: SegmentRows) -> Part:
    return Part(rows.id, rows.chunk_ids, rows.lengths, rows.vectors.astype(np.float32))


views = ViewCache()
