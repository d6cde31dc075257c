"""Ranking: BM25 and cosine over one view of the index, joined as the design decides.

score = 0.7·minmax(bm25) + 0.3·minmax(cosine) over the union of the best 200 of each list in
scope; a candidate without a query term has BM25 0, every candidate has its cosine, and ties
fall to the lower chunk id. The shares belong to the embedder.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from sqlalchemy import Row, select

from webapp.core.arrays import np
from webapp.core.database.transactions import snapshot
from webapp.core.extensions import db
from webapp.index.analysis import analyze_query
from webapp.index.embedding import EmbedderDown, get_embedder
from webapp.index.filters import Filter, filters
from webapp.index.models import IndexPosting
from webapp.index.views import K1, View, views

if TYPE_CHECKING:
    from numpy.typing import NDArray

Scores: TypeAlias = "NDArray[np.float64]"
Positions: TypeAlias = "NDArray[np.int64]"
#: by term: positions, and what it adds to their scores
TermParts = dict[str, tuple[Positions, Scores]]

CANDIDATES = 200
#: as many as a search looks for at most
MAX_HITS = CANDIDATES
#: scores are compared to so many decimals: sums in another order differ beyond them
DECIMALS = 6
#: a list whose scores differ by less says nothing about order
MIN_SPREAD = 1e-5


class Strategy(StrEnum):
    """What a search goes by: words, meaning, or both."""

    HYBRID = "hybrid"
    KEYWORD = "keyword"
    VECTOR = "vector"


@dataclass(frozen=True, slots=True)
class Hit:
    """A found chunk: its score (0…1), and what it comes from.

    The score compares it with the others found; `share` is what part of the query's weight, its
    words by their rarity, the chunk holds by itself.
    """

    chunk_id: int
    score: float
    bm25: float
    cosine: float
    share: float
    #: what each term of the query adds to the BM25, where it was asked for
    terms: dict[str, float] = field(default_factory=dict)

    @property
    def confidence(self) -> float:
        """How well the chunk answers, 0…1, whatever else was found."""
        return round((self.share + min(max(self.cosine, 0.0), 1.0)) / 2, DECIMALS)


class Hits(list[Hit]):
    """What a search found; `notice` says where it could not search as it was asked to."""

    notice: str | None = None


def search(
    organization_id: UUID,
    query: str,
    *,
    top_k: int = 10,
    strategy: Strategy = Strategy.HYBRID,
    only: Filter | None = None,
    keyword_weight: float | None = None,
    is_explained: bool = False,
) -> Hits:
    """The best `top_k` chunks of an organization for `query`, best first.

    `only` says which chunks may be found; all where it is None. A `keyword` score is the BM25 as
    a share of the best one, a `vector` score the cosine. `keyword_weight` (0…1) is the share of
    keywords in a hybrid score where it is not the embedder's. Where the embedder is down, keywords
    alone find. Reads one `snapshot()`, which the caller's commit ends, so call it before anything
    is written.
    """
    snapshot()
    view = views.get(organization_id)
    result = Hits()
    if view is None:
        return result
    allowed = view.alive if only is None else view.alive & filters.mask(view, only)
    bm25, ideal, parts = bm25_scores(view, analyze_query(query), allowed)
    cosine, weights = np.zeros_like(bm25), (1.0, 0.0)
    try:
        embedder = get_embedder(view.embedder)
        cosine = cosine_scores(view, embedder.embed([query])[0], allowed)
        weights = embedder.weights
    except EmbedderDown:
        strategy = Strategy.KEYWORD
        result.notice = "The embedder does not answer: these are found by keywords only."
    if keyword_weight is not None:
        weights = (keyword_weight, 1 - keyword_weight)
    limit = max(CANDIDATES, top_k)
    candidates = _find_candidates(strategy, view, bm25, cosine, allowed, limit)
    scores = np.zeros(len(view.chunk_ids))
    scores[candidates] = _joined(strategy, bm25[candidates], cosine[candidates], weights)
    result += [
        Hit(
            chunk_id=int(view.chunk_ids[at]),
            score=float(scores[at]),
            bm25=float(bm25[at]),
            cosine=float(cosine[at]),
            share=float(bm25[at]) / ideal if ideal else 0.0,
            terms=_terms_at(parts, at) if is_explained else {},
        )
        for at in best(view, scores, candidates, top_k).tolist()
    ]
    return result


def _find_candidates(
    strategy: Strategy,
    view: View,
    bm25: Scores,
    cosine: Scores,
    allowed: NDArray[np.bool_],
    limit: int,
) -> Positions:
    """The positions of the best `limit` by words, by meaning, or by each of both."""
    found: Positions = np.empty(0, dtype=np.int64)
    if strategy != Strategy.VECTOR:
        found = best(view, bm25, np.flatnonzero(bm25), limit)
    if strategy != Strategy.KEYWORD:
        found = np.union1d(found, best(view, cosine, np.flatnonzero(allowed), limit))
    return found


def bm25_scores(
    view: View, terms: Sequence[str], allowed: NDArray[np.bool_]
) -> tuple[Scores, float, TermParts]:
    """BM25 by position, 0 outside of `allowed`; the highest that any text could have; and what
    each term adds where.

    A term counts as often as the query has it. How rare a term is, and how long a chunk, is
    measured over the organization, not the scope.
    """
    scores = np.zeros(len(view.chunk_ids))
    times = Counter(terms)
    if not times or not view.chunk_count:
        return scores, 0.0, {}
    postings: dict[str, list[Row[str, int, bytes, bytes]]] = defaultdict(list)
    for row in db.session.execute(
        select(
            IndexPosting.term,
            IndexPosting.segment_id,
            IndexPosting.offsets,
            IndexPosting.frequencies,
        ).where(IndexPosting.organization_id == view.organization_id, IndexPosting.term.in_(times))
    ):
        # A segment that is not in the view is of a rebuilding that has not ended.
        if row.segment_id in view.bases:
            postings[row.term].append(row)
    # A word that no chunk holds counts as the rarest.
    unknown = sum(count for term, count in times.items() if term not in postings)
    ideal = unknown * _rarity(view, 0) * (K1 + 1)
    parts: TermParts = {}
    for term, rows in postings.items():
        offsets = np.frombuffer(b"".join(row.offsets for row in rows), dtype="<i4")
        frequencies = np.frombuffer(b"".join(row.frequencies for row in rows), dtype="<i4")
        counts = [len(row.offsets) // 4 for row in rows]
        at = offsets + np.repeat([view.bases[row.segment_id] for row in rows], counts)
        document_count = int(view.alive[at].sum())
        share = times[term] * _rarity(view, document_count) * (K1 + 1)
        ideal += share
        added = share * frequencies / (frequencies + view.norms[at])
        scores[at] += added
        parts[term] = (at, added)
    scores[~allowed] = 0
    return scores.round(DECIMALS), ideal, parts


def _terms_at(parts: TermParts, position: int) -> dict[str, float]:
    """What each term adds at one position, the most first."""
    shares = {}
    for term, (at, added) in parts.items():
        here = np.flatnonzero(at == position)
        if len(here):
            shares[term] = round(float(added[here[0]]), 3)
    return dict(sorted(shares.items(), key=lambda pair: -pair[1]))


def _rarity(view: View, document_count: int) -> float:
    return math.log1p((view.chunk_count - document_count + 0.5) / (document_count + 0.5))


def cosine_scores(view: View, vector: NDArray[np.float32], allowed: NDArray[np.bool_]) -> Scores:
    """Cosines by position; what stands outside of `allowed` means nothing."""
    scores = np.zeros(len(view.chunk_ids))
    for part in view.parts:
        start = view.bases[part.id]
        end = start + len(part.chunk_ids)
        rows = np.flatnonzero(allowed[start:end])
        if len(rows) * 4 > end - start:  # gathering rows would cost more than it spares
            scores[start:end] = part.vectors @ vector
        elif len(rows):
            scores[start + rows] = part.vectors[rows] @ vector
    return scores.round(DECIMALS)


def best(view: View, scores: Scores, candidates: Positions, limit: int) -> Positions:
    """The `limit` highest of `candidates` (positions), best first, ties by chunk id."""
    values = scores[candidates]
    if len(candidates) > limit:
        candidates = candidates[values >= np.partition(values, -limit)[-limit]]
        values = scores[candidates]
    return candidates[np.lexsort((view.chunk_ids[candidates], -values))[:limit]]


def minmax(values: Scores) -> Scores:
    """`values` stretched to 0…1; where all are alike, 1 for those above 0."""
    if not len(values):
        return values
    low, high = values.min(), values.max()
    if high - low < MIN_SPREAD:
        return (values > 0).astype(np.float64)
    stretched: Scores = (values - low) / (high - low)
    return stretched


def _joined(
    strategy: Strategy, bm25: Scores, cosine: Scores, weights: tuple[float, float]
) -> Scores:
    if strategy == Strategy.VECTOR or not len(bm25):
        return cosine.clip(0, 1)
    if strategy == Strategy.KEYWORD:
        share: Scores = bm25 / bm25.max()
        return share
    joined: Scores = weights[0] * minmax(bm25) + weights[1] * minmax(cosine)
    return joined.round(DECIMALS)
