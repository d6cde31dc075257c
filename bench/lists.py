"""Lists of agents and documents, and an import, with ten and with a hundred thousand rows.

    python -m bench.lists [sqlite] [postgresql]

The rows are written past the services, so that they are there in a minute; what is measured is the
product's own, in one process: what it and PostgreSQL compute, so that what else the machine does
counts little. `SIZES` (10000,100000) are the rows; every figure of a later size is also shown as a
ratio to that of the first.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import numpy as np
import psutil
from apiflask import APIFlask
from sqlalchemy import insert, text

from bench.agents import BATCH, agent
from bench.knowledge import find_topics, installation, make_actor, make_topics
from bench.retrieval import show
from bench.running import processor_time
from webapp.accounts import keys
from webapp.agents.figures import AgentFigures, refresh_list_statistics
from webapp.agents.models import Agent
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.database.text import order_key
from webapp.core.database.transactions import refresh_statistics
from webapp.core.extensions import db
from webapp.core.feature import contributions
from webapp.documents.models import Document, DocumentNode

SIZES = tuple(int(size) for size in os.environ.get("SIZES", "10000,100000").split(","))
ROUNDS = 40
IMPORTS = 3
AGENTS = [
    "limit=50", "limit=50&offset=9000", "sort=name", "sort=-updated_at",
    "sort=coverage_percent", "sort=-coverage_percent&offset=9000", "sort=-total_queries",
    "min_coverage=0", "min_coverage=50", "min_coverage=50&sort=-total_queries", "status=draft",
    "tool=search", "tool=search&sort=name", "q=refund", "q=refund&sort=name", "q=model:gpt-4",
    "q=nothing-like-it", "q=agent-99", "q=a", "q=re", "q=zq", "q=refund&status=draft",
    "q=refund&active=true", "q=refund&active=true&sort=name", "q=refund&is_sub=true",
    "q=refund&parent=agent-1", "q=refund&tool=search", "q=refund&min_coverage=50",
    "q=refund&min_coverage=50&sort=-coverage_percent",
]  # fmt: skip
DOCUMENTS = [
    "limit=50", "limit=50&offset=9000", "sort=title", "sort=-updated_at", "status=ready",
    "status=failed", "q=refund", "q=refund&status=ready", "q=nothing-like-it", "q=document-99",
    "q=re", "proposed=true", "node={topic}", "q=refund&node={topic}",
]  # fmt: skip


def main() -> None:
    for kind in sys.argv[1:] or ("sqlite", "postgresql"):
        with installation(kind, rate_limit=10**9) as app:
            measure(app, kind)


def measure(app: APIFlask, kind: str) -> None:
    actor = make_actor()
    _, secret = keys.create_key("bench", actor=actor)
    headers = {"X-API-Key": secret}
    topics = list(make_topics(actor).values())
    first: dict[str, float] = {}
    there, servers = 0, find_servers()

    def report(label: str, size: int, value: float, goal: str) -> None:
        ratio = f"x{value / first.setdefault(label, value):.2f}"
        show(f"{kind}, {size:,}: {label} {ratio}", value, goal)

    for size in SIZES:
        filled = size - IMPORTS * BATCH
        fill_agents(actor, range(there, filled))
        fill_documents(actor, range(there, size), topics)
        imports = [
            computed(servers, partial(import_agents, app, at, headers))
            for at in range(filled, size, BATCH)
        ]
        report("import of 1,000 agents, shortest (ms)", size, min(imports), "goal x1.3")
        settle()
        lists = [f"/agents?{query}" for query in AGENTS]
        lists += [f"/agents/search?q={word}" for word in ("refund", "nothing-like-it")]
        lists += [f"/documents?{query}" for query in DOCUMENTS]
        for path in lists:
            address = path.format(topic=topics[0])
            shortest, p95 = measure_request(app, address, headers, servers)
            report(f"{path} shortest (ms)", size, shortest, "")
            report(f"{path} p95 (ms)", size, p95, "goal 30, x2")
        there = size


def fill_agents(actor: Actor, numbers: range) -> None:
    now = clock.now()
    for start in range(numbers.start, numbers.stop, BATCH):
        rows = []
        for number in range(start, min(start + BATCH, numbers.stop)):
            made = Agent(**agent(number))
            made.describe()
            at = now - timedelta(seconds=number % 9973)
            values = {name: value for name, value in vars(made).items() if name[0] != "_"}
            own = {"id": uuid4(), "organization_id": actor.organization_id}
            found_by = {"paused": number % 4 == 0, "parent": _parent(number)}
            rows.append(values | own | found_by | {"created_at": at, "updated_at": at})
        db.session.execute(insert(Agent), rows)
        for kind in contributions(AgentFigures):
            figures = [_figures(kind.sorts, row["id"], actor) for row in rows]
            db.session.execute(insert(kind.row), figures)
        db.session.commit()


def _parent(number: int) -> str | None:
    """Every second agent is below one of the first seven."""
    return f"agent-{number % 7}" if number % 2 else None


def _figures(names: tuple[str, ...], agent_id: UUID, actor: Actor) -> dict[str, object]:
    values = dict.fromkeys(names, agent_id.int % 97)
    return {"agent_id": agent_id, "organization_id": actor.organization_id, **values}


def fill_documents(actor: Actor, numbers: range, topics: list[UUID]) -> None:
    ids, now = find_topics(actor, topics), clock.now()
    for start in range(numbers.start, numbers.stop, BATCH):
        rows = []
        for number in range(start, min(start + BATCH, numbers.stop)):
            words = agent(number)
            at = now - timedelta(seconds=number % 9973)
            rows.append({
                "id": uuid4(), "organization_id": actor.organization_id, "title": words["name"],
                "title_key": order_key(words["name"], 100),
                "content": words["instructions"], "content_type": "text/plain",
                "external_id": f"document-{number}", "file_size": len(words["instructions"]),
                "checksum": f"{number:064}", "created_at": at, "updated_at": at,
                "status": "ready" if number % 100 else "failed",
            })  # fmt: skip
        db.session.execute(insert(Document), rows)
        links = [{"document_id": row["id"], "node_id": ids[at % len(ids)], "confidence": 1.0}
                 for at, row in enumerate(rows, start)]  # fmt: skip
        db.session.execute(insert(DocumentNode), links)
        db.session.commit()


def settle() -> None:
    """Leave PostgreSQL with what it has after a while of peace: statistics and a vacuum."""
    refresh_list_statistics(max(SIZES))
    for table in ("documents", "document_nodes", "document_texts"):
        refresh_statistics(table)
    db.session.commit()
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM"))


def import_agents(app: APIFlask, number: int, headers: dict[str, str]) -> None:
    items = [agent(at) for at in range(number, number + BATCH)]
    answer = app.test_client().post(
        "/api/v1/agents/import", json={"agents": items}, headers=headers
    )
    assert answer.status_code == 200, answer.data[:500]


def measure_request(
    app: APIFlask, path: str, headers: dict[str, str], servers: Sequence[int]
) -> tuple[float, float]:
    """The shortest, which tells most on a busy machine, and the 95th percentile."""
    client = app.test_client()

    def ask() -> None:
        answer = client.get(f"/api/v1{path}", headers=headers)
        assert answer.status_code == 200, answer.data[:500]

    times = [computed(servers, ask) for _ in range(ROUNDS + 3)]
    return min(times), float(np.percentile(times[3:], 95))


def find_servers() -> list[int]:
    """The processes with which PostgreSQL serves our connections."""
    if db.engine.dialect.name == "sqlite":
        return []
    backend = db.session.scalar(text("SELECT pg_backend_pid()"))
    db.session.rollback()
    backends = psutil.Process(backend).parent().children()
    return [child.pid for child in backends if "[local]" in " ".join(child.cmdline())]


def computed(servers: Sequence[int], task: Callable[[], None]) -> float:
    """Milliseconds that this process and these have computed while the task was done."""
    before = processor_time(servers) + 1000 * time.process_time()
    task()
    return processor_time(servers) + 1000 * time.process_time() - before


if __name__ == "__main__":
    main()
