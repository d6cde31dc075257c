"""Programs with limits: what goes in, what comes out, and what is left of those that fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.server import ROOT, eventually
from webapp.engine import sandbox
from webapp.engine.sandbox import MEBIBYTE, Failure, Limits, Reason, SandboxError

ENOUGH = Limits(seconds=60)
SLEEPS = "import time; time.sleep(600)"
#: leaves a sleeper of its own behind, whose id it writes into the file that it is told
LEAVES_ONE = """
import subprocess, sys
sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[1], "w").write(str(sleeper.pid))
"""

Write = Callable[[str], str]


@pytest.fixture
def program(tmp_path: Path) -> Write:
    """Write a program; its path."""

    def write(text: str) -> str:
        path = tmp_path / "program.py"
        path.write_text(text)
        return str(path)

    return write


def fail(path: str, *arguments: str, limits: Limits = ENOUGH) -> Failure:
    with pytest.raises(SandboxError) as raised:
        sandbox.run(path, *arguments, limits=limits)
    return raised.value.failure


def is_gone(process_id: int) -> bool:
    try:
        return psutil.Process(process_id).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


# What goes in and comes out


def test_a_program_is_given_its_arguments_and_input(program: Write) -> None:
    path = program(
        "import sys\n"
        "print(__name__, sys.argv[1:])\n"
        "sys.stdout.flush()\n"
        "sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])"
    )
    output = sandbox.run(path, "a b", "ü", input=bytes(range(256)), limits=ENOUGH)
    assert output == "__main__ ['a b', 'ü']\n".encode() + bytes(reversed(range(256)))


def test_a_module_of_ours_is_a_program_too() -> None:
    assert sandbox.run("json.tool", "--compact", input=b'{"a": 1}', limits=ENOUGH) == b'{"a":1}\n'


def test_none_of_our_environment_is_seen_inside(
    program: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "garnet")
    path = program("import os; print(sorted(os.environ), os.listdir(), os.getcwd())")
    output = sandbox.run(path, limits=ENOUGH).decode()
    names, files, folder = output.rpartition(" ")[0].partition("] ")[0], "[]", output.split()[-1]
    assert "SECRET_KEY" not in names
    assert f"] {files} " in output
    assert not Path(folder).exists()


# What fails inside


def test_an_exception_comes_out_as_text(program: Write) -> None:
    path = program("class Odd(Exception): pass\ndef read():\n    raise Odd('garnet')\nread()")
    failure = fail(path)
    assert (failure.reason, failure.type, failure.message) == (Reason.ERROR, "Odd", "garnet")
    assert "in read\n    raise Odd('garnet')" in failure.traceback


def test_a_program_that_ends_badly_without_a_word_has_died(program: Write) -> None:
    assert fail(program("import sys; sys.exit(3)")).message == "ended with status 3"
    killed = fail(program("import os, signal; os.kill(os.getpid(), signal.SIGTERM)"))
    assert (killed.reason, killed.message) == (Reason.DIED, "ended with signal SIGTERM")
    told = fail(
        program("import os, sys; sys.stderr.write('basalt'); sys.stderr.flush(); os._exit(4)")
    )
    assert (told.message, told.traceback) == ("ended with status 4", "basalt")


# Limits


def test_a_program_that_sleeps_is_ended(program: Write) -> None:
    failure = fail(program(SLEEPS), limits=Limits(seconds=0.3))
    assert (failure.reason, failure.message) == (Reason.TIME, "took longer than 0.3 s")


def test_a_program_that_computes_for_too_long_is_ended(program: Write) -> None:
    failure = fail(program("while True: pass"), limits=Limits(seconds=60, cpu_seconds=1))
    assert (failure.reason, failure.message) == (Reason.TIME, "computed for more than 1 s")


def test_a_program_that_takes_too_much_memory_fails(program: Write) -> None:
    path = program("import sys; print(len(bytearray(int(sys.argv[1]))))")
    limits = Limits(seconds=60, memory_bytes=200 * MEBIBYTE)
    assert sandbox.run(path, str(50 * MEBIBYTE), limits=limits)
    failure = fail(path, str(201 * MEBIBYTE), limits=limits)
    assert (failure.reason, failure.type) == (Reason.MEMORY, "MemoryError")
    assert failure.message == "took more than 209,715,200 bytes of memory"


def test_an_output_that_is_too_long_is_none(program: Write) -> None:
    path = program("import sys; sys.stdout.write('x' * int(sys.argv[1]))")
    limits = Limits(seconds=60, output_bytes=1_000)
    assert len(sandbox.run(path, "1000", limits=limits)) == 1_000
    failure = fail(path, "1001", limits=limits)
    assert (failure.reason, failure.message) == (Reason.OUTPUT, "wrote more than 1,000 bytes")


def test_a_file_that_is_too_long_cannot_be_written(program: Write) -> None:
    path = program(
        "import sys; file = open('f', 'w'); file.write('x' * int(sys.argv[1])); file.close()"
    )
    limits = Limits(seconds=60, output_bytes=1_000)
    assert sandbox.run(path, "1000", limits=limits) == b""
    assert fail(path, "1002", limits=limits).type == "OSError"


def test_too_many_files_cannot_be_open(program: Write) -> None:
    path = program("import sys; kept = [open(__file__) for _ in range(int(sys.argv[1]))]")
    limits = Limits(seconds=60, file_count=32)
    assert sandbox.run(path, "10", limits=limits) == b""
    assert fail(path, "40", limits=limits).type == "OSError"


# What is left behind


def test_what_a_program_has_started_ends_with_it(program: Write, tmp_path: Path) -> None:
    path, note = program(LEAVES_ONE), tmp_path / "note"
    assert sandbox.run(path, str(note), limits=ENOUGH) == b""
    eventually(lambda: is_gone(int(note.read_text())))


def test_a_cancelled_program_ends_with_all_it_has_started(program: Write, tmp_path: Path) -> None:
    path, note = program(LEAVES_ONE + SLEEPS), tmp_path / "note"

    class Cancelled(Exception):
        pass

    def check() -> None:
        if note.exists() and note.read_text():
            raise Cancelled

    with pytest.raises(Cancelled):
        sandbox.run(path, str(note), limits=ENOUGH, check=check)
    eventually(lambda: is_gone(int(note.read_text())))


def test_a_program_dies_with_the_process_that_started_it(program: Write, tmp_path: Path) -> None:
    note = tmp_path / "note"
    path = program(f"import os; open({str(note)!r}, 'w').write(str(os.getpid())); {SLEEPS}")
    starter = (
        "from webapp.engine import sandbox\n"
        f"sandbox.run({path!r}, limits=sandbox.Limits(seconds=600))"
    )
    parent = subprocess.Popen([sys.executable, "-c", starter], cwd=ROOT)
    try:
        eventually(lambda: note.exists() and note.read_text())
        assert not is_gone(int(note.read_text()))
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    eventually(lambda: is_gone(int(note.read_text())))


def test_the_end_is_noticed_at_once(program: Write) -> None:
    """Nothing waits for the time limit where the program has ended."""
    path = program("print(1)")
    started_at = time.monotonic()
    assert sandbox.run(path, limits=Limits(seconds=3_600)) == b"1\n"
    assert time.monotonic() - started_at < 600
