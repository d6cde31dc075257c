"""compose.yaml: its web and worker, each in a container of its own, find each other."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from tests.database import new_database
from tests.server import ROOT, Installation, eventually

SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


@pytest.fixture
def containers(database_url: str, tmp_path: Path) -> Iterator[dict[str, Installation]]:
    """The services that are ours, with one database and a data folder each."""
    url = new_database(database_url) or f"sqlite:///{tmp_path}/shared.sqlite3"
    started = {}
    for name in ("worker", "web"):
        folder = tmp_path / name
        folder.mkdir()
        service = Installation(folder, url, with_admin=False)
        command = [sys.executable, "-m", *shlex.split(SERVICES[name]["command"])]
        environment = service.environment | {"SECRET_KEY": "the same in both"}
        with service.log.open("ab") as log:
            service.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        started[name] = service
    yield started
    for service in started.values():
        service.stop()


def test_the_link_is_printed_by_the_container_that_takes_it(
    containers: dict[str, Installation],
) -> None:
    web, worker = containers["web"], containers["worker"]
    link = eventually(lambda: re.search(r"http\S+/setup\?token=\S+", web.output()))
    with urlopen(link[0]) as page:
        assert page.status == 200
    eventually(lambda: "takes jobs" in worker.output())
    assert "/setup" not in worker.output()


@pytest.mark.parametrize("file", ["compose.yaml", "docs/operations.md"])
def test_whoever_looks_for_the_link_is_sent_to_that_container(file: str) -> None:
    assert re.findall(r"docker compose logs (\w+)", (ROOT / file).read_text()) == ["web"]


def test_every_service_of_ours_waits_for_the_database_and_has_the_secrets() -> None:
    assert set(SERVICES) == {"web", "worker", "database"}
    for name in ("web", "worker"):
        assert SERVICES[name]["depends_on"] == {"database": {"condition": "service_healthy"}}
        assert {"DATABASE_URL", "SECRET_KEY", "CALLBOARD_URL"} <= set(SERVICES[name]["environment"])
