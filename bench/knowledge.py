"""Knowledge on both databases: ranking, queries in a scope, coverage, and what peers take.

    COLLECTIONS=folder python -m bench.knowledge [sqlite] [postgresql]

Documents of one passage are written as rows, past the services, so that a large store is there in
minutes; everything measured is the product's own. `CHUNKS` (10000,100000) are the sizes of stores,
`COVERAGE_CHUNKS` (1000000) the passages behind the coverage that is read.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from apiflask import APIFlask
from sqlalchemy import insert, text, update

from bench.retrieval import DEPTH, load_collections, measure_latency, ndcg, show
from tests.database import postgresql
from webapp import create_app, index
from webapp.accounts import services as accounts
from webapp.agents.models import Agent
from webapp.config import Settings
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.database import migrations
from webapp.core.extensions import db
from webapp.coverage import refresh
from webapp.coverage import services as coverage
from webapp.coverage.figures import get_figures
from webapp.coverage.schemas import CoverageResponse
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.schemas import FromTaxonomyRequest
from webapp.documents.filters import select_documents
from webapp.documents.models import Chunk, Document, DocumentNode
from webapp.documents.services import indexed_text
from webapp.documents.topics.recounting import recount_nodes, recount_scopes
from webapp.index.embedding import local_embedder
from webapp.questions.schemas import QueryRequest
from webapp.questions.services import ask_agent
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.models import Scope, TaxonomyNode
from webapp.taxonomies.references import select_topics
from webapp.taxonomies.schemas import TaxonomyRequest

SIZES = tuple(int(size) for size in os.environ.get("CHUNKS", "10000,100000").split(","))
COVERAGE_CHUNKS = int(os.environ.get("COVERAGE_CHUNKS", "1000000"))
BATCH = 5_000
#: areas, fields in each, topics in each of those: 3,000 and some
SHAPE = (10, 10, 29)

Pair = tuple[str, str]


@contextmanager
def database_url(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'bench.sqlite3'}"
        return
    with postgresql(is_durable=True) as url:
        yield url


@contextmanager
def installation(kind: str, **values: Any) -> Iterator[APIFlask]:
    """A new, empty installation inside its application context."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with database_url(kind, folder) as url:
            settings = Settings(data_dir=folder, database_url=url, secret_key="bench", **values)
            app = create_app(settings)
            with app.app_context():
                migrations.upgrade(settings)
                yield app
                db.session.remove()
                db.engine.dispose()


def make_actor() -> Actor:
    user = accounts.create_organization(
        f"Bench {uuid4()}", email=f"{uuid4().hex}@example.com", password="correct horse battery"
    )
    return user.actor


def make_topics(actor: Actor) -> dict[tuple[str, ...], UUID]:
    areas, fields, topics = SHAPE
    nodes = [
        {"path": [f"Area {a}", f"Field {a}.{f}", f"Topic {a}.{f}.{t}"]}
        for a in range(areas)
        for f in range(fields)
        for t in range(topics)
    ]
    body = TaxonomyRequest.model_validate({"version": "1.0.0", "nodes": nodes})
    grown = taxonomies.extend_taxonomy(body, actor=actor)
    return {tuple(node.canonical_path): node.node_id for node in grown.nodes}


def find_topics(actor: Actor, node_ids: Sequence[UUID]) -> list[UUID]:
    """The ids that tables refer to, in the same order."""
    rows = db.session.execute(
        select_topics(actor.organization_id, node_ids).add_columns(TaxonomyNode.public_id)
    )
    ids = {row.public_id: row.id for row in rows}
    return [ids[node_id] for node_id in node_ids]


def fill(actor: Actor, texts: Sequence[Pair], node_ids: Sequence[UUID], *, is_found: bool) -> None:
    """A document with a passage for each text, about a topic each; indexed where they are found."""
    now, topics = clock.now(), find_topics(actor, node_ids)
    for start in range(0, len(texts), BATCH):
        part = texts[start : start + BATCH]
        ids = [uuid4() for _ in part]
        db.session.execute(
            insert(Document),
            [
                {
                    "id": key, "organization_id": actor.organization_id, "title": title,
                    "content": content, "content_type": "text/plain", "document_metadata": {},
                    "status": "ready", "file_size": len(content), "checksum": "", "chunk_count": 1,
                    "created_at": now, "updated_at": now,
                }
                for key, (title, content) in zip(ids, part, strict=True)
            ],
        )  # fmt: skip
        chunk_ids = db.session.scalars(
            insert(Chunk).returning(Chunk.id, sort_by_parameter_order=True),
            [
                {"document_id": key, "position": 0, "heading_path": [], "text": content}
                for key, (_, content) in zip(ids, part, strict=True)
            ],
        ).all()
        links = [
            {
                "document_id": key, "node_id": topics[(start + at) % len(topics)],
                "confidence": 1.0, "is_proposed": False, "is_counted": True,
            }
            for at, key in enumerate(ids)
        ]  # fmt: skip
        db.session.execute(insert(DocumentNode), links)
        if is_found:
            entries = index.prepare_entries([indexed_text(title, [], body) for title, body in part])
            index.add_chunks(actor.organization_id, chunk_ids, entries)
        db.session.commit()
    while index.merge_segments(actor.organization_id):
        db.session.commit()
    recount_nodes(actor.organization_id)
    recount_scopes(Scope.organization_id == actor.organization_id)
    db.session.commit()


def varied(texts: Sequence[Pair], count: int) -> list[Pair]:
    """So many texts, each made of two of the given ones."""
    chance = random.Random(1)
    return [
        (texts[at % len(texts)][0], f"{texts[at % len(texts)][1]} {chance.choice(texts)[1][:200]}")
        for at in range(count)
    ]


def percentiles(call: Callable[[], object], times: int) -> tuple[float, float]:
    call()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1000)
    median, high = np.percentile(taken, [50, 95])
    return float(median), float(high)


def measure_ranking(kind: str) -> None:
    for collection in load_collections():
        with installation(kind):
            actor = make_actor()
            ids = [number for number, _, _ in collection.documents]
            entries = index.prepare_entries(
                [index.IndexedText(title, body) for _, title, body in collection.documents]
            )
            index.add_chunks(actor.organization_id, range(1, len(ids) + 1), entries)
            db.session.commit()

            def search(query: str, actor: Actor = actor, ids: list[str] = ids) -> list[str]:
                hits = index.search(actor.organization_id, query, top_k=DEPTH)
                db.session.rollback()
                return [ids[hit.chunk_id - 1] for hit in hits]

            show(f"nDCG@10 {collection.name}, {kind}", ndcg(collection, search))


def measure_queries(kind: str, texts: Sequence[Pair], queries: Sequence[str], size: int) -> None:
    with installation(kind):
        actor = make_actor()
        nodes = make_topics(actor)
        leaves = [node for path, node in nodes.items() if len(path) == 3]
        start = time.perf_counter()
        fill(actor, varied(texts, size), leaves, is_found=True)
        show(f"written as rows and indexed, {size:,}, {kind} (docs/s)", size / _since(start))
        areas = [node for path, node in nodes.items() if len(path) == 1]
        fields = [node for path, node in nodes.items() if len(path) == 2]
        for share, chosen in (("100 %", areas), ("1 %", fields[:1])):
            body = FromTaxonomyRequest(name=f"Agent {share}", taxonomy_node_ids=chosen)
            agent = scopes.create_agent(body, actor=actor)
            only = select_documents(find_topics(actor, chosen), None)

            def search(query: str, only: Any = only) -> object:
                found = index.search(actor.organization_id, query, top_k=DEPTH, only=only)
                db.session.rollback()
                return found

            median, high = measure_latency(search, queries)  # type: ignore[arg-type]  # only timed
            place = f"{size:,} chunks, scope {share}, {kind}"
            show(f"search p50, {place} (ms)", median)
            show(f"search p95, {place} (ms)", high, "goal 15" if size <= 10_000 else "goal 40")
            asked = iter(queries * 10)

            def ask(agent: Agent = agent, asked: Iterator[str] = asked) -> object:
                return ask_agent(agent.id, QueryRequest(query=next(asked)), actor=actor)

            show(f"asking an agent p95, {place} (ms)", percentiles(ask, len(queries))[1])


def measure_coverage(kind: str) -> None:
    with installation(kind):
        actor = make_actor()
        nodes = make_topics(actor)
        leaves = [node for path, node in nodes.items() if len(path) == 3]
        areas = [node for path, node in nodes.items() if len(path) == 1]
        fill(actor, [("Note", "A note.")] * (COVERAGE_CHUNKS // 10), leaves, is_found=False)
        _add_passages()
        agent = scopes.create_agent(
            FromTaxonomyRequest(name="Librarian", taxonomy_node_ids=areas), actor=actor
        )

        def read() -> str:
            found = coverage.get_coverage(agent.id, actor=actor)
            db.session.rollback()
            return CoverageResponse.model_validate(found).model_dump_json()

        name = f"{len(nodes):,} topics, {get_figures(agent).total_chunks:,} chunks, {kind}"
        median, high = percentiles(read, 30)
        show(f"coverage p50, {name} (ms)", median, "goal 30")
        show(f"coverage p95, {name} (ms)", high)

        def start() -> object:
            return refresh.start_refresh(agent.id, actor=actor)

        show(f"refresh in the background p95, {kind} (ms)", percentiles(start, 30)[1], "goal 50")


def _add_passages() -> None:
    """Nine more passages for each document, and the counts with them."""
    db.session.execute(
        text(
            "INSERT INTO chunks (document_id, position, heading_path, text)"
            " SELECT c.document_id, n.n, c.heading_path, c.text FROM chunks c,"
            " (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL"
            " SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)"
            " AS n"
        )
    )
    db.session.execute(update(Document).values(chunk_count=10))
    organization_id = db.session.scalar(text("SELECT organization_id FROM documents LIMIT 1"))
    recount_nodes(organization_id if isinstance(organization_id, UUID) else UUID(organization_id))
    db.session.commit()


def measure_peers(texts: Sequence[Pair], queries: Sequence[str], size: int) -> None:
    """The same texts and queries in bm25s (in memory), SQLite FTS5, and pgvector (exact cosine)."""
    many = varied(texts, size)
    _measure_bm25s(many, queries)
    _measure_fts5(many, queries)
    _measure_pgvector(many, queries)


def _measure_bm25s(many: Sequence[Pair], queries: Sequence[str]) -> None:
    import bm25s

    retriever = bm25s.BM25(k1=1.2, b=0.75)
    retriever.index(
        bm25s.tokenize([f"{title} {body}" for title, body in many], show_progress=False),
        show_progress=False,
    )

    def search(query: str) -> Any:
        return retriever.retrieve(
            bm25s.tokenize(query, show_progress=False), k=DEPTH, show_progress=False
        )

    show(f"bm25s, keywords only p95, {len(many):,} (ms)", measure_latency(search, queries)[1])


def _measure_fts5(many: Sequence[Pair], queries: Sequence[str]) -> None:
    import sqlite3

    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(f"{folder}/fts.sqlite3")
        connection.execute("CREATE VIRTUAL TABLE fts USING fts5(title, body, tokenize='porter')")
        connection.executemany("INSERT INTO fts VALUES (?, ?)", many)
        connection.commit()

        def search(query: str) -> Any:
            words = [word for word in query.split() if word.isalnum()]
            match = " OR ".join(f'"{word}"' for word in words)
            statement = (
                "SELECT rowid FROM fts WHERE fts MATCH ? ORDER BY bm25(fts, 2.0, 1.0) LIMIT ?"
            )
            return connection.execute(statement, (match, DEPTH)).fetchall()

        # An OR of many words takes it a second and more.
        high = measure_latency(search, queries[:: 1 + len(many) // 5_000])[1]
        show(f"SQLite FTS5, keywords p95, {len(many):,} (ms)", high)
        connection.close()


def _measure_pgvector(many: Sequence[Pair], queries: Sequence[str]) -> None:
    import psycopg

    embedder = local_embedder
    with (
        tempfile.TemporaryDirectory() as name,
        database_url("postgresql", Path(name)) as url,
        psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection,
    ):
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute("CREATE TABLE v (id serial, e vector(256))")
        for start in range(0, len(many), BATCH):
            part = many[start : start + BATCH]
            vectors = embedder.embed([f"{title}\n{body}" for title, body in part])
            with connection.cursor().copy("COPY v (e) FROM STDIN") as copy:
                for vector in vectors:
                    copy.write_row(["[" + ",".join(f"{x:.5f}" for x in vector) + "]"])

        def search(query: str) -> Any:
            vector = "[" + ",".join(f"{x:.5f}" for x in embedder.embed([query])[0]) + "]"
            statement = "SELECT id FROM v ORDER BY e <=> %s::vector LIMIT 10"
            return connection.execute(statement, (vector,)).fetchall()

        high = measure_latency(search, queries)[1]
        show(f"pgvector, exact cosine only p95, {len(many):,} (ms)", high)


def _since(start: float) -> float:
    return time.perf_counter() - start


def main() -> None:
    kinds = [kind for kind in sys.argv[1:] if kind in ("sqlite", "postgresql")]
    collections = load_collections()
    texts = [(title, body) for c in collections for _, title, body in c.documents]
    queries = [query for collection in collections for query in collection.queries.values()]
    for kind in kinds or ("sqlite", "postgresql"):
        measure_ranking(kind)
        for size in SIZES:
            measure_queries(kind, texts, queries, size)
        measure_coverage(kind)
    for size in SIZES:
        measure_peers(texts, queries, size)


if __name__ == "__main__":
    main()
