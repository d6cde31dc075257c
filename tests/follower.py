"""A browser's end of a socket that the application opens on a socket pair, in gunicorn's place."""

from __future__ import annotations

import json
from socket import socketpair
from typing import Any

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

from tests.cast import Cast


class Follower:
    """A browser's end of a socket, opened with the key of one of the cast."""

    def __init__(self, cast: Cast, name: str, path: str) -> None:
        self._protocol = WSConnection(ConnectionType.CLIENT)
        ours, self._sock = socketpair()
        self._sock.settimeout(30)
        self._frames: list[str] = []
        self._partial = ""
        self._is_accepted = False
        self.goodbye: tuple[int, str | None] | None = None
        request = self._protocol.send(Request(host="localhost", target=path)).decode()
        lines = [line.split(": ", 1) for line in request.splitlines()[1:] if line]
        headers = {**dict(lines), "X-API-Key": cast.api(name).key or ""}
        with pytest.raises(StopIteration):
            cast.app.test_client().get(
                path, headers=headers, environ_overrides={"gunicorn.socket": ours}
            )
        ours.close()
        while not self._is_accepted:
            self._read()

    def send(self, message: Any) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        self._sock.sendall(self._protocol.send(TextMessage(text)))

    def receive(self) -> str:
        """The next text frame; "" when the socket has been closed."""
        while not self._frames and self.goodbye is None:
            self._read()
        return self._frames.pop(0) if self._frames else ""

    def receive_json(self) -> Any:
        return json.loads(self.receive())

    def expect_nothing(self) -> None:
        """Assert that nothing has come until now."""
        self._sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            self._read()
        assert not self._frames

    def close(self) -> None:
        self._sock.close()

    def _read(self) -> None:
        content = self._sock.recv(65536)
        assert content, "The connection was closed without a word."
        self._protocol.receive_data(content)
        for event in self._protocol.events():
            if isinstance(event, TextMessage):
                self._partial += event.data
                if event.message_finished:
                    self._frames.append(self._partial)
                    self._partial = ""
            elif isinstance(event, CloseConnection):
                self.goodbye = (int(event.code), event.reason)
            else:
                assert isinstance(event, AcceptConnection)
                self._is_accepted = True
