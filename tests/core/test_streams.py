"""A stream as the loop writes it, on a socket pair of our own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from socket import socket, socketpair
from typing import Any

import pytest

from tests.cast import Cast
from tests.factories import make_agent
from webapp.core.actor import Actor
from webapp.core.errors import Unavailable
from webapp.core.live.connections import PING_SECONDS, EventStream, loop
from webapp.questions import services


@pytest.fixture
def pair() -> Iterator[tuple[EventStream, socket]]:
    """A stream that the loop looks after, and the peer that reads it."""
    ours, peer = socketpair()
    peer.settimeout(30)
    stream = EventStream()
    loop.add(stream, ours)
    yield stream, peer
    loop.call(stream.drop)
    peer.close()


def read(peer: socket) -> bytes:
    received = b""
    while content := peer.recv(1_000_000):
        received += content
    return received


def test_a_quiet_stream_has_a_comment(pair: tuple[EventStream, socket]) -> None:
    stream, peer = pair
    assert PING_SECONDS <= 15
    loop.call(stream.ping)
    assert peer.recv(100) == b"e\r\n: still here\n\n\r\n"


def test_what_is_sent_arrives_in_order_and_then_the_end(pair: tuple[EventStream, socket]) -> None:
    stream, peer = pair
    loop.call(stream.send, "soon")
    loop.call(stream.send, "late")
    loop.call(stream.finish)
    assert read(peer) == b"4\r\nsoon\r\n4\r\nlate\r\n0\r\n\r\n"
    assert stream.is_closed


def test_a_stream_that_goes_wrong_says_why_and_ends(pair: tuple[EventStream, socket]) -> None:
    stream, peer = pair
    loop.call(stream.send, "soon")
    loop.call(stream.refuse, Unavailable("Later."))
    begin, _, event = read(peer).partition(b"data: ")
    assert begin.startswith(b"4\r\nsoon\r\n")
    assert event.endswith(b"}\n\n\r\n0\r\n\r\n")
    assert json.loads(event.partition(b"\n")[0]) == {
        "status": "error",
        "error": "Temporarily unavailable",
        "detail": "Later.",
        "code": "unavailable",
        "status_code": 503,
    }


def test_who_asked_is_told_that_a_step_has_failed(
    cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug, like one of any page; some proxies take a connection that breaks off for an end."""

    def fails(_answer: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(services, "result_events", fails)
    agent = make_agent(alice)
    ours, peer = socketpair()
    peer.settimeout(30)
    with suppress(StopIteration):
        cast.api("bob").client.post(
            f"/api/v1/agents/{agent.id}/query/stream",
            json={"query": "tea"},
            headers={"X-API-Key": cast.key("bob"), "X-Request-ID": "of-this-question"},
            environ_overrides={"gunicorn.socket": ours, "SERVER_PROTOCOL": "HTTP/1.1"},
        )
    _, started, failed = read(peer).split(b"data: ")
    assert b'"started"' in started
    assert failed.endswith(b"\n0\r\n\r\n")
    event = json.loads(failed.partition(b"\n")[0])
    assert (event["status"], event["status_code"]) == ("error", 500)
    ours.close()
    peer.close()


def test_an_old_client_gets_no_chunks() -> None:
    ours, peer = socketpair()
    stream = EventStream(b"head ", is_chunked=False)
    loop.add(stream, ours)
    loop.call(stream.send, "body")
    loop.call(stream.finish)
    assert read(peer) == b"head body"
    peer.close()


def test_a_peer_that_does_not_read_costs_a_buffer_and_is_dropped(
    pair: tuple[EventStream, socket],
) -> None:
    stream, peer = pair
    for _ in range(40):
        loop.call(stream.send, "x" * 100_000)
    assert len(read(peer)) < 4_000_000
    assert stream.is_closed
