"""The tasks that Celery's worker runs in `bench.jobs`, as its documentation sets it up."""

from __future__ import annotations

import os
import time

from celery import Celery

REDIS = os.environ.get("BENCH_REDIS", "redis://127.0.0.1:6379")

app = Celery("peer", broker=f"{REDIS}/0", backend=f"{REDIS}/1")
app.conf.task_acks_late = True


@app.task
def nothing(key: str) -> None: ...


@app.task
def stamp(key: str) -> None:
    with open(os.environ["BENCH_STAMPS"], "a") as file:
        file.write(f"{key} {time.time()}\n")
