"""Sockets as the application opens them, on a socket pair in gunicorn's place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from socket import socketpair
from typing import Any

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

from tests.cast import Cast
from tests.factories import make_agent
from webapp.config import Settings
from webapp.core.actor import Actor


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


@pytest.fixture
def connect(cast: Cast) -> Iterator[Callable[..., Follower]]:
    opened: list[Follower] = []

    def connect(name: str, path: str) -> Follower:
        opened.append(Follower(cast, name, path))
        return opened[-1]

    yield connect
    for follower in opened:
        follower.close()


@pytest.fixture
def limited(cast: Cast, settings: Settings) -> Iterator[int]:
    """Five requests a minute."""
    cast.app.config["CALLBOARD"] = settings.model_copy(update={"rate_limit": 5})
    yield 5
    cast.app.config["CALLBOARD"] = settings


def test_frames_count_as_requests_do(
    alice: Actor, connect: Callable[..., Follower], limited: int
) -> None:
    make_agent(alice, handle="helper")
    follower = connect("bob", "/ws/query/helper")
    # The handshake was one of them.
    for _ in range(limited - 1):
        follower.send({"query": "tea"})
        assert follower.receive_json()["event"] == "started"
        assert follower.receive_json()["event"] == "completed"
    follower.send({"id": 7, "query": "tea"})
    refused = follower.receive_json()
    assert (refused["event"], refused["data"]["status"]) == ("error", 429)
    assert refused["data"]["code"] == "limit_exceeded"
    assert "Try again in" in refused["data"]["suggestions"][0]


@pytest.mark.parametrize(
    ("length", "goodbye"),
    [(64 * 1024 - 2, None), (64 * 1024 + 1, (1009, "A message has at most 64 KiB."))],
)
def test_a_message_has_a_limit(
    alice: Actor,
    connect: Callable[..., Follower],
    length: int,
    goodbye: tuple[int, str] | None,
) -> None:
    make_agent(alice, handle="helper")
    follower = connect("bob", "/ws/query/helper")
    follower.send("x" * length)
    answer = follower.receive()
    assert follower.goodbye == goodbye
    assert bool(answer) == (goodbye is None)


def test_an_answer_that_fails_says_so_and_leaves_the_socket_open(
    alice: Actor, connect: Callable[..., Follower]
) -> None:
    follower = connect("bob", "/ws/query/nobody")
    for _ in range(2):
        follower.send({"id": "a", "query": "tea"})
        refused = follower.receive_json()
        assert (refused["id"], refused["data"]["status"]) == ("a", 404)
