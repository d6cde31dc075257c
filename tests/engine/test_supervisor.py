"""`make run`: what "ready" means, and what becomes of its parts when one of them is killed."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from tests.database import new_database
from tests.server import ROOT, Installation, eventually, free_port
from webapp.core.database.migrations import NEWEST
from webapp.engine import readiness, supervisor

PREPARE = [sys.executable, "-m", "flask", "--app", "wsgi", "prepare", "--quiet"]


class Run:
    """One run of a command to its end, and what it said."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        ended = subprocess.run(
            command, env=environment, cwd=ROOT, timeout=120, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.code, self.output = ended.returncode, ended.stdout


def run(data: Path, **variables: str) -> Run:
    """`make run` to the end of a start that fails."""
    environment = os.environ | {"CALLBOARD_DATA": str(data), "PORT": str(free_port())} | variables
    return Run([sys.executable, "-P", "webapp/engine/supervisor.py"], environment)


def web_processes(installation: Installation) -> list[psutil.Process]:
    """gunicorn's master and its child, which serves, as far as they are there."""
    assert installation.process is not None
    top = psutil.Process(installation.process.pid)
    found = [top, *top.children(recursive=True)]
    return [process for process in found if is_alive(process) and "gunicorn" in name_of(process)]


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def name_of(process: psutil.Process) -> str:
    return " ".join(process.cmdline())


def test_ready_means_that_the_worker_takes_jobs_too(installation: Installation) -> None:
    output = installation.output()
    steps = ("Starting web and worker 1", "database is up to date", "takes jobs", "is ready on")
    assert sorted(steps, key=output.index) == list(steps)


@pytest.mark.once
def test_a_worker_is_ready_when_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = supervisor.Worker(1, tmp_path)
    assert not part.look()
    for name, value in part.environment().items():
        monkeypatch.setenv(name, value)
    readiness.notify()
    assert part.look()
    assert part.look(), "It stays ready."
    readiness.notify()  # readiness is told once
    assert "NOTIFY_SOCKET" not in os.environ
    part.listener.close()


def test_a_killed_master_leaves_nobody_at_its_port(installation: Installation) -> None:
    master, child = web_processes(installation)
    child.suspend()  # Stopped, it cannot end by itself: only SIGKILL ends it.
    master.kill()
    eventually(lambda: not is_alive(child))
    eventually(lambda: len(web_processes(installation)) == 2)
    eventually(lambda: is_healthy(installation.url))
    assert "The web process ended (SIGKILL); it starts again." in installation.output()


def is_healthy(url: str) -> bool:
    try:
        with urlopen(f"{url}/health/ready", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def leave_a_child(file: Path) -> list[str]:
    """A command that starts another process and writes its number into a file."""
    program = (
        "import pathlib, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"pathlib.Path({str(file)!r}).write_text(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    return [sys.executable, "-c", program]


@pytest.mark.once
def test_what_a_part_has_started_ends_with_it(tmp_path: Path) -> None:
    """Also where the part itself has died already, and told nobody."""
    file = tmp_path / "pid"
    part = supervisor.start(leave_a_child(file), dict(os.environ))
    started = psutil.Process(int(eventually(lambda: file.exists() and file.read_text())))
    part.kill()
    part.wait()
    assert is_alive(started)
    supervisor.send_to_group(part, signal.SIGKILL)
    eventually(lambda: not is_alive(started))


@pytest.mark.once
def test_what_is_left_of_a_part_ends_before_it_starts_again(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    part = supervisor.Part("other", leave_a_child(file))
    above = supervisor.Supervisor(tmp_path, host="127.0.0.1", port=free_port(), workers=0)
    above.parts = [part]
    part.start()
    left = psutil.Process(int(eventually(lambda: file.exists() and file.read_text())))
    assert part.process is not None
    part.process.kill()
    part.process.wait()
    assert is_alive(left)
    above._restart_dead()
    try:
        eventually(lambda: not is_alive(left))
        assert part.is_running()
    finally:
        part.send(signal.SIGKILL)


def test_the_web_process_waits_for_its_port() -> None:
    web = supervisor.Web("127.0.0.1", free_port())
    with socket.create_server((web.host, web.port)):
        assert not web.may_start()
    web.starts_at = 0.0
    assert web.may_start()


@pytest.mark.once
def test_a_port_in_use_ends_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = run(tmp_path, PORT=str(port))
    assert ended.code == 1
    assert ended.output == f"Port {port} is in use; set PORT to another one.\n"


@pytest.mark.once
def test_a_database_that_does_not_answer_ends_the_start(tmp_path: Path) -> None:
    url = f"postgresql://me:hunter2@127.0.0.1:{free_port()}/name"
    ended = run(tmp_path, DATABASE_URL=url)
    assert ended.code == 1
    assert ended.output.startswith("The database of DATABASE_URL cannot be used: connection")
    assert "hunter2" not in ended.output
    assert ended.output.count("\n") == 1


@pytest.mark.once
def test_a_database_of_a_newer_callboard_ends_the_start(tmp_path: Path) -> None:
    file = tmp_path / "callboard.sqlite3"
    environment = {"DATABASE_URL": f"sqlite:///{file}"}
    assert Run(PREPARE, os.environ | environment | {"CALLBOARD_DATA": str(tmp_path)}).code == 0
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    ended = run(tmp_path, **environment)
    assert ended.code == 1
    assert (
        "The database was brought to revision 9999 by a newer Callboard; "
        f"this one knows those up to {NEWEST}.\n"
    ) in ended.output
    assert "The worker 1 could not start; its messages above say why." in ended.output
    assert "Traceback" not in ended.output


@pytest.mark.once
def test_an_admin_that_cannot_be_made_ends_the_start(tmp_path: Path) -> None:
    ended = run(
        tmp_path,
        DATABASE_URL=f"sqlite:///{tmp_path}/callboard.sqlite3",
        CALLBOARD_ADMIN_EMAIL="nobody",
        CALLBOARD_ADMIN_PASSWORD="correct horse battery",
    )
    assert ended.code == 1
    assert "email" in ended.output
    assert "Traceback" not in ended.output


@pytest.fixture
def web_alone(database_url: str, tmp_path: Path) -> Iterator[Installation]:
    """gunicorn without a worker, over a database that nobody has brought up to date."""
    alone = Installation(tmp_path, new_database(database_url), with_admin=False)
    with alone.log.open("ab") as log:
        alone.process = subprocess.Popen(
            supervisor.WEB, cwd=ROOT, env=alone.environment, stdout=log, stderr=subprocess.STDOUT
        )
    yield alone
    alone.stop()


def test_a_web_process_waits_for_its_database_and_prints_the_link(web_alone: Installation) -> None:
    eventually(lambda: "Waiting for a worker" in web_alone.output())
    assert "/setup?token=" not in web_alone.output()
    assert Run(PREPARE, web_alone.environment).code == 0
    eventually(lambda: is_healthy(web_alone.url))
    link = re.search(r"http\S+/setup\?token=\S+", web_alone.output())
    assert link
    with urlopen(link[0]) as page:
        assert page.status == 200


@pytest.mark.once
def test_a_web_process_dies_with_its_master_though_it_cannot_run(web_alone: Installation) -> None:
    eventually(lambda: "Waiting for a worker" in web_alone.output())
    master, child = web_processes(web_alone)
    child.suspend()
    master.kill()
    eventually(lambda: not is_alive(child))


def test_many_may_bring_a_new_database_up_to_date_at_once(
    database_url: str, tmp_path: Path
) -> None:
    environment = Installation(tmp_path, new_database(database_url)).environment
    many = [
        subprocess.Popen(PREPARE, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in many:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
