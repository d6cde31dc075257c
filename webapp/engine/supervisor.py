"""The supervisor behind `make run`: one web process group and N workers, kept alive.

Run it by its path (`python -P webapp/engine/supervisor.py`): it imports the standard library
only, so it costs a few megabytes beside the processes that it looks after. What the settings say
is told by a short-lived process, `webapp.startup`.
"""

from __future__ import annotations

import ctypes
import http.client
import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

PATIENCE_SECONDS = 30.0
READY_SECONDS = 60.0
BACKOFF_SECONDS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
HEALTHY_SECONDS = 30.0
PR_SET_PDEATHSIG = 1

CHECK = [sys.executable, "-m", "webapp.startup"]
FLASK = [sys.executable, "-m", "flask", "--app", "wsgi"]
WEB = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]


def main() -> int:
    """Bring the database up to date, run all parts until a signal, stop all of them cleanly."""
    checked = subprocess.run(CHECK, stdout=subprocess.PIPE, check=False)
    if checked.returncode:
        return checked.returncode
    supervisor = Supervisor(**json.loads(checked.stdout))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, supervisor.stop)
    return supervisor.run()


@dataclass
class Part:
    """One child process and how its last starts went."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    starts_at: float = 0.0
    failures: int = field(default=0)

    def start(self) -> None:
        self.started_at = time.monotonic()
        self.process = start(self.command)

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            send_to_group(self.process, number)


class Supervisor:
    """Restarts what dies, with a growing pause; a first restart is immediate."""

    def __init__(self, *, host: str, port: int, workers: int) -> None:
        self.host, self.port = host, port
        self.parts = [Part("web", WEB)]
        self.parts += [Part(f"worker {n + 1}", [*FLASK, "worker"]) for n in range(workers)]
        self.signals = 0

    def run(self) -> int:
        if not self._is_port_free():
            say(f"Port {self.port} is in use; set PORT to another one.")
            return 1
        code = self._prepare()
        if code or self.signals:
            return code
        for part in self.parts:
            part.start()
        warns_at, ready = time.monotonic() + READY_SECONDS, False
        while not self.signals:
            self._restart_dead()
            if not ready:
                ready = self._is_ready()
                if ready:
                    say(f"Callboard is ready on http://{self.host}:{self.port}")
                elif time.monotonic() > warns_at:
                    say("The web process does not answer yet; its messages above say why.")
                    warns_at = math.inf
            time.sleep(0.25 if ready or warns_at == math.inf else 0.05)
        return self._stop_parts()

    def stop(self, _number: int, _frame: Any) -> None:
        """A first signal stops cleanly, a second one kills."""
        self.signals += 1

    def _prepare(self) -> int:
        process = start([*FLASK, "prepare"])
        while process.poll() is None:
            if self.signals:
                send_to_group(process, signal.SIGTERM if self.signals == 1 else signal.SIGKILL)
            time.sleep(0.02)
        if process.returncode and not self.signals:
            say("The database could not be brought up to date; its messages above say why.")
        return process.returncode

    def _restart_dead(self) -> None:
        now = time.monotonic()
        for part in self.parts:
            if part.is_running():
                continue
            if part.process is not None:
                code = part.process.returncode
                part.process = None
                part.failures = 0 if now - part.started_at > HEALTHY_SECONDS else part.failures
                pause = BACKOFF_SECONDS[min(part.failures, len(BACKOFF_SECONDS) - 1)]
                part.starts_at, part.failures = now + pause, part.failures + 1
                say(f"The {part.name} process ended ({_reason(code)}); it starts again.")
            if now >= part.starts_at:
                part.start()

    def _stop_parts(self) -> int:
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
        return 0

    def _is_port_free(self) -> bool:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError:
                return False
        return True

    def _is_ready(self) -> bool:
        address = "127.0.0.1" if self.host in ("0.0.0.0", "") else self.host  # noqa: S104
        connection = http.client.HTTPConnection(address, self.port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C reaches the supervisor alone."""
    return subprocess.Popen(command, start_new_session=True, preexec_fn=_make_die_with(os.getpid()))


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
