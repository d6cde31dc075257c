"""Ten thousand agents over real sockets, on SQLite and on PostgreSQL.

python -m bench.agents
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import numpy as np
import psutil

from bench.retrieval import show
from bench.running import Caller, on_postgresql, on_sqlite
from tests.server import KEY, Installation

AGENTS = 10_000
BATCH = 1_000
WRITERS = 50
WORDS = """
    answer ask billing call care check code customer date deploy document draft escalate find
    greet invoice keep legal mail name note order owner pay plan price proof queue refund report
    review risk rule sales search ship source speed support task team tell test ticket write
""".split()  # noqa: SIM905 - words in a text are easier to read

random.seed(7)


def main() -> None:
    for name, installation in (("SQLite", on_sqlite), ("PostgreSQL", on_postgresql)):
        with installation() as running:
            measure(running, name)


def measure(running: Installation, name: str) -> None:
    caller = Caller(running)

    def report(label: str, value: float, floor: str = "") -> None:
        show(f"{name}: {label}", value, floor)

    def p95(label: str, call: Callable[[str], Any], items: list[str], goal: str) -> None:
        times = []
        for item in items:
            began = time.perf_counter()
            call(item)
            times.append(1000 * (time.perf_counter() - began))
        report(f"{label} p50 (ms)", float(np.percentile(times[3:], 50)))
        report(f"{label} p95 (ms)", float(np.percentile(times[3:], 95)), goal)

    for start in range(0, AGENTS, BATCH):
        items = [agent(number) for number in range(start, start + BATCH)]
        began = time.perf_counter()
        caller.call("POST", "/agents/import", {"agents": items})
    report("import of the last 1,000 agents (s)", time.perf_counter() - began, "goal 5")

    handles = [f"agent-{number}" for number in random.sample(range(AGENTS), 700)]
    text = iter(range(10**6))
    patch = {"PATCH": lambda handle: {"scope_description": f"Knows {handle} {next(text)}"}}
    p95("PATCH", lambda h: caller.call("PATCH", f"/agents/{h}", patch["PATCH"](h)),
        handles[:300], "goal 30")  # fmt: skip
    p95("DELETE", lambda h: caller.call("DELETE", f"/agents/{h}"), handles[300:500], "goal 50")
    for query in ("limit=50", "limit=50&offset=9000", "sort=name", "sort=-updated_at",
                  "sort=coverage_percent", "sort=-coverage_percent&offset=9000",
                  "sort=-total_queries", "min_coverage=0", "min_coverage=50&sort=-total_queries",
                  "status=draft", "tool=search", "q=refund", "q=model:gpt-4",
                  "q=nothing-like-it", "q=a"):  # fmt: skip
        p95(f"list {query}", lambda query: caller.call("GET", f"/agents?{query}"),
            [query] * 60, "goal 50")  # fmt: skip
    words = [*WORDS, "%", "_", "zzz", "agent-99"] * 3
    p95("search", lambda word: caller.call("GET", f"/agents/search?q={quote(word)}"), words,
        "goal 50")  # fmt: skip
    measure_diff(caller, p95)
    measure_export(running, report)
    measure_writers(running, caller, report)


def agent(number: int) -> dict[str, Any]:
    pick = random.Random(number)
    return {
        "handle": f"agent-{number}",
        "name": f"{' '.join(pick.sample(WORDS, 2)).title()} {number}",
        "description": " ".join(pick.choices(WORDS, k=14)),
        "instructions": " ".join(pick.choices(WORDS, k=300)),
        "model": pick.choice(["gpt-4.1", "gpt-4.1-mini", "claude-sonnet", "extractive"]),
        "tools": pick.sample(["search", "mail", "sql", "calendar", "browser"], 2),
    }


def measure_diff(caller: Caller, p95: Callable[..., None]) -> None:
    """Two texts of 20 kB: every third line changed a little, and nothing alike at all."""
    lines = [" ".join(random.choices(WORDS, k=9)) for _ in range(380)]
    near = [line.replace("a", "e") if at % 3 == 0 else line for at, line in enumerate(lines)]
    other = [" ".join(random.choices(WORDS, k=9)) for _ in range(380)]
    handle = "agent-with-texts"
    body = {"name": "T", "handle": handle, "instructions": "\n".join(lines)}
    caller.call("POST", "/agents", body)
    for text in (near, other):
        caller.call("PUT", f"/agents/{handle}", {"instructions": "\n".join(text)})
    for label, pair in (("every third line changed", "1/diff/2"), ("all other", "1/diff/3")):
        size = f"{len(chr(10).join(lines)) // 1000} kB"
        p95(f"diff of two {size}, {label}",
            lambda path: caller.call("GET", f"/agents/{handle}/versions/{path}"),
            [pair] * 60, "goal 50")  # fmt: skip


def measure_export(running: Installation, report: Callable[..., None]) -> None:
    """When the first byte comes, how long all takes, and what the web process grows by."""
    web = running.part("gunicorn")
    before = web.memory_info().rss
    connection = HTTPConnection("127.0.0.1", running.port, timeout=120)
    began = time.perf_counter()
    connection.request("GET", "/api/v1/agents/export?include=versions", headers={"X-API-Key": KEY})
    response = connection.getresponse()
    response.read(1)
    first = time.perf_counter() - began
    highest, size = before, 1
    while piece := response.read(1 << 20):
        size += len(piece)
        highest = max(highest, psutil.Process(web.pid).memory_info().rss)
    report("export with history, first byte (ms)", 1000 * first)
    report(f"export with history, all {size / 2**20:.0f} MB (s)", time.perf_counter() - began)
    report("export, growth of the web process (MB)", (highest - before) / 2**20)


def measure_writers(running: Installation, caller: Caller, report: Callable[..., None]) -> None:
    """Fifty writers at once on one agent: a version for each."""
    before = caller.parsed("GET", "/agents/agent-with-texts")["current_version"]

    def write(number: int) -> None:
        Caller(running).call("PUT", "/agents/agent-with-texts", {"description": f"by {number}"})

    began = time.perf_counter()
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    spent = time.perf_counter() - began
    after = caller.parsed("GET", "/agents/agent-with-texts")["current_version"]
    rows = caller.parsed("GET", "/agents/agent-with-texts/versions?limit=100")
    assert {row["version"] for row in rows} == set(range(1, after)), "A version is missing."
    report("50 PUTs at once: versions", after - before, "goal 50")
    report("50 PUTs at once (s)", spent)


def quote(word: str) -> str:
    return word.replace("%", "%25")


if __name__ == "__main__":
    main()
