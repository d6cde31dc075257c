"""Requests that stop in the middle: they are answered, and their thread is free again."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from socket import socket, socketpair

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from tests.cast import Cast
from webapp.core.http import server

pytestmark = pytest.mark.once
BODY = b'{"name": "Helper", "instructions": "Help."}'


@pytest.fixture
def worker(cast: Cast) -> Iterator[server.Worker]:
    """gunicorn's worker as it serves a connection, without its loop."""
    config = Config()
    made = server.Worker(1, os.getpid(), [], None, 30, config, Logger(config))
    made.wsgi = cast.app
    yield made
    made.tmp.close()


def serve(worker: server.Worker, ours: socket) -> bool:
    connection = server.gthread.TConn(worker.cfg, ours, ("127.0.0.1", 1), ("127.0.0.1", 2))
    return bool(worker.handle(connection))


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /api/v1/health HTTP/1.1\r\nHost: loc",
        b"POST /api/v1/agents HTTP/1.1\r\nHost: localhost\r\nX-API-Key: KEY\r\n"
        b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
        b"POST /api/v1/agents HTTP/1.1\r\nHost: localhost\r\nX-API-Key: KEY\r\n"
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ne",
    ],
    ids=["head", "body", "chunks", "form"],
)
def test_a_request_that_stops_in_the_middle_is_408(
    worker: server.Worker, cast: Cast, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(server, "SILENCE_SECONDS", 0.05)
    ours, peer = socketpair()
    with ours, peer:
        peer.settimeout(60)
        peer.sendall(begun.replace(b"KEY", cast.key("alice").encode()))
        assert not serve(worker, ours)
        assert ours.gettimeout() is None
        head, _, body = peer.recv(65536).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in head.lower()
    if b"/sign-in" not in begun:
        assert json.loads(body)["code"] == "request_timeout"


def test_a_body_that_comes_slowly_but_steadily_is_read(
    worker: server.Worker, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "SILENCE_SECONDS", 2.0)
    ours, peer = socketpair()
    head = (
        f"POST /api/v1/agents HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {cast.key('alice')}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )

    def send() -> None:
        peer.sendall(head.encode())
        for byte in BODY:
            time.sleep(0.06)  # longer, in all, than nothing may come
            peer.sendall(bytes([byte]))

    with ours, peer:
        peer.settimeout(60)
        sender = threading.Thread(target=send)
        sender.start()
        assert serve(worker, ours)
        sender.join()
        assert peer.recv(65536).startswith(b"HTTP/1.1 201 ")
