"""Sandbox: a program of ours for what may take any amount of time or memory, or may crash.

    sandbox.run("webapp/…/extract.py", "text/html", input=content, limits=Limits(seconds=10))

The program reads its standard input and writes its standard output. It runs in a process group and
an empty folder of its own, with none of our environment. The whole group is killed when the program
ends, takes too long or is cancelled; the program, if not what it has started, also when the thread
that called `run` ends with its process. What goes wrong inside comes out as text, never as an
exception object: an object would have to be loaded here, and would bring its classes, or more, with
it.

This file is both sides: imported it starts programs, run as a program it is what they start in. So
it imports nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import runpy
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

MEBIBYTE = 1024 * 1024
ROOT = Path(__file__).parents[2]
POLL_SECONDS = 0.1
#: of what is told about a failure, and how much more may be written to tell it
REPORT_CHARS = 8_000
REPORT_BYTES = 64 * 1024
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Limits:
    """What a program may use. Nothing is limited in sum over processes that it starts itself."""

    #: of the clock, from start to end
    seconds: float
    #: of the processor
    cpu_seconds: int = 60
    #: of address space, shared libraries included: an interpreter alone takes about 50 MiB
    memory_bytes: int = 1024 * MEBIBYTE
    #: on standard output, and in each file that it writes
    output_bytes: int = 64 * MEBIBYTE
    #: open at once
    file_count: int = 64


class Reason(StrEnum):
    """Why a program has no output: the first is its own exception, the others its limits.

    Processes are counted in runners alone.
    """

    ERROR = "error"
    TIME = "time"
    MEMORY = "memory"
    OUTPUT = "output"
    PROCESSES = "processes"
    DIED = "died"


@dataclass(frozen=True)
class Failure:
    """What went wrong inside, as text; `type` and `traceback` are empty where a limit ended it."""

    reason: Reason
    message: str
    type: str = ""
    traceback: str = ""


class SandboxError(Exception):
    """A program ended without its output; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.reason}: {failure.message}")
        self.failure = failure


def run(
    program: str,
    *arguments: str,
    limits: Limits,
    input: bytes = b"",
    check: Callable[[], None] | None = None,
) -> bytes:
    """The standard output of `program`, the path of a file or the name of a module of ours.

    `check` is called every tenth of a second; what it raises ends the program and goes on from
    here. Raises SandboxError where the program fails or goes beyond its limits.
    """
    # Files and no pipes: nobody has to feed and to drain them while the program runs.
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
        tempfile.TemporaryFile() as report,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
    ):
        given.write(input)
        given.seek(0)
        order = {
            "program": program,
            "limits": asdict(limits),
            "report": report.fileno(),
            "parent": os.getpid(),
        }
        process = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, "-I", "-B", "-X", "utf8", __file__, json.dumps(order), *arguments],
            stdin=given,
            stdout=output,
            stderr=errors,
            pass_fds=[report.fileno()],
            cwd=folder,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        try:
            is_late = not _wait(process, limits.seconds, check)
        finally:
            _kill_group(process)
        failure = _find_failure(process.returncode, is_late, limits, output, errors, report)
        if failure is not None:
            raise SandboxError(failure)
        output.seek(0)
        return output.read()


def _wait(process: subprocess.Popen[bytes], seconds: float, check: Any) -> bool:
    """Whether the program has ended in time."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if check is not None:
            check()
        with suppress(subprocess.TimeoutExpired):
            process.wait(min(POLL_SECONDS, left))
            return True
    return process.poll() is not None


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End the program and all that it has started and left behind."""
    # Its id is not given away again while anything is left in its group.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _find_failure(
    status: int,
    is_late: bool,
    limits: Limits,
    output: IO[bytes],
    errors: IO[bytes],
    report: IO[bytes],
) -> Failure | None:
    if is_late:
        return Failure(Reason.TIME, f"took longer than {limits.seconds:g} s")
    if os.fstat(output.fileno()).st_size > limits.output_bytes:
        return Failure(Reason.OUTPUT, f"wrote more than {limits.output_bytes:,} bytes")
    if status == 0:
        return None
    if status == -signal.SIGXCPU:
        return Failure(Reason.TIME, f"computed for more than {limits.cpu_seconds} s")
    with suppress(ValueError):
        return read_failure(json.loads(_tail(report)), limits)
    return Failure(Reason.DIED, describe_status(status), traceback=_tail(errors))


def read_failure(told: dict[str, str], limits: Limits) -> Failure:
    """What `describe` has told of an exception inside."""
    is_memory = told["type"] == "MemoryError"
    reason = Reason.MEMORY if is_memory else Reason.ERROR
    message = told["message"] or (
        f"took more than {limits.memory_bytes:,} bytes of memory" if is_memory else ""
    )
    return Failure(reason, message, told["type"], told["traceback"])


def describe_status(status: int) -> str:
    """How a process has ended; a negative `status` is the signal that ended it."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"ended with signal {signal.Signals(-status).name}"
    except ValueError:  # those for real time have no names
        return f"ended with signal {-status}"


def _tail(file: IO[bytes]) -> str:
    file.seek(max(0, os.fstat(file.fileno()).st_size - REPORT_BYTES))
    return file.read().decode(errors="replace")


# What follows runs inside the sandbox.


def main(order: dict[str, Any], arguments: list[str]) -> None:
    """Limit this process, then be the program; an exception is told and ends it."""
    die_with(order["parent"])
    limits = Limits(**order["limits"])
    limit(limits)
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    program = order["program"]
    sys.argv = [program, *arguments]
    try:
        if program.endswith(".py"):
            runpy.run_path(program, run_name="__main__")
        else:
            sys.path.insert(0, str(ROOT))
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        if not sys.stdout.closed:
            sys.stdout.flush()  # here, where what cannot be written is told
    except Exception as error:
        _tell(order["report"], error)
        os._exit(1)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when the one that started it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def limit(limits: Limits) -> None:
    """Have the kernel hold this process to its limits, but for memory."""
    # One more, so that going beyond can be told from coming up to it.
    size = limits.output_bytes + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size + REPORT_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits.file_count, limits.file_count))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _tell(report: int, error: Exception) -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    os.write(report, json.dumps(describe(error)).encode())


def describe(error: BaseException) -> dict[str, str]:
    """An exception as text."""
    return {
        "type": type(error).__name__,
        "message": str(error)[:REPORT_CHARS],
        "traceback": "".join(traceback.format_exception(error))[-REPORT_CHARS:],
    }


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
