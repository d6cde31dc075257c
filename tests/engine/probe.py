"""A small application around the engine alone: jobs that write numbered rows in batches.

`python -m tests.engine.probe` is its worker, for tests that kill one.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from webapp import engine
from webapp.config import Settings
from webapp.core.database.connections import prepare_sqlite
from webapp.core.extensions import db
from webapp.engine import runners, worker
from webapp.engine.sandbox import Reason

numbers = sa.Table(
    "probe_numbers",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("written_at", sa.Float, nullable=False),
)


def count(key: str, *, total: int, batch: int = 5, pause: float = 0.0) -> None:
    """Write 0 … total - 1; how far it came is in the rows themselves."""
    while True:
        engine.check_interrupted()
        done = db.session.scalar(
            sa.select(sa.func.count()).select_from(numbers).where(numbers.c.key == key)
        )
        if done >= total:
            return
        for number in range(done, min(done + batch, total)):
            row = {"key": key, "number": number, "written_at": time.time()}
            db.session.execute(numbers.insert(), row)
        db.session.commit()
        time.sleep(pause)


def fail(key: str) -> None:
    raise RuntimeError(f"{key} fails on purpose")


def write(key: str, number: int) -> None:
    row = {"key": key, "number": number, "written_at": time.time()}
    db.session.execute(numbers.insert(), row)
    db.session.commit()


def go_on_later(key: str, *, runs: int, seconds: float) -> None:
    """Write the number of each run, and leave all but the last for later."""
    done = db.session.scalar(
        sa.select(sa.func.count()).select_from(numbers).where(numbers.c.key == key)
    )
    write(key, done)
    if done + 1 < runs:
        engine.retry_later(seconds)


def wait(key: str) -> None:
    """Write 0 and wait to be cancelled; then write 1."""
    write(key, 0)
    try:
        engine.sleep(600)
    except engine.Cancelled:
        write(key, 1)
        raise


def misuse_the_database(key: str) -> None:
    """Write a number, and raise what is the job's own fault and not the database's."""
    write(key, 0)
    if db.engine.dialect.name == "sqlite":
        db.session.execute(sa.text("SELECT * FROM nowhere"))
    else:
        db.session.execute(sa.text("SET LOCAL statement_timeout = 1"))
        db.session.execute(sa.text("SELECT pg_sleep(10)"))


def write_beside_another(key: str, *, folder: str) -> None:
    """Write a number as soon as `locked` is in the folder; `tries` there grows with each try."""
    while not Path(folder, "locked").exists():
        engine.sleep(0.02)
    with Path(folder, "tries").open("a") as tries:
        tries.write(".")
    if db.engine.dialect.name == "sqlite":
        db.session.execute(sa.text("PRAGMA busy_timeout = 10"))
    write(key, 0)


def run_script(key: str, *, code: str) -> None:
    """Run a program, and write what number it tells; -1 where it dies."""
    try:
        with runners.start("script", {"code": code}, limits=runners.Limits(seconds=600)) as runner:
            for message in runner:
                write(key, message["number"])
    except runners.RunnerError as error:
        write(key, -1 if error.failure.reason is Reason.DIED else -2)


def count_pools(key: str) -> None:
    """Write how many pools of memory glibc has when many threads have taken some at once."""
    libc = ctypes.CDLL(None)
    libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
    libc.fdopen.restype = ctypes.c_void_p
    libc.fclose.argtypes = [ctypes.c_void_p]
    together = threading.Barrier(12)

    def allocate() -> None:
        together.wait()
        libc.malloc(1000)
        together.wait()

    threads = [threading.Thread(target=allocate) for _ in range(together.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with tempfile.NamedTemporaryFile() as file:
        stream = libc.fdopen(os.dup(file.fileno()), b"w")
        libc.malloc_info(0, stream)
        libc.fclose(stream)
        write(key, Path(file.name).read_text().count("<heap "))


def make_app(settings: Settings, *, install: bool = False) -> Flask:
    app = Flask("probe")
    app.config["CALLBOARD"] = settings
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = worker.backend.make_engine_options(
        settings.database_url
    )
    db.init_app(app)
    functions: dict[str, Callable[..., None]] = {
        "go_on_later": go_on_later,
        "wait": wait,
        "misuse": misuse_the_database,
        "write_beside_another": write_beside_another,
    }
    engine.register(
        app,
        queues=[engine.Queue("narrow", concurrency=1)],
        programs=[engine.Program("script", "tests.engine.script")],
        jobs=[
            engine.Job("count", count),
            engine.Job("fail", fail),
            engine.Job("count_pools", count_pools),
            engine.Job("run_script", run_script),
            *(engine.Job(name, function, "narrow") for name, function in functions.items()),
        ],
    )
    with app.app_context():
        prepare_sqlite(db.engine)
        if install:
            engine.install(settings)
            numbers.metadata.create_all(db.engine)
            db.metadata.create_all(db.engine, tables=[db.metadata.tables["workers"]])
    return app


if __name__ == "__main__":
    worker.main(make_app(Settings.from_environment()))
