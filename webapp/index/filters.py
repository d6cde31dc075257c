"""Filters: which chunks a search may find, remembered so that most searches read none of them.

Chunk ids only grow within an organization (writers take its lock before they get one), so that
after a write only the new chunks are looked at. What moves known chunks into or out of filters
raises `scope_revision`, and the filter is read anew.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Select, select

from webapp.core.arrays import np
from webapp.core.extensions import db
from webapp.index.models import IndexState
from webapp.index.views import View

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Filter:
    """The chunks that `chunk_ids(after)` selects: one column, the ids above `after`.

    `key` names the filter within the organization: equal keys select alike.
    """

    key: str
    chunk_ids: Callable[[int], Select[Any]]


@dataclass(frozen=True, slots=True)
class _Known:
    scope_revision: int
    view_revision: int
    last_chunk_id: int
    chunk_ids: NDArray[np.int64]
    #: by position of the view
    mask: NDArray[np.bool_]

    @property
    def size(self) -> int:
        return self.chunk_ids.nbytes + self.mask.nbytes


class FilterCache:
    """The filters used last, within `MAX_BYTES`; safe to share between threads."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[UUID, str], _Known] = OrderedDict()

    def mask(self, view: View, chosen: Filter) -> NDArray[np.bool_]:
        """By position of `view`: whether the filter lets the chunk through.

        Call it in the snapshot that `view` was read in.
        """
        scope_revision = db.session.scalar(
            select(IndexState.scope_revision).where(
                IndexState.organization_id == view.organization_id
            )
        )
        place = (view.organization_id, chosen.key)
        with self._lock:
            known = self._known.get(place)
        if known is None or known.scope_revision != scope_revision:
            chunk_ids = _read(chosen, after=0)
        elif known.view_revision != view.revision:
            chunk_ids = np.concatenate([known.chunk_ids, _read(chosen, after=known.last_chunk_id)])
        else:
            self._keep(place, known)
            return known.mask
        last = max(int(view.chunk_ids.max(initial=0)), int(chunk_ids.max(initial=0)))
        mask = np.isin(view.chunk_ids, chunk_ids)
        self._keep(place, _Known(scope_revision or 0, view.revision, last, chunk_ids, mask))
        return mask

    def _keep(self, place: tuple[UUID, str], known: _Known) -> None:
        with self._lock:
            self._known[place] = known
            self._known.move_to_end(place)
            total = sum(item.size for item in self._known.values())
            while total > self._max_bytes and len(self._known) > 1:
                total -= self._known.popitem(last=False)[1].size


def _read(chosen: Filter, *, after: int) -> NDArray[np.int64]:
    """Ids of the filter's chunks above `after`, in no order."""
    return np.fromiter(db.session.scalars(chosen.chunk_ids(after)), dtype=np.int64)


filters = FilterCache()
