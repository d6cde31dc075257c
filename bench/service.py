"""The whole product as it is started: quality, latency and footprint over real sockets.

COLLECTIONS=folder python -m bench.service
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil

from bench.retrieval import (
    DEPTH,
    FLOORS,
    LATENCY_CHUNKS,
    Collection,
    load_collections,
    measure_latency,
    ndcg,
    show,
)
from tests.server import KEY, Installation, eventually

IDLE_SECONDS = 15


def main() -> None:
    collections = load_collections()
    for collection in collections:
        with tempfile.TemporaryDirectory() as folder:
            running = Installation(Path(folder), None)
            began = time.perf_counter()
            running.start()
            ready = time.perf_counter() - began
            try:
                if collection is collections[0]:
                    show("make run to ready (s)", ready, "goal 5")
                    measure_rest(running, "", ("floor 5", "floor 350"))
                import_(running, documents(collection))
                value = ndcg(collection, lambda query, at=running: search(at, query))
                floor = f"floor {FLOORS[collection.name]}"
                show(f"nDCG@10 {collection.name}, POST /knowledge/search", value, floor)
                if collection is collections[-1]:
                    measure(running, collections)
            finally:
                running.stop()


def measure(running: Installation, collections: list[Collection]) -> None:
    """Latency at 10,000 chunks, rate of an import, footprint of all processes at rest."""
    texts = [document for collection in collections for document in documents(collection)]
    rows = [
        {"title": f"Filler {at}", "content": texts[at % len(texts)]["content"]}
        for at in range(LATENCY_CHUNKS - len(collections[-1].documents))
    ]
    import_(running, rows)
    words = " ".join(row["content"] for row in texts)
    rows = [{"title": f"kB {at}", "content": words[at * 1000 :][:1000]} for at in range(1000)]
    show("1 kB documents/s, import task", len(rows) / import_(running, rows), "floor 100")
    queries = [text for collection in collections for text in collection.queries.values()]
    median, high = measure_latency(lambda query: search(running, query, DEPTH), queries)
    show("query p50 over HTTP, 10,000 chunks (ms)", median)
    show("query p95 over HTTP, 10,000 chunks (ms)", high, "floor 60")
    running.request("POST", "/agents", {"name": "b", "handle": "b", "instructions": "b"})
    _, high = measure_latency(lambda query: first_event(running, query), queries[:60])
    show("first streamed event p95 (ms)", high, "floor 100")
    measure_rest(running, "full, ")


def measure_rest(running: Installation, state: str, floors: tuple[str, str] = ("", "")) -> None:
    """What all processes cost while nobody asks for anything."""
    assert running.process is not None
    supervisor = psutil.Process(running.process.pid)
    processes = [supervisor, *supervisor.children(recursive=True)]
    time.sleep(3)
    before = sum(sum(process.cpu_times()[:2]) for process in processes)
    time.sleep(IDLE_SECONDS)
    spent = sum(sum(process.cpu_times()[:2]) for process in processes) - before
    show(f"{state}idle CPU of all processes (%)", 100 * spent / IDLE_SECONDS, floors[0])
    memory = sum(process.memory_full_info().pss for process in processes) / 2**20
    show(f"{state}memory of all processes, PSS (MB)", memory, floors[1])


def documents(collection: Collection) -> list[dict[str, str]]:
    return [
        {"title": title[:500], "content": text or title, "external_id": number}
        for number, title, text in collection.documents
        if title or text  # two of Cranfield's are empty, and an empty document is refused
    ]


def import_(running: Installation, rows: list[dict[str, str]]) -> float:
    """Import through the API; returns the seconds until the task has completed."""
    began = time.perf_counter()
    content = "\n".join(json.dumps(row) for row in rows).encode()
    task = running.request("POST", "/documents/import", content, "application/x-ndjson")

    def is_done() -> Any:
        found = running.request("GET", f"/tasks/{task['task_id']}")
        return found if found["completed_at"] else None

    finished = eventually(is_done, seconds=300)
    assert finished["result"]["failed"] == 0, finished
    return time.perf_counter() - began


def search(running: Installation, query: str, top_k: int = 4 * DEPTH) -> list[str]:
    """The best documents; a document counts once, where its best passage stands."""
    body = {"query": query[:1000], "top_k": top_k}
    found = running.request("POST", "/knowledge/search", body)["results"]
    return list(dict.fromkeys(result["metadata"]["external_id"] for result in found))[:DEPTH]


def first_event(running: Installation, query: str) -> None:
    request = Request(
        f"{running.url}/api/v1/agents/b/query/stream",
        json.dumps({"query": query[:1000], "top_k": 1}).encode(),
        {"X-API-Key": KEY, "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=30) as response:
        response.readline()


if __name__ == "__main__":
    main()
