"""A cable to the tests' PostgreSQL that can be cut, and mended."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

#: what PostgreSQL says when a transaction has been committed
COMMITTED = b"COMMIT\x00"


class Cable:
    """A port of 127.0.0.1 that leads to a PostgreSQL server, until it is cut.

    Then all connections end at once, and a new one ends as soon as it is made.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._replies_left: int | None = None
        self._is_committing = False
        self.is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_at_reply(self, number: int) -> None:
        """Let the server's reply with this number, from 1, be the first that is lost."""
        self._replies_left = number

    def cut_at_commit(self) -> None:
        """Let what the server says of the next commit be lost: it is made, and nobody knows."""
        self._is_committing = True

    def cut(self) -> None:
        with self._lock:
            self.is_cut = True
            # Those that are made after a mend, which may come before all of these have ended, stay.
            ends, self._sockets = self._sockets, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let connections through again, those that are made from now on."""
        self._replies_left, self._is_committing, self.is_cut = None, False, False

    def close(self) -> None:
        self.cut()
        # Whoever waits for a connection holds the port until it is woken.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.is_cut:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                with self._lock:
                    self._sockets += [client, server]
                for ends in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, is_reply: bool) -> None:
        with suppress(OSError), source, target:
            while data := source.recv(65536):
                if is_reply and self._is_lost(data):
                    self.cut()
                    return
                target.sendall(data)

    def _is_lost(self, reply: bytes) -> bool:
        with self._lock:
            if self._is_committing:
                return COMMITTED in reply
            if self._replies_left is None:
                return False
            self._replies_left -= 1
            return self._replies_left == 0


@contextmanager
def cable(database_url: str) -> Iterator[tuple[Cable, str]]:
    """A cable to the server of `database_url`, and the address of the database through it."""
    parts = urlsplit(database_url)
    folder = parse_qs(parts.query)["host"][0]
    laid = Cable(str(Path(folder) / ".s.PGSQL.5432"))
    try:
        yield laid, f"{parts.scheme}://postgres@127.0.0.1:{laid.port}{parts.path}"
    finally:
        laid.close()
