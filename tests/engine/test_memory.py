"""A worker does not grow: its threads share their memory, and what is free goes back."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from resource import getpagesize

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.engine.conftest import ROOT, eventually
from tests.engine.probe import numbers
from webapp import engine
from webapp.core.extensions import db

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc keeps that much"
)

#: a worker that has used 160 MB before it began, and holds on to the last of it
LEAVE_HOLES = """
import ctypes
from tests.engine import probe

app = probe.make_app(probe.Settings.from_environment())
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
blocks = [libc.malloc(64 * 1024) for _ in range(2500)]
for block in blocks:
    ctypes.memset(block, 1, 64 * 1024)
for block in blocks[:-1]:
    libc.free(block)
with open("/proc/self/statm") as pages:
    print(pages.read().split()[1], flush=True)
probe.worker.main(app)
"""


def resident(process: subprocess.Popen[bytes]) -> int:
    """How many pages of memory a process has."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])


def test_what_is_free_goes_back_to_the_system(app: Flask, environment: dict[str, str]) -> None:
    command = [sys.executable, "-c", LEAVE_HOLES]
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        before = int(process.stdout.readline())
        eventually(lambda: (before - resident(process)) * getpagesize() > 50 * 2**20)
    finally:
        process.kill()
        process.communicate()


def test_a_workers_threads_share_their_memory(
    app: Flask, start_worker: Callable[[], subprocess.Popen[bytes]]
) -> None:
    engine.enqueue(db.session, "count_pools", key="pools")
    db.session.commit()
    start_worker()

    def counted() -> list[int]:
        db.session.rollback()
        return list(db.session.scalars(sa.select(numbers.c.number)))

    eventually(counted)
    assert counted() in ([1], [2])
