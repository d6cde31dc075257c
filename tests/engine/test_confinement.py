"""What a runner cannot reach: the database, the key, the memory and the signals of others."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.engine.conftest import ROOT
from tests.engine.test_runners import ENOUGH, SLEEP, find_fork_server
from webapp.config import Settings
from webapp.core.extensions import db
from webapp.engine import confinement, runners
from webapp.engine.confinement import can_filter, find_reach, isolation, landlock_version

needs_landlock = pytest.mark.skipif(not landlock_version(), reason="This kernel has no Landlock.")
needs_scopes = pytest.mark.skipif(landlock_version() < 6, reason="This Landlock has no scopes.")
needs_filter = pytest.mark.skipif(not can_filter(), reason="No system call can be refused here.")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="Only root can be another user.")

#: tries each of an order's expressions, and tells what comes of it
TRY = """
import ctypes, os, signal, socket, sqlite3, subprocess
from pathlib import Path
results = {}
for name, expression in order["tried"].items():
    try:
        results[name] = str(eval(expression))
    except Exception as error:
        results[name] = type(error).__name__

tell(results)
"""


@pytest.fixture
def runner_app(app: Flask) -> Any:
    yield app
    runners.stop(app)


def attempt(**tried: str) -> dict[str, str]:
    """What comes of these expressions inside a runner."""
    with runners.start("script", {"code": TRY, "tried": tried}, limits=ENOUGH) as runner:
        (results,) = runner
    return dict(results)


@pytest.mark.once
@needs_landlock
def test_a_runner_opens_neither_the_database_nor_the_secret_key(
    runner_app: Flask, environment: dict[str, str]
) -> None:
    folder = Path(environment["CALLBOARD_DATA"])
    del environment["SECRET_KEY"]
    settings = Settings.from_environment(environment)
    key, database = folder / "secret_key", Path(str(db.engine.url.database))
    assert settings.secret_key in key.read_text()
    assert sqlite3.connect(database).execute("SELECT count(*) FROM workers").fetchone() == (0,)
    assert attempt(
        database=f"sqlite3.connect({str(database)!r}).execute('SELECT * FROM workers').fetchall()",
        read=f"Path({str(database)!r}).read_bytes()",
        written=f"Path({str(database)!r}).open('ab')",
        key=f"Path({str(key)!r}).read_text()",
        listed=f"os.listdir({str(folder)!r})",
        linked=f"os.link({str(key)!r}, 'key')",
        asked=f"subprocess.run(['/bin/cat', {str(key)!r}], capture_output=True).stdout",
    ) == {
        "database": "OperationalError",
        "read": "PermissionError",
        "written": "PermissionError",
        "key": "PermissionError",
        "listed": "PermissionError",
        "linked": "OSError",
        "asked": "b''",
    }


@pytest.mark.once
@needs_landlock
def test_a_runner_reads_no_secret_of_anybody_elses_memory(runner_app: Flask) -> None:
    secret = {"code": "import os; tell({'pid': os.getpid()}); " + SLEEP, "secret": "garnet"}
    with runners.start("script", secret, limits=ENOUGH) as other:
        pids = {
            "worker": os.getpid(),
            "parent": find_fork_server().pid,
            "other": next(iter(other))["pid"],
        }
        folder = os.readlink(f"/proc/{pids['other']}/cwd")
        found = attempt(
            folder=f"os.listdir({folder!r})",
            **{f"{name} {file}": f"Path('/proc/{pid}/{file}').open('rb').read(1)"
               for name, pid in pids.items() for file in ("environ", "mem", "maps", "cmdline")},
            **{f"{name} fd": f"os.listdir('/proc/{pid}/fd')" for name, pid in pids.items()},
            # PTRACE_ATTACH
            **{f"{name} traced": f"ctypes.CDLL(None).ptrace(16, {pid}, None, None)"
               for name, pid in pids.items()},
        )  # fmt: skip
    traced = {found.pop(f"{name} traced") for name in pids}
    assert traced == {"-1"}
    assert set(found.values()) == {"PermissionError"}


@pytest.mark.once
@needs_scopes
def test_a_runner_sends_nobody_else_a_signal(runner_app: Flask) -> None:
    code = "import os; tell({'pid': os.getpid()}); " + SLEEP
    with runners.start("script", {"code": code}, limits=ENOUGH) as other:
        pids = [os.getpid(), find_fork_server().pid, next(iter(other))["pid"]]
        tried = {str(pid): f"os.kill({pid}, signal.SIGCONT)" for pid in pids}
        assert set(attempt(**tried).values()) == {"PermissionError"}
        own = "[(p := os.fork()) or os._exit(0), os.kill(p, signal.SIGCONT), os.waitpid(p, 0)][1]"
        assert attempt(own=own) == {"own": "None"}


@needs_filter
def test_a_runner_cannot_connect_to_a_database_that_asks_for_no_password(
    runner_app: Flask, database_url: str
) -> None:
    """That of the tests lets in whoever reaches its socket."""
    if not database_url.startswith("postgresql"):
        pytest.skip("SQLite has no socket.")
    code = f"__import__('psycopg').connect({database_url.replace('+psycopg', '')!r})"
    with eval(code) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert attempt(connected=code) == {"connected": "OperationalError"}


@pytest.mark.once
@needs_filter
def test_a_runner_opens_no_socket_that_is_a_file(runner_app: Flask) -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{folder}/s")
        os.chmod(folder, 0o755)
        os.chmod(f"{folder}/s", 0o777)
        server.listen()
        code = f"import socket; socket.socket(socket.AF_UNIX).connect('{folder}/s')"
        started = f"subprocess.run([__import__('sys').executable, '-c', {code!r}], stderr=-1)"
        assert attempt(
            opened=f"socket.socket(socket.AF_UNIX).connect('{folder}/s')",
            datagrams="socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)",
            started=f"b'PermissionError' in {started}.stderr",
            # io_uring_setup
            another_way="ctypes.CDLL(None).syscall(425, 1, bytes(120))",
            pair="socket.socketpair() != ()",
            internet="socket.socket() != 0",
        ) == {
            "opened": "PermissionError",
            "datagrams": "PermissionError",
            "started": "True",
            "another_way": "-1",
            "pair": "True",
            "internet": "True",
        }


@pytest.mark.once
def test_a_runner_has_no_right_of_roots(runner_app: Flask) -> None:
    status = "[line for line in open('/proc/self/status') if line[:7] in ('CapEff:', 'CapPrm:')]"
    inside = attempt(own=status, privileges="ctypes.CDLL(None).prctl(39, 0, 0, 0, 0)")
    started = attempt(started="subprocess.run(['/bin/cat', '/proc/self/status'], "
                              "capture_output=True).stdout")["started"]  # fmt: skip
    nothing = 16 * "0"
    assert inside["own"].count(nothing) == 2
    assert inside["privileges"] == "1"
    assert started == "b''" or f"CapEff:\\t{nothing}" in started


@pytest.mark.once
def test_what_programs_need_can_be_reached(runner_app: Flask) -> None:
    """Imports that come late, names and certificates, programs that are started, a network."""
    found = attempt(
        imported="__import__('xmlrpc.client')",
        ours="__import__('webapp.core.clock')",
        library="__import__('httpx')",
        certificates="__import__('ssl').create_default_context().get_ca_certs() != ''",
        hosts="'localhost' in Path('/etc/hosts').read_text()",
        zones="__import__('zoneinfo').ZoneInfo('Europe/Zurich')",
        started="subprocess.run(['/bin/echo', 'basalt'], capture_output=True).stdout",
        interpreter="subprocess.run([__import__('sys').executable, '-c', 'print(1)'], "
        "capture_output=True).stdout",
        written="Path('made').write_text('x'), Path('made').rename('moved')",
        nothing="Path('/dev/null').write_text('x'), Path('/dev/urandom').open('rb').read(1) != b''",
        connected="[s := socket.create_server(('127.0.0.1', 0)), "
        "socket.create_connection(s.getsockname())] != []",
    )
    assert found.pop("imported").startswith("<module 'xmlrpc'")
    assert found.pop("ours").startswith("<module 'webapp'")
    assert found.pop("library").startswith("<module 'httpx'")
    assert found == {
        "certificates": "True",
        "hosts": "True",
        "zones": "Europe/Zurich",
        "started": r"b'basalt\n'",
        "interpreter": r"b'1\n'",
        "written": f"(1, {'PosixPath'}('moved'))",
        "nothing": "(1, True)",
        "connected": "True",
    }


@pytest.mark.once
def test_what_is_hidden_is_left_out_of_what_programs_need(tmp_path: Path) -> None:
    for name in ("a/data/callboard.sqlite3", "a/b/c", "other"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a" / "link").symlink_to("data")
    hidden = [str(tmp_path / "a" / "data"), str(tmp_path / "other")]
    inside = list(confinement._without(tmp_path, [Path(path) for path in hidden]))
    assert inside == [tmp_path / "a" / "b"]
    packages = find_reach(["webapp.x.y", "tests.z"], hidden=[]).paths
    assert {str(ROOT / "webapp"), str(ROOT / "tests")} <= set(packages)
    assert str(ROOT) not in packages


@pytest.mark.once
@needs_landlock
@pytest.mark.parametrize("version", range(1, landlock_version() + 1))
def test_every_version_of_landlock_keeps_a_runner_from_files(tmp_path: Path, version: int) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "secret").write_text("garnet")
    code = f"""
import os
from webapp.engine import confinement
confinement._prctl(confinement.PR_SET_NO_NEW_PRIVS, 1)
reach = confinement.find_reach([], [])
confinement.restrict({str(tmp_path / "own")!r}, reach, {version})
open({str(tmp_path / "own" / "made")!r}, "w").write("x")
for mode in ("r", "a"):
    try:
        open({str(tmp_path / "secret")!r}, mode)
    except PermissionError:
        print("refused")
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("refused\nrefused\n", "")


@pytest.mark.once
@needs_root
def test_a_user_of_its_own_is_nobody() -> None:
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        folder.chmod(0o711)
        (folder / "secret").write_text("garnet")
        (folder / "secret").chmod(0o600)
        (folder / "own").mkdir(mode=0o700)
        assert be_a_user(folder) == (4 * "refused\n", "")


def be_a_user(folder: Path) -> tuple[str, str]:
    code = f"""
import os, signal
from webapp.engine import confinement
confinement._take_user({str(folder / "own")!r})
assert os.getuid() == os.getgid() >= confinement.FEW_IDS, os.getuid()
assert os.getgroups() == []
open({str(folder / "own" / "made")!r}, "w").write("x")
for attempt in (lambda: open({str(folder / "secret")!r}), lambda: os.kill({os.getpid()}, 0),
                lambda: open("/proc/{os.getpid()}/environ"), lambda: os.setuid(0)):
    try:
        attempt()
    except PermissionError:
        print("refused")
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout, done.stderr


@pytest.mark.once
def test_what_a_machine_lacks_is_said() -> None:
    found = isolation()
    assert found.landlock == landlock_version()
    assert (found.gaps == ()) == (found.landlock >= 6 and found.has_filter)
