"""A process loads what it needs: each of these libraries costs megabytes in every one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RARELY_USED = {
    "alembic", "cryptography", "dbos", "docx", "httpx", "jsonschema", "networkx", "numpy", "pypdf",
    "rapidfuzz", "tokenizers", "zxcvbn",
}  # fmt: skip

MAKE_APP = """
import sys
from webapp import create_app
create_app()
print(*sys.modules)
"""
BE_THE_MASTER = """
import runpy, sys
import webapp.core.http.server
assert runpy.run_path("gunicorn.conf.py")["workers"] == 1
print(*sys.modules)
"""
BE_THE_SUPERVISOR = """
import runpy, sys
runpy.run_path("webapp/engine/supervisor.py", run_name="supervisor")
print(*sys.modules)
"""
BUILD_SCHEMAS = """
from webapp import create_app
from webapp.agents.schemas import AgentResponse
create_app()
print(AgentResponse.__pydantic_complete__)
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
    assert not loaded & {"flask", "sqlalchemy", "numpy", "pydantic"}


def test_the_supervisor_does_without_anything(tmp_path: Path) -> None:
    loaded = {name.split(".")[0] for name in run(BE_THE_SUPERVISOR, tmp_path).split()}
    assert not loaded & {"email", "http", "ssl", "webapp"}


def test_a_schema_is_built_when_it_is_used(tmp_path: Path) -> None:
    assert run(BUILD_SCHEMAS, tmp_path) == "False\n"
