"""The supervisor behind `make run`: one web process group and N workers, kept alive.

Run it by its path (`python -P webapp/engine/supervisor.py`): it imports the standard library
only, so it costs a few megabytes beside the processes that it looks after. What the settings say
is told by a short-lived process, `webapp.startup`.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 30.0
READY_SECONDS = 60.0
PORT_SECONDS = 5.0
BACKOFF_SECONDS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
HEALTHY_SECONDS = 30.0
PR_SET_PDEATHSIG = 1

CHECK = [sys.executable, "-m", "webapp.startup"]
WEB = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
WORKER = [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]


def main() -> int:
    """Check what the operator set, run all parts until a signal, stop all of them cleanly."""
    checked = subprocess.run(CHECK, stdout=subprocess.PIPE, check=False)
    if checked.returncode:
        return checked.returncode
    with tempfile.TemporaryDirectory(prefix="callboard-") as folder:
        supervisor = Supervisor(Path(folder), **json.loads(checked.stdout))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, supervisor.stop)
        return supervisor.run()


class Part:
    """One child process, how its last starts went, and whether it was ever ready."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name, self.command = name, command
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = self.starts_at = 0.0
        self.failures = 0
        self.is_ready = False

    def start(self) -> None:
        self.started_at = time.monotonic()
        # Who starts us may wait for a word of ours, but not for one of gunicorn's.
        environment = {k: v for k, v in os.environ.items() if k != "NOTIFY_SOCKET"}
        self.process = start(self.command, environment | self.environment())

    def environment(self) -> dict[str, str]:
        return {}

    def may_start(self) -> bool:
        return time.monotonic() >= self.starts_at

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            send_to_group(self.process, number)

    def look(self) -> bool:
        """Whether the part is, or has been, ready."""
        self.is_ready = self.is_ready or self._looks_ready()
        return self.is_ready

    def _looks_ready(self) -> bool:
        raise NotImplementedError


class Web(Part):
    """gunicorn: ready once it answers and reaches its database; begins when the port is free."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__("web", WEB)
        self.host, self.port = host, port
        self.tells_at = math.inf

    def may_start(self) -> bool:
        if not super().may_start():
            return False
        now = time.monotonic()
        if is_port_free(self.host, self.port):
            self.tells_at = math.inf
            return True
        if self.tells_at == math.inf:
            self.tells_at = now + PORT_SECONDS
        elif now > self.tells_at:
            say(f"Port {self.port} is still in use; the web process starts when it is free.")
            self.tells_at = now + 10 * PORT_SECONDS
        self.starts_at = now + 0.1
        return False

    def _looks_ready(self) -> bool:
        # Without http.client, which would be half of what the supervisor weighs.
        address = "127.0.0.1" if self.host in ("0.0.0.0", "") else self.host  # noqa: S104 - only compared
        try:
            with socket.create_connection((address, self.port), timeout=5) as connection:
                connection.sendall(b"GET /health/ready HTTP/1.0\r\n\r\n")
                with connection.makefile("rb") as response:
                    status = response.readline(100).split()[1:2]
        except OSError:
            return False
        return bool(status) and status[0].isdigit() and int(status[0]) < 500


class Worker(Part):
    """A worker: ready once it says that it takes jobs, as a unit of systemd would."""

    def __init__(self, number: int, folder: Path) -> None:
        super().__init__(f"worker {number}", WORKER)
        self.address = str(folder / f"worker-{number}")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.listener.setblocking(False)
        self.listener.bind(self.address)

    def environment(self) -> dict[str, str]:
        return {"NOTIFY_SOCKET": self.address}

    def _looks_ready(self) -> bool:
        with suppress(BlockingIOError):
            return self.listener.recv(100) == b"READY=1"
        return False


class Supervisor:
    """Restarts what dies, with a growing pause; a first restart is immediate.

    Until all parts have been ready once, a part that gives up ends the start.
    """

    def __init__(self, folder: Path, *, host: str, port: int, workers: int) -> None:
        self.host, self.port = host, port
        self.parts: list[Part] = [Web(host, port)]
        self.parts += [Worker(n + 1, folder) for n in range(workers)]
        self.signals = 0

    def run(self) -> int:
        if not is_port_free(self.host, self.port):
            say(f"Port {self.port} is in use; set PORT to another one.")
            return 1
        say(f"Starting {' and '.join(part.name for part in self.parts)} …")
        for part in self.parts:
            part.start()
        code = self._wait_until_ready()
        while not self.signals and not code:
            self._restart_dead()
            time.sleep(0.25)
        self._stop_parts()
        return code

    def stop(self, _number: int, _frame: Any) -> None:
        """A first signal stops cleanly, a second one kills."""
        self.signals += 1

    def _wait_until_ready(self) -> int:
        """Exit status 1 where a part could not start; 0 otherwise."""
        warns_at = time.monotonic() + READY_SECONDS
        while not self.signals:
            for part in self.parts:
                if part.process and not part.is_ready and (part.process.poll() or 0) > 0:
                    say(f"The {part.name} could not start; its messages above say why.")
                    return 1
            self._restart_dead()
            waiting = [part.name for part in self.parts if not part.look()]
            if not waiting:
                say(f"Callboard is ready on http://{self.host}:{self.port}")
                return 0
            if time.monotonic() > warns_at:
                say(f"Still waiting for {' and '.join(waiting)}.")
                warns_at = math.inf
            time.sleep(0.05)
        return 0

    def _restart_dead(self) -> None:
        now = time.monotonic()
        for part in self.parts:
            if part.is_running():
                continue
            if part.process is not None:
                code = part.process.returncode
                # Processes that it has started would otherwise keep its port or its locks.
                send_to_group(part.process, signal.SIGKILL)
                part.process = None
                part.failures = 0 if now - part.started_at > HEALTHY_SECONDS else part.failures
                pause = BACKOFF_SECONDS[min(part.failures, len(BACKOFF_SECONDS) - 1)]
                part.starts_at, part.failures = now + pause, part.failures + 1
                say(f"The {part.name} process ended ({_reason(code)}); it starts again.")
            if part.may_start():
                part.start()

    def _stop_parts(self) -> None:
        say("Stopping …")
        for part in self.parts:
            part.send(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(part.is_running() for part in self.parts):
            if self.signals > 1 or time.monotonic() > deadline:
                for part in self.parts:
                    part.send(signal.SIGKILL)
            time.sleep(0.05)
        say("Callboard has stopped.")


def is_port_free(host: str, port: int) -> bool:
    """Whether a server could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C reaches the supervisor alone."""
    return subprocess.Popen(
        command, env=environment, start_new_session=True, preexec_fn=_make_die_with(os.getpid())
    )


def _make_die_with(parent: int) -> Callable[[], None]:
    """What a child runs first: on Linux it is told to stop when its supervisor is killed."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def set_death_signal() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

    return set_death_signal


def send_to_group(process: subprocess.Popen[bytes], number: int) -> None:
    """SIGTERM goes to the child, which knows how to stop its own; SIGKILL to all of them."""
    try:
        if number == signal.SIGKILL:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    except ProcessLookupError:
        pass


def say(sentence: str) -> None:
    print(sentence, flush=True)


def _reason(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


if __name__ == "__main__":
    sys.exit(main())
