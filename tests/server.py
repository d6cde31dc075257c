"""A whole installation as an operator starts it: supervisor, web and worker, over real sockets."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
from simple_websocket import Client
from sqlalchemy import NullPool, create_engine, text

from webapp.config import Settings
from webapp.engine import backend

ROOT = Path(__file__).parents[1]
KEY = "cb_a_key_of_the_tests_0123456789"
EMAIL, PASSWORD = "alice@example.com", "correct horse battery"


def eventually(check: Callable[[], Any], *, seconds: float = 60.0) -> Any:
    """Wait until `check()` is true and return what it returned."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.05)
    return found


def free_port() -> int:
    """A port of 127.0.0.1 at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Socket(Client):
    """A client that names its host as browsers do, and has read what came with the handshake.

    The library's own leaves out the port, and leaves unread what a proxy has sent together with
    the handshake until something more comes.
    """

    def handshake(self) -> None:
        self.host = f"{self.host}:{self.port}"
        super().handshake()
        self._handle_events()
        self.connected = True  # where it has been closed already, who reads is told so


class Installation:
    """`make run` in a folder of its own on a free port of 127.0.0.1."""

    def __init__(self, data: Path, database_url: str | None, *, with_admin: bool = True) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data / "output.log"
        self.environment = {
            **os.environ,
            "CALLBOARD_DATA": str(data),
            "PORT": str(self.port),
            "CALLBOARD_SIGN_IN_LIMIT": "1000",
            "CALLBOARD_ALLOWED_HOSTS": "localhost",
        }
        if with_admin:
            self.environment |= {
                "CALLBOARD_ADMIN_EMAIL": EMAIL,
                "CALLBOARD_ADMIN_PASSWORD": PASSWORD,
                "CALLBOARD_ADMIN_API_KEY": KEY,
            }
        if database_url:
            self.environment["DATABASE_URL"] = database_url
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def database_url(self) -> str:
        return Settings.from_environment(self.environment).database_url

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "webapp/engine/supervisor.py"],
                cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        eventually(lambda: "is ready on" in self.output(), seconds=180)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=120)

    def output(self) -> str:
        return self.log.read_text()

    def part(self, word: str) -> psutil.Process:
        """The newest process of ours whose command line has `word` ("worker", "gunicorn").

        Where setproctitle is installed, gunicorn calls a process of its own "gunicorn: worker".
        """
        assert self.process is not None
        children = psutil.Process(self.process.pid).children(recursive=True)
        alive = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
        commands = [(child, " ".join(child.cmdline())) for child in alive]
        found = [
            child
            for child, command in commands
            if word in command and (word == "gunicorn" or "gunicorn" not in command)
        ]
        return max(found, key=lambda child: child.create_time())

    def holder(self, task_id: str) -> int:
        """The process id of the worker that has taken a task; 0 before one has."""
        engine = create_engine(self.database_url, poolclass=NullPool)
        with engine.connect() as connection:
            table = backend._status_table(engine)
            taken = text(
                f"SELECT executor_id FROM {table}"
                " WHERE workflow_uuid = :key AND started_at_epoch_ms IS NOT NULL"
            )
            found = connection.execute(taken, {"key": task_id}).scalar()
        return int(found.split("-")[-2]) if found else 0

    def request(self, method: str, path: str, body: Any = None, content_type: str = "") -> Any:
        """The parsed JSON answer of the API; None where it is empty."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {"X-API-Key": KEY, "Content-Type": content_type or "application/json"}
        request = Request(f"{self.url}/api/v1{path}", data, headers, method=method)
        try:
            with urlopen(request, timeout=60) as response:
                content = response.read()
        except HTTPError as error:
            # A refusal's reason is in the body.
            error.add_note(error.read().decode(errors="replace")[:1000])
            raise
        return json.loads(content) if content else None

    def document(self) -> Any:
        """The API's own document."""
        with urlopen(f"{self.url}/openapi.json", timeout=60) as response:
            return json.load(response)

    def socket(self, path: str, **headers: str) -> Socket:
        return Socket(f"ws://127.0.0.1:{self.port}{path}", headers=headers or {"X-API-Key": KEY})
