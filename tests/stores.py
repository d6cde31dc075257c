"""Databases with nothing in them but the index, and a plain BM25 to compare it with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from flask import Flask

from webapp import index
from webapp.core.database.connections import make_engine_options, prepare_sqlite
from webapp.core.extensions import db
from webapp.index import IndexedText, analyze, analyze_query, search
from webapp.index import models as index_models
from webapp.index.embedding import get_embedder

#: chunk id, BM25, cosine
Hit = tuple[int, float, float]


@dataclass(frozen=True)
class IndexedChunk:
    """A chunk with the id that a table would have given it."""

    id: int
    title: str
    text: str


def add_chunks(organization_id: UUID, chunks: Sequence[IndexedChunk]) -> None:
    """Prepare and add chunks, as storing documents does."""
    entries = index.prepare_entries([IndexedText(chunk.title, chunk.text) for chunk in chunks])
    index.add_chunks(organization_id, [chunk.id for chunk in chunks], entries)


def make_store(url: str) -> Flask:
    """An application that knows the database at `url`, with the tables of the index."""
    app = Flask("store")
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = make_engine_options(url)
    db.init_app(app)
    tables = [
        model.__table__
        for model in vars(index_models).values()
        if isinstance(model, type) and model is not db.Model and issubclass(model, db.Model)
    ]
    with app.app_context():
        prepare_sqlite(db.engine)
        db.metadata.create_all(db.engine, tables=tables)
    return app


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'index.sqlite3'}"


def found(organization_id: UUID, query: str, **options: object) -> list[Hit]:
    """Chunk id, BM25 and cosine of what a search finds, in its order."""
    hits = search(organization_id, query, **options)  # type: ignore[arg-type]  # passed through
    db.session.rollback()
    return [(hit.chunk_id, round(hit.bm25, 5), round(hit.cosine, 5)) for hit in hits]


def assert_same(found: list[Hit], expected: list[Hit]) -> None:
    """The same chunks in the same order; scores may differ as 32-bit sums in another order do."""
    assert [number for number, *_ in found] == [number for number, *_ in expected]
    for one, other in zip(found, expected, strict=True):
        assert one[1:] == pytest.approx(other[1:], abs=2e-5)


def plain_search(chunks: list[IndexedChunk], query: str, *, top_k: int = 10) -> list[Hit]:
    """What a hybrid search must find, by the words of the design and without any index."""
    if not chunks:
        return []
    terms = {c.id: analyze(c.title) * 2 + analyze(c.text) for c in chunks}
    average = sum(map(len, terms.values())) / len(terms)
    bm25: dict[int, float] = dict.fromkeys(terms, 0.0)
    for term in analyze_query(query):
        holding = sum(term in words for words in terms.values())
        idf = math.log(1 + (len(terms) - holding + 0.5) / (holding + 0.5))
        for number, words in terms.items():
            if frequency := Counter(words)[term]:
                norm = 1.2 * (0.25 + 0.75 * len(words) / average)
                bm25[number] += idf * frequency * 2.2 / (frequency + norm)
    texts = [f"{c.title}\n{c.text}" for c in chunks]
    vectors = get_embedder().embed(texts).astype(np.float16).astype(np.float32)
    cosines = (vectors @ get_embedder().embed([query])[0]).tolist()
    cosine = {c.id: float(value) for c, value in zip(chunks, cosines, strict=True)}
    bm25 = {number: round(value, 6) for number, value in bm25.items()}
    cosine = {number: round(value, 6) for number, value in cosine.items()}
    by_bm25 = sorted((n for n in bm25 if bm25[n] > 0), key=lambda n: (-bm25[n], n))[:200]
    by_cosine = sorted(cosine, key=lambda n: (-cosine[n], n))[:200]
    candidates = sorted({*by_bm25, *by_cosine})
    shares = [(0.7, bm25), (0.3, cosine)]
    scores = {
        n: round(sum(share * _minmax(part, candidates)[n] for share, part in shares), 6)
        for n in candidates
    }
    best = sorted(candidates, key=lambda n: (-scores[n], n))[:top_k]
    return [(n, round(bm25[n], 5), round(cosine[n], 5)) for n in best]


def _minmax(scores: dict[int, float], candidates: list[int]) -> dict[int, float]:
    values = [scores[n] for n in candidates]
    low, high = min(values), max(values)
    if high - low < 1e-5:
        return {n: float(scores[n] > 0) for n in candidates}
    return {n: (scores[n] - low) / (high - low) for n in candidates}
