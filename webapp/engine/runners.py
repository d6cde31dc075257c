"""Runner: a process for one order, forked from a parent that has imported its program.

    engine.Program("execution", "webapp.executions.runtime.program")   # a feature's contribution

    with runners.start("execution", order, limits=Limits(seconds=60)) as runner:
        for message in runner:                  # dicts that the program sends, until it ends
            if "ask" in message:
                runner.answer(message, {"passages": [...]})
    runner.usage

It has limits, none of our environment and descriptors, and an empty folder of its own; what else it
cannot reach is `confinement.py`'s matter. It is killed, with all that it has started, when the
block is left, when its job is cancelled or its worker stops, and when the worker dies.

What a runner sends is not trusted: who reads a message looks what is in it.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flask import Flask, current_app

from webapp.engine import control
from webapp.engine.channel import FAILED, MESSAGE_BYTES, TOLD, decode, encode
from webapp.engine.forkserver import Limits
from webapp.engine.registry import get_registry
from webapp.engine.sandbox import REPORT_CHARS, ROOT, Failure, Reason, read_failure

__all__ = ["Limits", "Message", "Runner", "RunnerError", "Usage", "start", "stop"]

PROGRAM = str(ROOT / "webapp" / "engine" / "forkserver.py")
EXTENSION = "callboard-fork-servers"
#: How long a fork server may take to begin, or to end, what it does within milliseconds.
PATIENCE_SECONDS = 60.0
#: A fork server ends when nobody has wanted a runner for so long: it holds what it has imported.
IDLE_SECONDS = 900.0
READ_BYTES = 65_536
#: what the folders of runners begin with
FOLDERS = "callboard-runners-"
#: messages that a batch has at most
BATCH = 500


#: what ends a runner that has done nothing: its fork server was killed, as when a worker is
ORPHANED = Failure(Reason.DIED, "ended with its parent")


class RunnerError(Exception):
    """A program failed, died or went beyond a limit; `failure` says what happened."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.reason}: {failure.message}")
        self.failure = failure


class Message(dict[str, Any]):
    """What a program has sent; `number` is that of a question, 0 where it is none."""

    def __init__(self, number: int, content: dict[str, Any]) -> None:
        super().__init__(content)
        self.number = number


@dataclass(frozen=True)
class Usage:
    """What a runner has used. Memory is what it took beyond what it shares with its parent."""

    cpu_seconds: float
    memory_peak_bytes: int


@contextmanager
def start(program: str, order: Mapping[str, Any], *, limits: Limits) -> Iterator[Runner]:
    """Start a runner for an order, which is JSON; it has ended when the block is left.

    LookupError where nothing registered the program, ValueError where the order is no JSON or
    longer than MESSAGE_BYTES. Raises Cancelled or Interrupted where the job is to stop.
    """
    line = encode(TOLD, dict(order))
    server, token = _get_server(current_app, program), control.get_token()
    if token is not None:
        token.check()
    runner = Runner(server, token, limits)
    with token.calling(runner.stop) if token else nullcontext():
        try:
            runner._send(line)
            yield runner
        finally:
            runner._end()


def stop(app: Flask) -> None:
    """End this process's fork servers, and with them all their runners."""
    for server in app.extensions.get(EXTENSION, {}).pop(os.getpid(), {}).values():
        server.stop()


class Runner:
    """The worker's end. Its messages are read by one thread; `stop` may be called by any."""

    def __init__(
        self,
        server: ForkServer,
        token: control.Token | None,
        limits: Limits,
    ) -> None:
        #: what it has used, once it has ended
        self.usage: Usage | None = None
        self._server, self._token, self._limits = server, token, limits
        self._channel, channel = socket.socketpair()
        self._report, report = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._buffer = bytearray()
        self._received_bytes = 0
        self._failure: Failure | None = None
        self._told_failure: Failure | None = None
        self._has_ended = False
        self._pid: int | None = None
        self._deadline = time.monotonic() + limits.seconds + PATIENCE_SECONDS
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        with channel, report:
            try:
                self._folder = server.order(asdict(limits), [channel.fileno(), report.fileno()])
            except OSError as error:  # who reads its messages is told
                self._failure = Failure(Reason.DIED, f"could not be started: {error}")
                self._has_ended = True

    def __iter__(self) -> Iterator[Message]:
        """What the program sends, until it ends.

        Raises RunnerError where it fails, dies or goes beyond a limit; Cancelled or Interrupted,
        at once, where the job is to stop.
        """
        while (message := self._receive()) is not None:
            self._check()
            yield message
        self._check()
        self._wait_for_end()
        self._check()
        if failure := self._find_failure():
            raise RunnerError(failure)

    def batches(self, seconds: float) -> Iterator[list[Message]]:
        """The same, several at once: what comes within so many seconds after the first.

        A question ends a batch, so that it need not wait; an empty one follows where nothing came
        soon after it. Raises as iterating over messages does, after the batch that came before.
        """
        messages = iter(self)
        for message in messages:
            batch, until = [message], time.monotonic() + seconds
            while batch[-1].number == TOLD and len(batch) < BATCH and self._has_more(until):
                try:
                    batch.append(next(messages))
                except StopIteration:
                    yield batch
                    return
                except RunnerError:
                    yield batch
                    raise
            yield batch
            if batch[-1].number != TOLD and not self._has_more(time.monotonic() + seconds):
                yield []

    def answer(self, question: Message, answer: Mapping[str, Any]) -> None:
        """Answer a message of this runner. ValueError where the answer is no JSON or too long."""
        if question.number == TOLD:
            raise RunnerError(Failure(Reason.ERROR, "asked without waiting for an answer"))
        self._send(encode(question.number, dict(answer)))

    def stop(self) -> None:
        """Kill it, and let who reads its messages go on; nothing happens where it has ended."""
        # Its parent still tells how it has ended.
        for connection, how in ((self._report, socket.SHUT_WR), (self._channel, socket.SHUT_RDWR)):
            with suppress(OSError):
                connection.shutdown(how)

    def _send(self, line: bytes) -> None:
        with suppress(OSError):  # it has ended, as who reads its messages is told
            self._channel.sendall(line)

    def _check(self) -> None:
        if self._token is not None:
            self._token.check()

    def _receive(self) -> Message | None:
        """The next message; None after the last."""
        while (line := self._read_line()) is not None:
            try:
                number, content = decode(line)
                if number == FAILED:
                    self._told_failure = _read_failure(content, self._limits)
                else:
                    return Message(number, content)
            except ValueError as error:
                self._fail(Reason.ERROR, f"sent what is no message: {error}")
                return None
        return None

    def _has_more(self, until: float) -> bool:
        """Whether more comes, or it ends, before a moment of the monotonic clock."""
        while b"\n" not in self._buffer and not self._has_ended:
            ready = _poll(until, self._channel, self._report)
            if self._report in ready:
                self._hear()
            if not ready or self._channel in ready:
                return bool(ready)
        return True

    def _read_line(self) -> bytes | None:
        seen = 0
        while (end := self._buffer.find(b"\n", seen)) < 0:
            seen = len(self._buffer)
            if seen > MESSAGE_BYTES:
                self._fail(Reason.OUTPUT, f"sent more than {MESSAGE_BYTES:,} bytes at once")
                return None
            data = self._read()
            if not data:
                return None
            self._received_bytes += len(data)
            if self._received_bytes > self._limits.output_bytes:
                limit = self._limits.output_bytes
                self._fail(Reason.OUTPUT, f"sent more than {limit:,} bytes")
                return None
            self._buffer += data
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _read(self) -> bytes:
        """What there is to read; empty where nothing comes any more."""
        ready: list[socket.socket] = []
        while not self._has_ended and self._channel not in ready:
            ready = self._wait(self._channel, self._report)
            if self._report in ready:
                self._hear()
        try:
            # After its end, what it has left is read, and nobody waited for: what it has started
            # may still hold the other end.
            return self._channel.recv(READ_BYTES, socket.MSG_DONTWAIT)
        except OSError:
            return b""

    def _wait_for_end(self) -> None:
        while not self._has_ended:
            self._wait(self._report)
            self._hear()

    def _hear(self) -> None:
        """What its parent says of it; when it does not any more, it has died."""
        told = b""
        with suppress(OSError):
            told = self._report.recv(READ_BYTES, socket.MSG_DONTWAIT)
        report = json.loads(told) if told else {}
        self._pid = report.get("pid", self._pid)
        self._has_ended = "pid" not in report
        if failure := report.get("failure"):
            failure["reason"] = Reason(failure["reason"])
            self._failure = self._failure or Failure(**failure)
        if "cpu_seconds" in report:
            self.usage = Usage(report["cpu_seconds"], report["memory_peak_bytes"])
        if not report:
            self._failure = self._failure or ORPHANED
            if self._pid is not None:
                # It has died with its parent, but what is left of its group has not.
                with suppress(OSError):
                    os.killpg(self._pid, signal.SIGKILL)
            if self._folder is not None:
                self._server.renew(self._folder.name)

    def _wait(self, *connections: socket.socket) -> list[socket.socket]:
        """Those that can be read; the fork server is killed where none can in time."""
        ready = _poll(self._deadline, *connections)
        if not ready:
            self._server.kill()
        return ready

    def _fail(self, reason: Reason, message: str) -> None:
        self._failure = Failure(reason, message)
        self.stop()

    def _find_failure(self) -> Failure | None:
        # What it tells of itself is more than that it has died of it.
        if self._told_failure and (self._failure is None or self._failure.reason == Reason.DIED):
            return self._told_failure
        return self._failure

    def _end(self) -> None:
        self.stop()
        self._deadline = time.monotonic() + PATIENCE_SECONDS
        # One that has not begun ends when it does, having found neither channel nor folder.
        if self._pid is not None:
            self._wait_for_end()
        self._channel.close()
        self._report.close()
        if self._folder is not None:
            self._folder.cleanup()


def _poll(until: float, *connections: socket.socket) -> list[socket.socket]:
    """Those that can be read before a moment of the monotonic clock; none after it."""
    poll = select.poll()
    by_number = {connection.fileno(): connection for connection in connections}
    for number in by_number:
        poll.register(number, select.POLLIN)
    ready = poll.poll(max(0.0, until - time.monotonic()) * 1000)
    return [by_number[number] for number, _event in ready]


def _read_failure(told: dict[str, Any], limits: Limits) -> Failure:
    words = {name: told.get(name) for name in ("type", "message", "traceback")}
    return read_failure({k: str(v or "")[:REPORT_CHARS] for k, v in words.items()}, limits)


class ForkServer:
    """A program's fork server: started when it is wanted, and again when it has ended."""

    def __init__(self, module: str, hidden: list[str]) -> None:
        self._module, self._hidden = module, hidden
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._folder = ""
        #: those that end, with the folders of their runners
        self._ending: list[tuple[subprocess.Popen[bytes], str]] = []

    def order(
        self, limits: dict[str, Any], descriptors: list[int]
    ) -> tempfile.TemporaryDirectory[str]:
        """Have it start a runner with these descriptors; the runner's folder."""
        with self._lock:
            try:
                return self._order(limits, descriptors)
            except OSError:  # it has died, or ends because it was idle
                self._let_go()
                return self._order(limits, descriptors)

    def renew(self, folder: str) -> None:
        """Start it again, as the one has died whose runner had that folder."""
        with self._lock:
            if self._process is not None and Path(folder).parent == Path(self._folder):
                self._process.kill()  # it may still be dying
                self._process.wait()
                self._start()
            else:
                self._clear_up()

    def kill(self) -> None:
        """End it at once; its runners die with it."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def stop(self) -> None:
        with self._lock:
            self._let_go()
            for process, _folder in self._ending:
                process.wait()
            self._clear_up()

    # What follows is called with the lock.

    def _order(
        self, limits: dict[str, Any], descriptors: list[int]
    ) -> tempfile.TemporaryDirectory[str]:
        server = self._start()
        folder = tempfile.TemporaryDirectory(dir=self._folder, ignore_cleanup_errors=True)
        message = json.dumps({"folder": folder.name, "limits": limits}).encode()
        socket.send_fds(server, [message], descriptors)
        return folder

    def _start(self) -> socket.socket:
        """Its control."""
        if self._control is not None and self._process and self._process.poll() is None:
            return self._control
        self._let_go()
        self._clear_up()
        self._folder = tempfile.mkdtemp(prefix=FOLDERS)
        os.chmod(self._folder, 0o711)  # noqa: S103 - runners that are users of their own enter
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        order = {
            "control": theirs.fileno(),
            "module": self._module,
            "hidden": self._hidden,
            "folder": self._folder,
            "idle_seconds": IDLE_SECONDS,
        }
        command = [sys.executable, "-I", "-B", "-X", "utf8", PROGRAM, json.dumps(order)]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own file
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                start_new_session=True,
            )
        return self._control

    def _let_go(self) -> None:
        if self._control is not None and self._process is not None:
            self._control.close()
            self._ending.append((self._process, self._folder))
        self._control = self._process = None

    def _clear_up(self) -> None:
        """Remove what those have left that were killed."""
        for process, folder in list(self._ending):
            if process.poll() is not None:
                self._ending.remove((process, folder))
                _kill_orphans(folder)
                shutil.rmtree(folder, ignore_errors=True)


def _kill_orphans(folder: str) -> None:
    """End what runners of a dead fork server have started that has left their groups.

    Their folder is in the words that a process was started with, or in its environment.
    """
    if FOLDERS not in folder:
        raise ValueError(f"{folder} marks nobody.")
    mark, until = folder.encode(), time.monotonic() + PATIENCE_SECONDS / 10
    # Twice nobody: one that was not there yet may be the child of one that was not any more.
    while (_kill_marked(mark) or _kill_marked(mark)) and time.monotonic() < until:
        time.sleep(0.01)


def _kill_marked(mark: bytes) -> bool:
    """Whether there was any."""
    is_any = False
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile, or not ours
            if any(mark in (entry / name).read_bytes() for name in ("cmdline", "environ")):
                is_any = True
                os.kill(int(entry.name), signal.SIGKILL)
    return is_any


def _get_server(app: Flask, program: str) -> ForkServer:
    """This process's for that program; a forked process makes its own.

    LookupError where nothing registered the program.
    """
    programs = get_registry(app).programs
    if program not in programs:
        raise LookupError(f"No program is called {program}.")
    all_servers: dict[int, dict[str, ForkServer]] = app.extensions.setdefault(EXTENSION, {})
    servers = all_servers.setdefault(os.getpid(), {})
    if program not in servers:
        settings = app.config["CALLBOARD"]
        hidden = [str(settings.data_dir)]
        if settings.is_sqlite:
            path = settings.database_url.removeprefix("sqlite:///")
            hidden += [path, *(f"{path}-{name}" for name in ("wal", "shm", "journal"))]
        servers.setdefault(program, ForkServer(programs[program].module, hidden))
    return servers[program]
