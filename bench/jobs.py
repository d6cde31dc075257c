"""How many jobs one worker finishes, how soon one starts, and what that costs; beside Celery.

    python -m bench.jobs [rounds]

Each round runs ours on both databases and Celery with Redis right after each other, and a ratio is
that of one round, so that whatever else the machine does meets all of them. Celery has its own
defaults (a process for each core), `acks_late`, results kept, and Redis never writes to a disk.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import sqlalchemy as sa
from flask import Flask

from bench.retrieval import show
from bench.running import processor_time
from tests.database import postgresql
from tests.engine.probe import make_app, numbers
from tests.server import eventually, free_port
from webapp import engine
from webapp.config import Settings
from webapp.core.extensions import db
from webapp.engine import worker

ROUNDS = 3
JOBS = 3_000
WRITING_JOBS = 600
STAMPS = 200
#: so many of the last jobs are asked about until all have ended
LAST = 50
LOGS = 4


@dataclass(frozen=True)
class Figures:
    """What one round found."""

    a_second: float
    processor_ms: float
    accept_p95_ms: float
    wait_p50_ms: float
    wait_p95_ms: float
    writing_a_second: float = float("nan")


# What ours runs.


def nothing(key: str) -> None: ...


def stamp(key: str) -> None:
    with open(os.environ["BENCH_STAMPS"], "a") as file:
        file.write(f"{key} {time.time()}\n")


def write(key: str) -> None:
    """What a whole execution leaves at least: that it runs, then its logs and its end."""
    row = {"key": key, "number": 0, "written_at": time.time()}
    db.session.execute(numbers.insert(), row)
    db.session.commit()
    db.session.execute(numbers.insert(), [row | {"number": n + 1} for n in range(LOGS)])
    db.session.commit()


def make(environment: dict[str, str], *, install: bool = False) -> Flask:
    app = make_app(Settings.from_environment(environment), install=install)
    jobs = [engine.Job(function.__name__, function) for function in (nothing, stamp, write)]
    engine.register(app, jobs=jobs)
    return app


def main() -> None:
    random.seed(7)
    rounds = int(sys.argv[1]) if sys.argv[1:] else ROUNDS
    found: dict[str, list[Figures]] = {"SQLite": [], "PostgreSQL": [], "Celery": []}
    with tempfile.TemporaryDirectory(prefix="callboard-bench-") as folder, ExitStack() as servers:
        url = servers.enter_context(postgresql(is_durable=True))
        has_redis = shutil.which("redis-server") is not None
        redis = servers.enter_context(started_redis(folder)) if has_redis else None
        for number in range(rounds):
            place = Path(folder, str(number))
            place.mkdir()
            found["SQLite"].append(measure_ours(place, None))
            if redis is not None:
                found["Celery"].append(measure_celery(place, redis))
            found["PostgreSQL"].append(measure_ours(place, new_database(url, f"bench_{number}")))
    load = os.getloadavg()[0]
    for name, values in found.items():
        if not values:
            print("Celery: not measured, redis-server is not on the PATH (make bench installs it)")
            continue
        about = "Celery with Redis" if name == "Celery" else f"{name}, one worker"
        for field in fields(Figures):
            value = float(np.median([getattr(figures, field.name) for figures in values]))
            if not np.isnan(value):
                bound = "" if name == "Celery" else BOUNDS.get(field.name, "")
                show(f"{about}: {LABELS[field.name]}", value, bound)
    for name in ("SQLite", "PostgreSQL"):
        pairs = list(zip(found[name], found["Celery"], strict=False))
        for label, note, ratio in RATIOS if pairs else ():
            show(f"{name}: {label}", float(np.median([ratio(a, b) for a, b in pairs])), note)
    show("load of the machine meanwhile (1 minute)", load)


LABELS = {
    "a_second": "jobs that do nothing, a second",
    "processor_ms": "processor time of such a job, all processes (ms)",
    "accept_p95_ms": "accepting one job, p95 (ms)",
    "wait_p50_ms": "from there to its start, slots free, p50 (ms)",
    "wait_p95_ms": "from there to its start, slots free, p95 (ms)",
    "writing_a_second": f"jobs that write {LOGS + 1} rows in two commits, a second",
}
BOUNDS = {
    "a_second": "floor 100",
    "accept_p95_ms": "goal 20",
    "wait_p95_ms": "goal 50",
    "writing_a_second": "floor 100",
}
#: Each is ours through Celery's, in the same round.
RATIOS: list[tuple[str, str, Callable[[Figures, Figures], float]]] = [
    (
        "jobs that do nothing a second, through Celery's",
        "goal 1",
        lambda ours, theirs: ours.a_second / theirs.a_second,
    ),
    (
        "processor time of such a job, through Celery's",
        "goal 1",
        lambda ours, theirs: ours.processor_ms / theirs.processor_ms,
    ),
    (
        "jobs that write a second, through Celery's that do nothing",
        "goal 1",
        lambda ours, theirs: ours.writing_a_second / theirs.a_second,
    ),
]


def measure_ours(folder: Path, url: str | None) -> Figures:
    folder = folder / ("postgresql" if url else "sqlite")
    folder.mkdir()
    environment = dict(os.environ, CALLBOARD_DATA=str(folder), SECRET_KEY="a secret of the bench")
    environment["BENCH_STAMPS"] = str(folder / "stamps")
    environment.pop("DATABASE_URL", None)
    if url:
        environment["DATABASE_URL"] = url
    app = make(environment, install=True)
    command = [sys.executable, "-m", "bench.jobs", "worker"]

    def processes(of: int) -> list[int]:
        return [of, *(server_processes() if url else ())]

    with app.app_context():
        accept_many("nothing", JOBS)
        with started(command, environment) as process:
            rate, cost = watch(
                JOBS, lambda keys: unfinished("nothing", keys), lambda: processes(process.pid)
            )
            accept_many("write", WRITING_JOBS)
            writing, _ = watch(
                WRITING_JOBS, lambda keys: unfinished("write", keys), lambda: [process.pid]
            )
            stamps = Path(environment["BENCH_STAMPS"])
            accepting, waits = measure_waits(accept_one, stamps)
        db.session.rollback()
        db.engine.dispose()
    return Figures(
        rate, cost, percentile(accepting, 95), percentile(waits, 50), percentile(waits, 95), writing
    )


def accept_many(name: str, count: int) -> None:
    for number in range(count):
        engine.enqueue(db.session, name, key=f"{name}-{number}")
    db.session.commit()


def accept_one(key: str) -> None:
    engine.enqueue(db.session, "stamp", key=key)
    db.session.commit()


def unfinished(name: str, keys: list[int]) -> int:
    """How many of these jobs have not ended."""
    db.session.rollback()
    names = [f"{name}-{number}" for number in keys]
    return len(engine.find_unfinished(db.session(), names))


def server_processes() -> list[int]:
    """PostgreSQL's processes."""
    backend = db.session.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
    db.session.rollback()
    server = psutil.Process(backend).parent()
    assert server is not None
    return [server.pid, *(child.pid for child in server.children(recursive=True))]


def measure_celery(folder: Path, redis: str) -> Figures:
    os.environ["BENCH_REDIS"] = redis
    os.environ["BENCH_STAMPS"] = str(folder / "celery-stamps")
    from redis import Redis

    from bench import peer

    results = Redis.from_url(f"{redis}/1")
    results.flushall()
    server = results.info("server")["process_id"]
    for number in range(JOBS):
        peer.nothing.apply_async((str(number),))
    command = [sys.executable, "-m", "celery", "-A", "bench.peer", "worker", "-l", "ERROR"]
    with started(command, dict(os.environ)) as process:

        def processes() -> list[int]:
            children = psutil.Process(process.pid).children(recursive=True)
            return [process.pid, server, *(child.pid for child in children)]

        def left(keys: list[int]) -> int:
            """How many tasks have no result stored, of as many as are asked about."""
            return min(len(keys), JOBS - int(results.dbsize()))

        rate, cost = watch(JOBS, left, processes)
        stamps = Path(os.environ["BENCH_STAMPS"])
        accepting, waits = measure_waits(lambda key: peer.stamp.apply_async((key,)), stamps)
    return Figures(
        rate, cost, percentile(accepting, 95), percentile(waits, 50), percentile(waits, 95)
    )


def watch(
    count: int, left: Callable[[list[int]], int], processes: Callable[[], list[int]]
) -> tuple[float, float]:
    """Jobs that end in a second, and what one costs (ms), from the first ends to the last."""
    everything, last = list(range(count)), list(range(count - LAST, count))
    eventually(lambda: left(everything) < count, seconds=120)
    used, began = processor_time(processes()), time.perf_counter()
    to_do = left(everything)
    deadline = began + 300
    while left(last):
        assert time.perf_counter() < deadline, "The jobs did not end in time."
        time.sleep(0.005)
    while left(everything):
        time.sleep(0.005)
    seconds = time.perf_counter() - began
    return to_do / seconds, (processor_time(processes()) - used) / to_do


def measure_waits(accept: Callable[[str], Any], stamps: Path) -> tuple[list[float], list[float]]:
    """Milliseconds that accepting one job took, and until it began, while slots are free."""
    accepting, accepted_at = [], {}
    for number in range(STAMPS):
        began = time.perf_counter()
        accept(f"stamp-{number}")
        accepting.append(1000 * (time.perf_counter() - began))
        accepted_at[f"stamp-{number}"] = time.time()
        time.sleep(random.uniform(0.02, 0.06))
    eventually(lambda: len(stamps.read_text().splitlines()) == STAMPS, seconds=60)
    begun_at = dict(line.split() for line in stamps.read_text().splitlines())
    waits = [1000 * (float(begun_at[key]) - at) for key, at in accepted_at.items()]
    return accepting, waits


@contextmanager
def started(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env=environment, stdout=sys.stderr)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def started_redis(folder: str) -> Iterator[str]:
    port = free_port()
    settings = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with started(["redis-server", *settings, "--dir", folder], dict(os.environ)):
        from redis import Redis
        from redis.exceptions import ConnectionError as NotThere

        def answers() -> bool:
            try:
                return bool(Redis(port=port).ping())
            except NotThere:
                return False

        eventually(answers)
        yield f"redis://127.0.0.1:{port}"


def new_database(url: str, name: str) -> str:
    with sa.create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    return url.replace("/postgres?", f"/{name}?")


def percentile(values: list[float], share: int) -> float:
    return float(np.percentile(values, share))


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        worker.main(make(dict(os.environ)))
    else:
        main()
