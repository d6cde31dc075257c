"""Behind PgBouncer: sessions of one's own are all right, shared ones are refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.database import new_database
from tests.poolers import pgbouncer
from tests.server import ROOT, Installation, eventually
from webapp import startup
from webapp.config import BadSettings, Settings

pytestmark = [
    pytest.mark.skipif(
        os.environ.get("TEST_DATABASE") != "postgresql", reason="PgBouncer pools PostgreSQL"
    ),
    pytest.mark.skipif(
        not shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin"),
        reason="pgbouncer is not installed (Debian: apt-get install pgbouncer)",
    ),
]


@pytest.fixture
def url(database_url: str) -> str:
    found = new_database(database_url)
    assert found
    return found


def settings_for(url: str, folder: Path) -> Settings:
    return Settings.from_environment({"CALLBOARD_DATA": str(folder), "DATABASE_URL": url})


@pytest.mark.parametrize("size", [1, 20])
def test_a_pooler_that_shares_sessions_is_refused(url: str, tmp_path: Path, size: int) -> None:
    with pgbouncer(url, tmp_path, mode="transaction", size=size) as address:
        settings = settings_for(address, tmp_path)
        with pytest.raises(BadSettings, match=r"pool_mode = transaction.*pool_mode = session"):
            startup.check_database(settings)


def test_a_pooler_that_takes_turns_is_refused(url: str, tmp_path: Path) -> None:
    """Two clients never meet in one session there, but each has another one every time."""
    turns = "server_round_robin = 1"
    with pgbouncer(url, tmp_path, mode="transaction", more=turns) as address:
        others = [psycopg.connect(address) for _ in range(5)]
        for other in others:
            other.execute("SELECT 1")
        for other in others:
            other.rollback()
            other.close()
        with pytest.raises(BadSettings, match="shares sessions between transactions"):
            startup.check_database(settings_for(address, tmp_path))


def test_sessions_of_ones_own_are_not_refused(url: str, tmp_path: Path) -> None:
    startup.check_database(settings_for(url, tmp_path))
    with pgbouncer(url, tmp_path, mode="session") as address:
        startup.check_database(settings_for(address, tmp_path))


def test_every_part_refuses_it_with_a_sentence(url: str, tmp_path: Path) -> None:
    with pgbouncer(url, tmp_path, mode="transaction") as address:
        environment = os.environ | {"CALLBOARD_DATA": str(tmp_path), "DATABASE_URL": address}
        for command in (
            [sys.executable, "-P", "webapp/engine/supervisor.py"],
            [sys.executable, "-m", "flask", "--app", "wsgi", "worker"],
        ):
            ended = subprocess.run(
                command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120
            )
            assert ended.returncode == 1
            assert "DATABASE_URL leads to a pooler that shares sessions" in ended.stderr
            assert "Traceback" not in ended.stderr + ended.stdout


def test_three_web_processes_and_three_workers_share_a_pooler(url: str, tmp_path: Path) -> None:
    with pgbouncer(url, tmp_path, mode="session") as address:
        running = Installation(tmp_path, address)
        running.environment |= {"WEB_CONCURRENCY": "3", "CALLBOARD_WORKERS": "3"}
        try:
            running.start()
            assert running.output().count("takes jobs") == 3
            lines = [{"title": f"Tea {n}", "content": f"Water of {n} degrees."} for n in range(60)]
            body = "\n".join(json.dumps(line) for line in lines).encode()
            started = running.request("POST", "/documents/import", body, "application/x-ndjson")
            task = started["task_id"]
            victim = eventually(lambda: running.holder(task))
            psutil.Process(victim).kill()
            eventually(lambda: running.request("GET", f"/tasks/{task}")["status"] == "completed")
            found = running.request("POST", "/knowledge/search", {"query": "water", "top_k": 50})
            assert found["total_results"] == 50
        finally:
            running.stop()
