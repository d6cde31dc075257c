"""What an idle installation costs, and how soon a job starts there.

python -m bench.engine
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext

import numpy as np
import psutil
from sqlalchemy import select

from bench.retrieval import show
from bench.running import on_postgresql, on_sqlite
from tests.database import postgresql
from tests.engine.probe import make_app, numbers
from tests.server import Installation
from webapp import engine
from webapp.config import Settings
from webapp.core.extensions import db

SETTLE_SECONDS = 10.0
IDLE_SECONDS = 20.0
JOBS = 100

random.seed(7)


def main() -> None:
    for name, installation in (("SQLite", on_sqlite), ("PostgreSQL", on_postgresql)):
        with installation() as running:
            measure_idle(running, name)
    for name, database in (("SQLite", nullcontext(None)), ("PostgreSQL", postgresql())):
        with tempfile.TemporaryDirectory() as folder, database as url:
            measure_starts(folder, url, name)


def measure_idle(running: Installation, name: str) -> None:
    assert running.process is not None
    time.sleep(SETTLE_SECONDS)
    supervisor = psutil.Process(running.process.pid)
    processes = [supervisor, *supervisor.children(recursive=True)]
    before = sum(cpu(process) for process in processes)
    time.sleep(IDLE_SECONDS)
    used = sum(cpu(process) for process in processes) - before
    memory = [process.memory_full_info() for process in processes]
    show(f"{name}: CPU of all idle processes (% of a core)", 100 * used / IDLE_SECONDS, "goal 3")
    show(f"{name}: memory of all, each by itself (RSS, MB)", sum(m.rss for m in memory) / 2**20)
    show(f"{name}: memory of all, shared pages once (PSS, MB)",
         sum(m.pss for m in memory) / 2**20, "goal 250")  # fmt: skip


def measure_starts(folder: str, url: str | None, name: str) -> None:
    environment = dict(os.environ, CALLBOARD_DATA=folder, SECRET_KEY="a secret of the benchmark")
    environment.pop("DATABASE_URL", None)
    if url:
        environment["DATABASE_URL"] = url
    app = make_app(Settings.from_environment(environment), install=True)
    worker = subprocess.Popen([sys.executable, "-m", "tests.engine.probe"], env=environment)
    try:
        with app.app_context():
            time.sleep(SETTLE_SECONDS)
            late = [1000 * seconds_until_start(str(number)) for number in range(JOBS)]
            db.engine.dispose()
    finally:
        worker.kill()
        worker.wait()
    show(f"{name}: from a job's commit to its start, p50 (ms)", float(np.percentile(late, 50)))
    show(f"{name}: from a job's commit to its start, p95 (ms)", float(np.percentile(late, 95)),
         "goal 30")  # fmt: skip


def seconds_until_start(key: str) -> float:
    """How long after its commit a job that is alone begins its work."""
    engine.enqueue(db.session, "count", key=key, arguments={"total": 1})
    db.session.commit()
    committed_at = time.time()
    statement = select(numbers.c.written_at).where(numbers.c.key == key)
    while (written_at := db.session.scalar(statement)) is None:
        db.session.rollback()
        time.sleep(0.2)
    db.session.rollback()
    time.sleep(random.uniform(0.1, 0.4))
    return float(written_at - committed_at)


def cpu(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


if __name__ == "__main__":
    main()
