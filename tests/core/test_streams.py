"""A stream as the loop writes it, on a socket pair of our own."""

from __future__ import annotations

from collections.abc import Iterator
from socket import socket, socketpair

import pytest

from webapp.core.live.loop import PING_SECONDS, loop
from webapp.core.live.streams import EventStream


@pytest.fixture
def pair() -> Iterator[tuple[EventStream, socket]]:
    """A stream that the loop looks after, and the peer that reads it."""
    ours, peer = socketpair()
    peer.settimeout(30)
    stream = EventStream(ours)
    loop.add(stream)
    yield stream, peer
    loop.call(stream.drop)
    peer.close()


def test_a_quiet_stream_has_a_comment(pair: tuple[EventStream, socket]) -> None:
    stream, peer = pair
    assert PING_SECONDS <= 15
    loop.call(stream.ping)
    assert peer.recv(100) == b"e\r\n: still here\n\n\r\n"


def test_what_is_sent_arrives_in_order_and_then_the_end(pair: tuple[EventStream, socket]) -> None:
    stream, peer = pair
    stream.send(b"late", after=0.2)
    stream.send(b"soon")
    stream.end(after=0.2)
    received = b""
    while content := peer.recv(100):
        received += content
    assert received == b"soonlate"
    assert stream.is_closed


def test_a_peer_that_does_not_read_costs_a_buffer_and_is_dropped(
    pair: tuple[EventStream, socket],
) -> None:
    stream, peer = pair
    for _ in range(40):
        stream.send(b"x" * 100_000)
    received = 0
    while content := peer.recv(1_000_000):
        received += len(content)
    assert received < 4_000_000
    assert stream.is_closed
