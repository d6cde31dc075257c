"""A stream as the loop writes it, on a socket pair of our own."""

from __future__ import annotations

from collections.abc import Iterator
from socket import socket, socketpair

import pytest

from webapp.core.live.connections import PING_SECONDS, EventStream, loop


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


def test_a_stream_that_is_cut_off_has_no_last_chunk(pair: tuple[EventStream, socket]) -> None:
    stream, peer = pair
    loop.call(stream.send, "soon")
    loop.call(stream.cut)
    assert read(peer) == b"4\r\nsoon\r\n"


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
