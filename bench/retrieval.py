"""Retrieval: how good the ranking is, how fast a query, how fast documents come in.

    COLLECTIONS=folder python -m bench.retrieval

nDCG@10 is the mean over judged queries of DCG@10 / ideal DCG@10; DCG = Σ relevance / log2(rank + 1)
with the relevance as it is given, and the ideal order is taken over all judged documents.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np

from tests.stores import make_store, sqlite_url
from webapp import index
from webapp.core.extensions import db

#: nDCG@10 that a change must not fall below
FLOORS = {"cranfield": 0.375, "cacm": 0.505}
DEPTH = 10
LATENCY_CHUNKS = 10_000
INGEST_DOCUMENTS = 1_000
INGEST_BATCH = 100

#: a query to the ids of the best documents, best first
Search = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class Collection:
    """A judged collection: a folder with docs.jsonl, queries.jsonl and qrels.jsonl."""

    name: str
    #: id, title, text
    documents: list[tuple[str, str, str]]
    #: text by query id
    queries: dict[str, str]
    #: relevance by document id, by query id
    judgements: dict[str, dict[str, float]]


def load_collection(folder: Path) -> Collection:
    """Read `docs.jsonl`, `queries.jsonl` and `qrels.jsonl` of one collection."""
    judgements: dict[str, dict[str, float]] = defaultdict(dict)
    for row in _lines(folder / "qrels.jsonl"):
        judgements[row["query_id"]][row["doc_id"]] = row["relevance"]
    return Collection(
        name=folder.name,
        documents=[(row["id"], row["title"], row["text"]) for row in _lines(folder / "docs.jsonl")],
        queries={row["id"]: row["text"] for row in _lines(folder / "queries.jsonl")},
        judgements=dict(judgements),
    )


def load_collections() -> list[Collection]:
    """The collections in the folder that the environment's COLLECTIONS names."""
    if "COLLECTIONS" not in os.environ:
        raise SystemExit(f"Set COLLECTIONS to the folder that holds {', '.join(FLOORS)}.")
    return [load_collection(Path(os.environ["COLLECTIONS"]) / name) for name in FLOORS]


def ndcg(collection: Collection, search: Search) -> float:
    """Mean nDCG@10 of `search` over the queries that have a judgement."""
    values = []
    for query_id, judged in collection.judgements.items():
        found = search(collection.queries[query_id])[:DEPTH]
        gained = _dcg([judged.get(number, 0.0) for number in found])
        values.append(gained / _dcg(sorted(judged.values(), reverse=True)[:DEPTH]))
    return sum(values) / len(values)


def _dcg(relevances: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(relevances, 1))


def _lines(path: Path) -> Iterator[dict]:  # type: ignore[type-arg]  # any JSON
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


@contextmanager
def empty_index() -> Iterator[UUID]:
    """An application context on a new SQLite file, and an organization without documents."""
    with (
        tempfile.TemporaryDirectory() as folder,
        make_store(sqlite_url(Path(folder))).app_context(),
    ):
        yield uuid4()
        db.session.remove()
        db.engine.dispose()


def ingest(
    organization_id: UUID, texts: Sequence[tuple[str, str]], *, first_id: int = 0, batch: int
) -> float:
    """Index titles and texts under ascending ids, a commit each `batch`; returns seconds."""
    start = time.perf_counter()
    for at in range(0, len(texts), batch):
        part = texts[at : at + batch]
        entries = index.prepare_entries([index.IndexedText(*pair) for pair in part])
        ids = range(first_id + at, first_id + at + len(part))
        index.add_chunks(organization_id, ids, entries)
        db.session.commit()
    return time.perf_counter() - start


def measure_latency(search: Search, queries: Sequence[str]) -> tuple[float, float]:
    """Median and 95th percentile of one client's queries, in milliseconds, after one warm-up."""
    search(queries[0])
    times = []
    for query in queries:
        start = time.perf_counter()
        search(query)
        times.append((time.perf_counter() - start) * 1000)
    median, high = np.percentile(times, [50, 95])
    return float(median), float(high)


def main() -> None:
    collections = load_collections()
    for collection in collections:
        with empty_index() as organization_id:
            ids = [number for number, _, _ in collection.documents]
            texts = [(title, text) for _, title, text in collection.documents]
            ingest(organization_id, texts, batch=INGEST_BATCH)
            for strategy in ("hybrid", "keyword", "vector"):
                search = _searcher(organization_id, ids, strategy)
                floor = f"floor {FLOORS[collection.name]}" if strategy == "hybrid" else ""
                show(f"nDCG@10 {collection.name} {strategy}", ndcg(collection, search), floor)
    texts = [(title, text) for c in collections for _, title, text in c.documents]
    queries = [text for collection in collections for text in collection.queries.values()]
    with empty_index() as organization_id:
        many = (texts * (LATENCY_CHUNKS // len(texts) + 1))[:LATENCY_CHUNKS]
        ingest(organization_id, many, batch=INGEST_BATCH)
        search = _searcher(organization_id, [str(number) for number in range(len(many))], "hybrid")
        median, high = measure_latency(search, queries)
        show("query p50, 10,000 chunks (ms)", median)
        show("query p95, 10,000 chunks (ms)", high, "floor 60")
        more = _kilobytes(texts)
        seconds = ingest(organization_id, more, first_id=len(many), batch=INGEST_BATCH)
        show("1 kB documents/s, by 100", len(more) / seconds, "goal 150")
        seconds = ingest(organization_id, more[:200], first_id=2 * len(many), batch=1)
        show("1 kB documents/s, one by one", 200 / seconds)


def _searcher(organization_id: UUID, ids: Sequence[str], strategy: index.Strategy) -> Search:
    def search(query: str) -> list[str]:
        hits = index.search(organization_id, query, top_k=DEPTH, strategy=strategy)
        db.session.rollback()
        return [ids[hit.chunk_id] for hit in hits]

    return search


def _kilobytes(texts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Documents of 1 kB each, cut out of all the texts."""
    words = " ".join(text for _, text in texts)
    count = min(INGEST_DOCUMENTS, len(words) // 1000)
    return [(f"Document {at}", words[at * 1000 : (at + 1) * 1000]) for at in range(count)]


def show_head() -> None:
    print(f"{'measured':<72} {'value':>10}   bound\n{'-' * 72} {'-' * 10}   {'-' * 11}", flush=True)


def show(name: str, value: float, note: str = "") -> None:
    """One row of the table; `note` is the bound that the value must keep."""
    print(f"{name:<72} {value:>10.4g}   {note}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
