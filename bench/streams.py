"""Questions over real sockets, on both databases: one by one, and a hundred streams at once.

COLLECTIONS=folder python -m bench.streams [sqlite] [postgresql]
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable

import numpy as np

from bench.retrieval import LATENCY_CHUNKS, load_collections, show
from bench.running import Caller, on_postgresql, on_sqlite
from bench.service import documents, import_
from tests.server import KEY, Installation

STREAMS = 100
#: each stream lasts twenty seconds
RESULTS, DELAY_MS = 50, 400
CALLS = 300
#: the index is merged after an import
SETTLING_SECONDS = 30


def main() -> None:
    collections = load_collections()
    texts = [document for collection in collections for document in documents(collection)]
    rows = [
        {"title": f"Text {at}", "content": texts[at % len(texts)]["content"][:1400]}
        for at in range(LATENCY_CHUNKS)
    ]
    queries = [text[:1000] for collection in collections for text in collection.queries.values()]
    kinds = {"SQLite": on_sqlite, "PostgreSQL": on_postgresql}
    chosen = [name for name in kinds if name.lower() in sys.argv[1:]]
    for name in chosen or kinds:
        with kinds[name]() as running:
            show(f"{name}: documents/s, import task", len(rows) / import_(running, rows))
            time.sleep(SETTLING_SECONDS)
            measure(running, name, queries)


def measure(running: Installation, name: str, queries: list[str]) -> None:
    caller = Caller(running)
    agent = {"name": "b", "handle": "b", "instructions": "b"}
    caller.call("POST", "/agents", {**agent, "features_config": {"stream_delay_ms": DELAY_MS}})

    def report(label: str, times: list[float], note: str = "") -> float:
        median, high = np.percentile(times, [50, 95])
        show(f"{name}: {label} p50 (ms)", median)
        show(f"{name}: {label} p95 (ms)", high, note)
        return float(high)

    asked = iter(queries * 10)
    report(
        "POST /knowledge/search",
        timed(lambda: caller.call("POST", "/knowledge/search", {"query": next(asked)}), 200),
    )
    report(
        "POST /agents/{id}/query",
        timed(lambda: caller.call("POST", "/agents/b/query", {"query": next(asked)}), 200),
    )
    report("first event", [first_event(running, next(asked)) for _ in range(60)], "goal 100")

    def read() -> object:
        return caller.call("GET", "/agents/b")

    alone = timed(read, CALLS)
    report("GET /agents/{id} alone", alone)
    streams = Streams(running, queries[:STREAMS])
    beginning = timed(read, 100)
    streams.wait_for_results()
    during = timed(read, CALLS)
    assert not streams.is_over(), "The streams ended before the calls did."
    streams.join()
    report(f"first event of {STREAMS} at once", streams.firsts())
    report(f"GET /agents/{{id}} while {STREAMS} streams begin and search", beginning)
    report(f"GET /agents/{{id}} during {STREAMS} streams", during)
    for state, times in (("while they begin", beginning), ("during them", during)):
        slower = float(np.median(times) / np.median(alone))
        show(f"{name}: slower by {STREAMS} streams, {state} (times)", slower, "goal 2")


def timed(call: Callable[[], object], count: int) -> list[float]:
    """Milliseconds of each of so many calls, after one warm-up."""
    call()
    times = []
    for _ in range(count):
        began = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - began))
    return times


def first_event(running: Installation, query: str) -> float:
    """Milliseconds from the request to the first event."""
    stream = Streams(running, [query], top_k=1)
    stream.join()
    return stream.firsts()[0]


class Streams:
    """Open streams, read by one thread, so that reading them costs the machine little."""

    def __init__(self, running: Installation, queries: list[str], top_k: int = RESULTS) -> None:
        self._selector = selectors.DefaultSelector()
        self._began: dict[socket.socket, float] = {}
        self._first: dict[socket.socket, float] = {}
        self._answered: set[socket.socket] = set()
        for query in queries:
            body = json.dumps({"query": query, "top_k": top_k}).encode()
            head = (
                "POST /api/v1/agents/b/query/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"X-API-Key: {KEY}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            connection = socket.create_connection(("127.0.0.1", running.port))
            self._began[connection] = time.perf_counter()
            connection.sendall(head.encode() + body)
            self._selector.register(connection, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def wait_for_results(self) -> None:
        """Until every stream has been told more than that it has begun."""
        while len(self._answered) < len(self._began):
            time.sleep(0.01)

    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join()
        assert len(self._first) == len(self._began), "A stream ended without an event."

    def firsts(self) -> list[float]:
        return [1000 * (self._first[at] - began) for at, began in self._began.items()]

    def _read(self) -> None:
        while self._selector.get_map():
            for key, _ in self._selector.select():
                connection: socket.socket = key.fileobj  # type: ignore[assignment]  # it is ours
                data = connection.recv(65536)
                if b"data:" in data:
                    self._first.setdefault(connection, time.perf_counter())
                if b'"index"' in data or b"query_time_ms" in data:
                    self._answered.add(connection)
                if not data or b'"status": "completed"' in data or b'"status":"completed"' in data:
                    self._selector.unregister(connection)
                    connection.close()


if __name__ == "__main__":
    main()
