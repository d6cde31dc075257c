"""Rank chunks: BM25 and cosine, each scaled to 0…1 over the candidates, weighted by the embedder.

Postings are read by primary key; lengths, deletions and vectors come from a cache of this process
that the organization's revision keeps honest.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from webapp.core.database import snapshot
from webapp.core.extensions import db
from webapp.knowledge.embedding import get_embedder
from webapp.knowledge.index.analysis import analyze_query
from webapp.knowledge.index.models import IndexDeletion, IndexPosting, IndexSegment, IndexState

K1, B = 1.2, 0.75
CANDIDATES = 200
CACHED_ORGANIZATIONS = 16

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Hit:
    """A found chunk: its final score (0…1), its BM25 and its cosine as they were."""

    chunk_id: int
    score: float
    bm25: float
    cosine: float


@dataclass(frozen=True)
class _Cache:
    """An organization's chunks at one revision; `starts` says where each segment begins."""

    revision: int
    chunk_count: int
    average_length: float
    starts: dict[int, int]
    chunk_ids: NDArray[np.int64]
    lengths: Floats
    alive: NDArray[np.bool_]
    vectors: Floats


_caches: OrderedDict[UUID, _Cache] = OrderedDict()
_lock = threading.Lock()


def search(
    organization_id: UUID,
    query: str,
    *,
    top_k: int,
    strategy: str = "hybrid",
    scope: NDArray[np.int64] | None = None,
) -> list[Hit]:
    """The best chunks for a query, best first, at most `top_k`.

    `scope` limits it to these chunk ids. `strategy` is hybrid, keyword or vector. Reads one state
    of the database: it begins a snapshot, which the caller's commit ends.
    """
    snapshot()
    cache = _fresh_cache(organization_id)
    if cache is None or not cache.alive.any():
        return []
    allowed = cache.alive
    if scope is not None:
        allowed = allowed & np.isin(cache.chunk_ids, scope)
    embedder = get_embedder()
    keyword_share, vector_share = {"keyword": (1.0, 0.0), "vector": (0.0, 1.0)}.get(
        strategy, embedder.weights
    )
    bm25 = _bm25(organization_id, query, cache, allowed)
    cosine = cache.vectors @ embedder.embed([query])[0]
    lists = []
    if keyword_share:
        lists.append(_best(bm25, allowed & (bm25 > 0), cache.chunk_ids))
    if vector_share:
        lists.append(_best(cosine, allowed, cache.chunk_ids))
    candidates = np.unique(np.concatenate(lists))
    if not len(candidates):
        return []
    scores = keyword_share * _scaled(bm25[candidates]) + vector_share * _scaled(cosine[candidates])
    order = np.lexsort((cache.chunk_ids[candidates], -scores))[:top_k]
    return [
        Hit(
            chunk_id=int(cache.chunk_ids[at]),
            score=float(score),
            bm25=float(bm25[at]),
            cosine=float(cosine[at]),
        )
        for at, score in zip(candidates[order], scores[order], strict=True)
    ]


def _bm25(
    organization_id: UUID, query: str, cache: _Cache, allowed: NDArray[np.bool_]
) -> NDArray[np.float64]:
    scores = np.zeros(len(cache.chunk_ids))
    terms = Counter(analyze_query(query))
    if not terms:
        return scores
    found: dict[str, list[tuple[NDArray[np.int64], NDArray[np.int32]]]] = {}
    postings = db.session.execute(
        select(
            IndexPosting.term,
            IndexPosting.segment_id,
            IndexPosting.offsets,
            IndexPosting.frequencies,
        ).where(
            IndexPosting.organization_id == organization_id, IndexPosting.term.in_(sorted(terms))
        )
    )
    for term, segment_id, offsets, frequencies in postings:
        at = np.frombuffer(offsets, dtype="<i4").astype(np.int64) + cache.starts[segment_id]
        found.setdefault(term, []).append((at, np.frombuffer(frequencies, dtype="<i4")))
    for term in sorted(found):
        at = np.concatenate([offsets for offsets, _ in found[term]])
        frequency = np.concatenate([items for _, items in found[term]])
        kept = cache.alive[at]
        at, frequency = at[kept], frequency[kept]
        idf = np.log(1 + (cache.chunk_count - len(at) + 0.5) / (len(at) + 0.5))
        norm = K1 * (1 - B + B * cache.lengths[at] / cache.average_length)
        scores[at] += terms[term] * idf * frequency * (K1 + 1) / (frequency + norm)
    return np.where(allowed, scores, 0.0)


def _best(
    scores: NDArray[np.floating], allowed: NDArray[np.bool_], chunk_ids: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Positions of the best 200 that are allowed; ties go to the lower chunk id."""
    at = np.flatnonzero(allowed)
    if len(at) > CANDIDATES:
        limit = np.partition(scores[at], len(at) - CANDIDATES)[len(at) - CANDIDATES]
        at = at[scores[at] >= limit]
        at = at[np.lexsort((chunk_ids[at], -scores[at]))][:CANDIDATES]
    return at


def _scaled(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    lowest, highest = float(scores.min()), float(scores.max())
    if highest == lowest:
        return np.full(len(scores), 1.0 if highest > 0 else 0.0)
    return (scores.astype(np.float64) - lowest) / (highest - lowest)


def _fresh_cache(organization_id: UUID) -> _Cache | None:
    state = db.session.execute(
        select(IndexState.revision, IndexState.chunk_count, IndexState.total_length).where(
            IndexState.organization_id == organization_id
        )
    ).one_or_none()
    if state is None or state.chunk_count == 0:
        return None
    with _lock:
        cache = _caches.get(organization_id)
        if cache is not None and cache.revision == state.revision:
            _caches.move_to_end(organization_id)
            return cache
    cache = _load(organization_id, state.revision, state.chunk_count, state.total_length, cache)
    with _lock:
        _caches[organization_id] = cache
        _caches.move_to_end(organization_id)
        while len(_caches) > CACHED_ORGANIZATIONS:
            _caches.popitem(last=False)
    return cache


def _load(
    organization_id: UUID, revision: int, count: int, total_length: int, old: _Cache | None
) -> _Cache:
    """Read what the old cache does not have; segments never change, they come and go."""
    segment_ids = list(
        db.session.scalars(
            select(IndexSegment.id)
            .where(IndexSegment.organization_id == organization_id)
            .order_by(IndexSegment.id)
        )
    )
    known = _slices(old) if old is not None else {}
    dimensions = get_embedder().dimensions
    parts = {key: known[key] for key in segment_ids if key in known}
    missing = [key for key in segment_ids if key not in known]
    for row in db.session.execute(
        select(
            IndexSegment.id, IndexSegment.chunk_ids, IndexSegment.lengths, IndexSegment.vectors
        ).where(IndexSegment.id.in_(missing))
    ):
        parts[row.id] = (
            np.frombuffer(row.chunk_ids, dtype="<i8"),
            np.frombuffer(row.lengths, dtype="<i4").astype(np.float32),
            np.frombuffer(row.vectors, dtype="<f2").reshape(-1, dimensions).astype(np.float32),
        )
    starts, start = {}, 0
    for key in segment_ids:
        starts[key] = start
        start += len(parts[key][0])
    chunk_ids = np.concatenate([parts[key][0] for key in segment_ids])
    deleted = list(
        db.session.scalars(
            select(IndexDeletion.chunk_id).where(IndexDeletion.organization_id == organization_id)
        )
    )
    return _Cache(
        revision=revision,
        chunk_count=count,
        average_length=max(total_length / count, 1e-9),
        starts=starts,
        chunk_ids=chunk_ids,
        lengths=np.concatenate([parts[key][1] for key in segment_ids]),
        alive=~np.isin(chunk_ids, np.array(deleted, dtype=np.int64)),
        vectors=np.concatenate([parts[key][2] for key in segment_ids]),
    )


def _slices(cache: _Cache) -> dict[int, tuple[NDArray[np.int64], Floats, Floats]]:
    """The old cache cut into its segments again, without copying."""
    ends = [*list(cache.starts.values())[1:], len(cache.chunk_ids)]
    return {
        key: (cache.chunk_ids[start:end], cache.lengths[start:end], cache.vectors[start:end])
        for (key, start), end in zip(cache.starts.items(), ends, strict=True)
    }
