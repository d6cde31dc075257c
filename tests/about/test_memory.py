"""A process loads what it needs: each of these libraries costs megabytes in every one."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RARELY_USED = {
    "alembic", "cryptography", "dbos", "docx", "httpx", "jsonschema", "networkx", "pypdf",
    "rapidfuzz", "tokenizers", "zxcvbn",
}  # fmt: skip

MAKE_APP = """
import sys
from webapp import create_app
create_app()
print(*sys.modules)
"""
BE_THE_MASTER = """
import sys
import webapp.core.server, webapp.startup
print(*sys.modules)
"""
COUNT_ARENAS = """
import ctypes, threading
from webapp.engine.worker import _share_memory

_share_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.fflush.argtypes = [ctypes.c_void_p]
barrier = threading.Barrier(12)

def allocate():
    barrier.wait()
    libc.malloc(1000)
    barrier.wait()

threads = [threading.Thread(target=allocate) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
out = libc.fdopen(1, b"w")
libc.malloc_info(0, out)
libc.fflush(out)
"""


def run(code: str, data: Path) -> str:
    environment = {**os.environ, "CALLBOARD_DATA": str(data), "SECRET_KEY": "x" * 40}
    environment.pop("DATABASE_URL", None)
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env=environment, check=True, capture_output=True, text=True, timeout=120,
    ).stdout  # fmt: skip


def test_an_application_loads_nothing_that_is_rarely_used(tmp_path: Path) -> None:
    loaded = {name.split(".")[0] for name in run(MAKE_APP, tmp_path).split()}
    assert not loaded & RARELY_USED


def test_gunicorns_master_does_without_the_application(tmp_path: Path) -> None:
    loaded = {name.split(".")[0] for name in run(BE_THE_MASTER, tmp_path).split()}
    assert not loaded & {"flask", "sqlalchemy", "numpy"}


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")
def test_a_workers_threads_share_their_memory(tmp_path: Path) -> None:
    assert 1 <= run(COUNT_ARENAS, tmp_path).count("<heap ") <= 2
