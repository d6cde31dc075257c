"""The connections of a process that last: WebSockets and event streams, in one asyncio thread.

Whoever has something to say calls `loop.call`; the methods of a connection run in the loop's
thread. A peer that does not read costs a buffer, never a thread.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterable
from socket import socket as Socket
from typing import Any

import structlog
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from webapp.core.errors import DomainError, Unauthenticated
from webapp.core.live import handover

log = structlog.get_logger(__name__)

#: also how often a stream has its comment (docs/contract/http.md, comments)
PING_SECONDS = 15.0
MAX_BUFFER = 1024 * 1024
MAX_MESSAGE = 64 * 1024


class Peer(asyncio.Protocol):
    """One connection that has been taken from the server. `first` is written before all else."""

    def __init__(self, first: bytes = b"", on_close: Callable[[Any], None] | None = None) -> None:
        self.is_closed = False
        self._transport: asyncio.Transport | None = None
        self._early = first
        self._on_close = on_close
        self._ping_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # what a socket has
        self._transport = transport
        early, self._early = self._early, b""
        self.write(early)
        if self.is_closed:
            transport.close()
        self._ping_later()

    def connection_lost(self, error: Exception | None) -> None:
        self.is_closed = True
        if self._ping_timer is not None:
            self._ping_timer.cancel()
        if self._on_close is not None:
            self._on_close(self)

    def write(self, content: bytes) -> None:
        """Send some bytes; a peer that leaves too much unread is dropped."""
        if self._transport is None:
            self._early += content
        elif not self._transport.is_closing():
            self._transport.write(content)
            if self._transport.get_write_buffer_size() > MAX_BUFFER:
                self.drop()

    def drop(self) -> None:
        """Forget the peer without a word."""
        self.is_closed = True
        if self._transport is not None:
            self._transport.abort()

    def ping(self) -> None:
        """Show the peer, and what stands between, that somebody is there."""
        raise NotImplementedError

    def dismiss(self, reason: str) -> None:
        """End the connection because its session or key is no longer good, and say so."""
        raise NotImplementedError

    def _close(self) -> None:
        """Write what is still to be written, and close."""
        self.is_closed = True
        if self._transport is not None:
            self._transport.close()

    def _ping_later(self) -> None:
        self._ping_timer = asyncio.get_running_loop().call_later(PING_SECONDS, self._ping)

    def _ping(self) -> None:
        if not self.is_closed:
            self.ping()
            self._ping_later()


class WebSocket(Peer):
    """One open WebSocket; `on_text(socket, text)` is called with each message."""

    def __init__(
        self,
        handshake: bytes,
        on_text: Callable[[WebSocket, str], None],
        on_close: Callable[[WebSocket], None] | None = None,
    ) -> None:
        super().__init__(handshake, on_close)
        self._protocol = Connection(ConnectionType.SERVER)
        self._on_text = on_text
        self._incoming: list[str] = []
        self._has_answered_ping = True

    def close(self, code: int = CloseReason.NORMAL_CLOSURE, reason: str = "") -> None:
        """Say goodbye and close."""
        if not self.is_closed:
            self.write(self._protocol.send(CloseConnection(code=code, reason=reason)))
            self._close()

    def dismiss(self, reason: str) -> None:
        """Close as a browser understands it: not to be tried again (1008)."""
        self.close(CloseReason.POLICY_VIOLATION, reason)

    def ping(self) -> None:
        """Drop a peer that has not answered the last ping, ask the others."""
        if not self._has_answered_ping:
            self.drop()
            return
        self._has_answered_ping = False
        self.write(PING_FRAME)

    def data_received(self, content: bytes) -> None:
        if self.is_closed:
            return
        try:
            self._protocol.receive_data(content)
            for event in self._protocol.events():
                self._take(event)
        except (RemoteProtocolError, LocalProtocolError) as error:
            hint = getattr(error, "event_hint", None)
            if self._protocol.state is ConnectionState.OPEN:
                self.close(getattr(hint, "code", CloseReason.PROTOCOL_ERROR))
            self.drop()

    def _take(self, event: object) -> None:
        if isinstance(event, TextMessage):
            self._incoming.append(event.data)
            if sum(map(len, self._incoming)) > MAX_MESSAGE:
                self.close(CloseReason.MESSAGE_TOO_BIG, "A message has at most 64 KiB.")
            elif event.message_finished:
                text, self._incoming = "".join(self._incoming), []
                self._on_text(self, text)
        elif isinstance(event, BytesMessage):
            self.close(CloseReason.UNSUPPORTED_DATA, "Text frames only.")
        elif isinstance(event, Ping):
            self.write(self._protocol.send(event.response()))
        elif isinstance(event, Pong):
            self._has_answered_ping = True
        elif isinstance(event, CloseConnection) and not self.is_closed:
            self.write(self._protocol.send(event.response()))
            self._close()


PING_FRAME = Connection(ConnectionType.SERVER).send(Ping())


def text_frame(text: str) -> bytes:
    """A text message as any of our sockets writes it: none is masked or compressed."""
    return Connection(ConnectionType.SERVER).send(TextMessage(data=text))


def error_event(error: DomainError) -> dict[str, Any]:
    """The last event of a stream that went wrong (docs/contract/knowledge.md, E-REQ-015)."""
    return {
        "status": "error",
        "error": error.title,
        "detail": error.message,
        "code": error.code,
        "status_code": error.status,
    }


class EventStream(Peer):
    """A response in chunks (HTTP/1.0: until the connection closes) that is written as it grows."""

    def __init__(
        self,
        head: bytes = b"",
        on_close: Callable[[EventStream], None] | None = None,
        *,
        is_chunked: bool = True,
        is_kept: bool = False,
    ) -> None:
        super().__init__(head, on_close)
        self.is_chunked = is_chunked
        #: the server gets the connection back when the stream has ended well
        self.is_kept = is_kept
        self._kept: Socket | None = None

    def send(self, text: str) -> None:
        """Write a part of the response."""
        if not self.is_closed:
            self.write(self._framed(text))

    def finish(self) -> None:
        """Say that the response is complete."""
        if self.is_closed:
            return
        if self.is_chunked:
            self.write(b"0\r\n\r\n")
        if self.is_kept and self._transport is not None:
            self._kept = self._transport.get_extra_info("socket").dup()
        self._close()

    def dismiss(self, reason: str) -> None:
        """End with an event that says why."""
        self.refuse(Unauthenticated(reason))

    def refuse(self, error: DomainError) -> None:
        """End with an event that says what went wrong."""
        self.send(f"data: {json.dumps(error_event(error))}\n\n")
        self.finish()

    def ping(self) -> None:
        """A comment keeps proxies from giving the connection up."""
        self.send(": still here\n\n")

    def data_received(self, content: bytes) -> None:
        """Another request before this one is answered: it has to be sent again elsewhere."""
        self.is_kept = False

    def connection_lost(self, error: Exception | None) -> None:
        """All is written, or the peer has gone."""
        super().connection_lost(error)
        if self._kept is None:
            return
        if error is None and self.is_kept:
            handover.give_back(self._kept)
        else:
            self._kept.close()

    def _framed(self, text: str) -> bytes:
        content = text.encode()
        return b"%x\r\n%s\r\n" % (len(content), content) if self.is_chunked else content


class Loop:
    """An asyncio loop in a thread of its own; starts with the first connection of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, peer: Peer, sock: Socket) -> None:
        """Look after a connection from here on."""
        sock.setblocking(False)
        self.start(self._connect(peer, sock))

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Run `function` in the loop's thread, after what was asked for before."""
        self._running().call_soon_threadsafe(function, *arguments)

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine in the loop's thread."""
        self.call(self._start, coroutine)

    def write_to_all(self, peers: Iterable[Peer], content: bytes) -> None:
        """Send the same bytes to many."""
        self.call(_write_to_all, list(peers), content)

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("connection_failed", exc_info=task.exception())

    async def _connect(self, peer: Peer, sock: Socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: peer, sock)
        except OSError:
            sock.close()
            peer.connection_lost(None)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=self._loop.run_forever, name="connections", daemon=True
                ).start()
            return self._loop


def _write_to_all(peers: list[Peer], content: bytes) -> None:
    for peer in peers:
        if not peer.is_closed:
            peer.write(content)


loop = Loop()
