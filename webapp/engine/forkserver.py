"""The fork server: the parent of a worker's runners of one program, which it has imported.

A worker starts one (`runners.py`) and speaks with it over one socket. An order for a runner is a
message of JSON, {"folder", "limits"}, and two descriptors: the *channel*, over which
the runner and the worker's thread speak from then on, and the *report*. The report lives as long as
the runner: it says that it has begun, {"pid"}, and how it has ended, {"failure", "cpu_seconds",
"memory_peak_bytes"}. When the worker closes its end, the runner is killed.

It has one thread, none of the worker's environment and descriptors, and is never told an order's
content, so that a runner finds nothing in the memory that it shares with its parent. It ends with
its worker, and all runners with it.

A runner is killed with its group. What has left the group is found as well: a runner adopts what
its descendants leave behind, and the fork server what a runner leaves behind. Time, processor,
memory and processes are watched from here, in sum over a runner and its descendants; the kernel's
own limits, which know one process each, hold what comes between two looks.

Run as a program; imports nothing but the standard library itself.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import json
import os
import resource
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import IO, Any, NoReturn

if __name__ == "__main__":
    # The packages of features would bring all that the features are: models, pages, Flask.
    ROOT = Path(__file__).parents[2]
    sys.path.insert(0, str(ROOT))
    import webapp

    for folder in (ROOT / "webapp").iterdir():
        if (folder / "__init__.py").exists():
            package = ModuleType(f"webapp.{folder.name}")
            package.__path__ = [str(folder)]
            sys.modules[package.__name__] = package
            setattr(webapp, folder.name, package)

from webapp.engine import confinement, memory, sandbox
from webapp.engine.channel import Channel
from webapp.engine.confinement import Reach
from webapp.engine.sandbox import (
    MEBIBYTE,
    REPORT_CHARS,
    Failure,
    Reason,
    describe,
    describe_status,
)

#: How often it looks at what its runners use.
WATCH_SECONDS = 0.25
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
#: Started by a runner that is a user of its own, threads included: against what multiplies faster
#: than it is looked at.
TASK_COUNT = 512
#: more than its limit of memory, to tell that it has reached it
TELL_BYTES = 16 * MEBIBYTE
OOM_SCORE = "500"
PAGE = resource.getpagesize()
TICK = os.sysconf("SC_CLK_TCK")
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True)
class Limits(sandbox.Limits):
    """What a runner may use, in sum with all that it starts.

    `memory_bytes` is what it takes beyond what its program's imports have taken; a thread counts
    with its stack, 8 MiB. `output_bytes` are all its messages together, and each of its files.
    `file_count` is for one process.
    """

    #: at once, itself included
    process_count: int = 16


@dataclass
class Runner:
    """A runner as its parent sees it."""

    pid: int
    limits: Limits
    report: socket.socket
    errors: IO[bytes]
    deadline: float
    #: resident when it began, all of it and what belongs to no file
    born_bytes: int
    born_anonymous_bytes: int
    peak_bytes: int = 0
    failure: Failure | None = None


class Server:
    def __init__(
        self,
        control: socket.socket,
        module: str,
        reach: Reach,
        *,
        idle_seconds: float,
    ) -> None:
        self._control = control
        self._reach = reach
        self._idle_seconds = idle_seconds
        self._module: ModuleType | Exception
        try:
            self._module = import_module(module)
            getattr(self._module, "warm_up", lambda: None)()
        except Exception as error:
            self._module = error  # which each of its runners then tells
        self._runners: dict[int, Runner] = {}
        self._is_open = True
        self._watched_at = self._wanted_at = time.monotonic()
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(wake_read, selectors.EVENT_READ)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        self._born_data = _read_status("VmData")

    def serve(self) -> None:
        """Start runners until the worker ends, or nobody wants one."""
        while self._is_open or self._runners:
            for key, _events in self._selector.select(self._seconds_until_next()):
                if key.fileobj is self._control:
                    self._receive()
                elif isinstance(key.data, Runner):
                    self._selector.unregister(key.fileobj)
                    _kill(key.data)
                else:
                    os.read(key.fd, 4096)
            self._reap()
            self._watch()
            if not self._runners and time.monotonic() - self._wanted_at > self._idle_seconds:
                # What was sent before is still received; who sends from now on is told.
                self._control.shutdown(socket.SHUT_RD)

    def _seconds_until_next(self) -> float:
        now = time.monotonic()
        if not self._runners:
            return max(0.0, self._wanted_at + self._idle_seconds - now) + 0.1
        deadline = min(runner.deadline for runner in self._runners.values())
        return max(0.0, min(deadline, self._watched_at + WATCH_SECONDS) - now)

    # Starting

    def _receive(self) -> None:
        message, descriptors = _receive_descriptors(self._control)
        self._wanted_at = time.monotonic()
        if not message:
            self._selector.unregister(self._control)
            self._is_open = False
            return
        order = json.loads(message)
        channel, report = (socket.socket(fileno=descriptor) for descriptor in descriptors)
        try:
            self._start(order, channel, report)
        except Exception as error:  # no process, or no file for its errors
            _send(report, {"failure": asdict(Failure(Reason.DIED, **describe(error)))})
            report.close()
        finally:
            channel.close()

    def _start(self, order: dict[str, Any], channel: socket.socket, report: socket.socket) -> None:
        limits = Limits(**order["limits"])
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has ended
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._be_runner(order, limits, channel, errors.fileno(), parent)
        runner = Runner(
            pid, limits, report, errors, time.monotonic() + limits.seconds, *_read_memory(pid)
        )
        self._runners[pid] = runner
        self._selector.register(report, selectors.EVENT_READ, runner)
        _send(report, {"pid": pid})

    # Ending

    def _reap(self) -> None:
        """Report the runners that have ended, and end what they have left behind."""
        is_any = False
        while pid := _find_ended():
            is_any = True
            runner = self._runners.pop(pid, None)
            if runner is not None:
                _kill(runner)  # its group: its id is not given away while it is not reaped
            _pid, status, usage = os.wait4(pid, 0)
            if runner is not None:
                self._report(runner, os.waitstatus_to_exitcode(status), usage)
        if is_any:
            # What we have not forked came to us because its parent, a runner's, has ended.
            for pid in _find_children(os.getpid()):
                if pid not in self._runners:
                    with suppress(OSError):
                        os.kill(pid, signal.SIGKILL)

    def _report(self, runner: Runner, status: int, usage: resource.struct_rusage) -> None:
        failure = runner.failure
        if failure is None and status == -signal.SIGXCPU:
            failure = _computed_too_long(runner.limits)
        elif failure is None and status != 0:
            size = os.fstat(runner.errors.fileno()).st_size
            runner.errors.seek(max(0, size - REPORT_CHARS))
            tail = runner.errors.read(REPORT_CHARS).decode(errors="replace")
            failure = Failure(Reason.DIED, describe_status(status), traceback=tail)
        report = {
            "failure": asdict(failure) if failure else None,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "memory_peak_bytes": max(
                runner.peak_bytes, usage.ru_maxrss * 1024 - runner.born_bytes, 0
            ),
        }
        _send(runner.report, report)
        with suppress(KeyError):
            self._selector.unregister(runner.report)
        runner.report.close()
        runner.errors.close()

    # Watching

    def _watch(self) -> None:
        """End the runners that are beyond their limits."""
        now = time.monotonic()
        is_due = now >= self._watched_at + WATCH_SECONDS
        if is_due:
            self._watched_at = now
        for runner in self._runners.values():
            if runner.failure is not None:
                continue
            if now >= runner.deadline:
                message = f"took longer than {runner.limits.seconds:g} s"
                runner.failure = Failure(Reason.TIME, message)
            elif is_due:
                runner.failure = _find_excess(runner)
            if runner.failure is not None:
                _kill(runner)

    # What follows runs inside the runner.

    def _be_runner(
        self,
        order: dict[str, Any],
        limits: Limits,
        connection: socket.socket,
        errors: int,
        parent: int,
    ) -> NoReturn:
        """Be the program; its end is the process's."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            channel = Channel(_keep_only(connection, errors))
            try:
                self._give_up_rights(order["folder"], limits, parent)
                status = self._run(channel)
            except BaseException as error:
                _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
                resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
                channel.tell_failure(error)
        finally:
            os._exit(status)

    def _give_up_rights(self, folder: str, limits: Limits, parent: int) -> None:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(ENVIRONMENT, HOME=folder, TMPDIR=folder)
        tempfile.tempdir = folder
        with suppress(OSError):  # where memory is short, this ends before its worker does
            Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
        confinement.confine(folder, self._reach)
        if confinement.can_take_user():
            resource.setrlimit(resource.RLIMIT_NPROC, (TASK_COUNT, TASK_COUNT))
        sandbox.limit(limits)
        data = self._born_data + limits.memory_bytes
        resource.setrlimit(resource.RLIMIT_DATA, (data, data + TELL_BYTES))
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
        sandbox.die_with(parent)  # last, because a new user forgets it

    def _run(self, channel: Channel) -> int:
        """Its exit status."""
        gc.enable()
        if isinstance(self._module, Exception):
            raise self._module
        order = channel.receive_order()
        try:
            self._module.run(order, channel)
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else int(end.code is not None)
        sys.stdout.flush()  # here, where what cannot be written is told
        return 0


def _keep_only(connection: socket.socket, errors: int) -> socket.socket:
    """Close all descriptors but this connection; what is written goes to `errors`."""
    kept = [os.open(os.devnull, os.O_RDONLY), errors, errors, connection.fileno()]
    kept = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, len(kept)) for number in kept]
    for number, source in enumerate(kept):
        os.dup2(source, number, inheritable=number < 3)
    os.closerange(len(kept), max(map(int, os.listdir("/proc/self/fd"))) + 1)
    return socket.socket(fileno=3)


def _receive_descriptors(control: socket.socket) -> tuple[bytes, list[int]]:
    try:
        message, descriptors, _flags, _address = socket.recv_fds(control, 65_536, 2)
    except OSError:
        return b"", []
    return message, descriptors


def _send(report: socket.socket, content: dict[str, Any]) -> None:
    with suppress(OSError):  # nobody listens any more
        report.sendall(json.dumps(content).encode())


def _kill(runner: Runner) -> None:
    """End a runner that is not reaped yet, and its group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(runner.pid, signal.SIGKILL)


def _find_ended() -> int | None:
    """A child that has ended; it keeps its id until it is waited for."""
    with suppress(ChildProcessError):
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return ended.si_pid if ended else None
    return None


def _find_excess(runner: Runner) -> Failure | None:
    """Note what a runner and its descendants use; why they are to be ended."""
    limits, processes = runner.limits, 0
    ticks, used = 0, -runner.born_anonymous_bytes
    for pid in _find_descendants(runner.pid):
        with suppress(OSError, ValueError):  # ended meanwhile
            used += _read_memory(pid)[1]
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, stat[11:15]))
            processes += stat[0] not in ("Z", "X")
    runner.peak_bytes = max(runner.peak_bytes, used)
    if processes > limits.process_count:
        message = f"had {processes} processes, more than {limits.process_count}"
        return Failure(Reason.PROCESSES, message)
    if used > limits.memory_bytes:
        message = f"took more than {limits.memory_bytes:,} bytes of memory"
        return Failure(Reason.MEMORY, message)
    return _computed_too_long(limits) if ticks / TICK > limits.cpu_seconds else None


def _computed_too_long(limits: Limits) -> Failure:
    return Failure(Reason.TIME, f"computed for more than {limits.cpu_seconds} s")


def _find_descendants(pid: int) -> Iterator[int]:
    """A process and all that descends from it."""
    found = [pid]
    for each in found:
        yield each
        found += _find_children(each)


def _find_children(pid: int) -> list[int]:
    children: list[int] = []
    with suppress(OSError):  # ended meanwhile
        for task in os.listdir(f"/proc/{pid}/task"):
            children += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return children


def _read_memory(pid: int) -> tuple[int, int]:
    """What is resident of a process, in bytes: all of it, and what belongs to no file."""
    try:
        _size, resident, shared, *_rest = map(int, Path(f"/proc/{pid}/statm").read_text().split())
    except OSError:
        return 0, 0
    return resident * PAGE, (resident - shared) * PAGE


def _read_status(name: str) -> int:
    """A size of this process, in bytes; 0 where the kernel does not say it."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0


def main() -> None:
    order = json.loads(sys.argv[1])
    os.umask(0o077)
    gc.disable()
    memory.share_pools()
    control = socket.socket(fileno=order["control"])
    control.set_inheritable(False)
    reach = confinement.find_reach([order["module"]], order["hidden"])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    server = Server(control, order["module"], reach, idle_seconds=order["idle_seconds"])
    if len(os.listdir("/proc/self/task")) > 1:
        sys.exit("A program's imports start threads; what is forked would not have them.")
    confinement.isolation()  # so that what it finds out is known to all runners
    gc.collect()
    gc.freeze()
    memory.collapse()
    server.serve()
    shutil.rmtree(order["folder"], ignore_errors=True)


if __name__ == "__main__":
    main()
