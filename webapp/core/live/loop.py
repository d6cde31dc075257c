"""One thread for all sockets of a process.

gunicorn's threads are few, and a socket lasts for hours. So the request thread makes the handshake
and hands the connected socket over to this loop, which reads, writes, pings and closes it. A peer
that does not read costs a buffer, never a thread.
"""

from __future__ import annotations

import heapq
import selectors
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import count

import structlog
from wsproto import WSConnection
from wsproto.events import (
    BytesMessage,
    CloseConnection,
    Ping,
    Pong,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

log = structlog.get_logger(__name__)

#: also how often a stream has its comment (api.md)
PING_SECONDS = 15.0
MAX_BUFFER = 1024 * 1024
MAX_MESSAGE = 64 * 1024


class Watched(ABC):
    """A socket that the loop looks after: it calls the public methods, in its own thread."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.is_closed = False
        #: the peer is dropped once everything is written
        self.is_ending = False
        self._outgoing = bytearray()

    @abstractmethod
    def take_waiting(self) -> None:
        """Act on what came before the loop had the socket."""

    @abstractmethod
    def receive(self) -> None:
        """Read what the peer has sent, and act on it."""

    @abstractmethod
    def ping(self) -> None:
        """Show the peer, and what stands between, that somebody is there."""

    def flush(self) -> None:
        """Write what the peer takes now."""
        try:
            while self._outgoing:
                del self._outgoing[: self.sock.send(self._outgoing)]
        except BlockingIOError:
            pass
        except OSError:
            self.drop()
            return
        if len(self._outgoing) > MAX_BUFFER or (self.is_ending and not self._outgoing):
            self.drop()
            return
        loop.watch(self, writing=bool(self._outgoing))

    def drop(self) -> None:
        """Forget the peer without a word."""
        if self.is_closed:
            return
        self.is_closed = True
        loop.forget(self)
        self.sock.close()


class Connection(Watched):
    """One open WebSocket. Its methods may be called from any thread."""

    def __init__(
        self,
        sock: socket.socket,
        protocol: WSConnection,
        on_text: Callable[[Connection, str], None],
        on_close: Callable[[Connection], None] | None = None,
    ) -> None:
        super().__init__(sock)
        self.protocol = protocol
        self.on_text = on_text
        self.on_close = on_close
        self._incoming: list[str] = []
        self._answered_ping = True

    def send(self, text: str, *, after: float = 0.0) -> None:
        """Send a text frame, `after` seconds from now."""
        loop.call(lambda: self._send(TextMessage(data=text)), after=after)

    def close(self, code: int = CloseReason.NORMAL_CLOSURE, reason: str = "") -> None:
        """Say goodbye and close."""
        loop.call(lambda: self._say_goodbye(code, reason))

    def _send(self, event: TextMessage | Ping | Pong | CloseConnection) -> None:
        if self.is_closed:
            return
        try:
            self._outgoing += self.protocol.send(event)
        except LocalProtocolError:
            self.drop()
            return
        self.flush()

    def _say_goodbye(self, code: int, reason: str) -> None:
        self._send(CloseConnection(code=code, reason=reason))
        self.drop()

    def take_waiting(self) -> None:
        """What came with the handshake is in the protocol already."""
        for event in self.protocol.events():
            self._take(event)

    def receive(self) -> None:
        """Read what the peer has sent, and act on it."""
        try:
            content = self.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            content = b""
        if not content:
            self.drop()
            return
        try:
            self.protocol.receive_data(content)
            for event in self.protocol.events():
                self._take(event)
        except (RemoteProtocolError, LocalProtocolError):
            self._say_goodbye(CloseReason.PROTOCOL_ERROR, "")

    def _take(self, event: object) -> None:
        if isinstance(event, TextMessage):
            self._incoming.append(event.data)
            if sum(map(len, self._incoming)) > MAX_MESSAGE:
                self._say_goodbye(CloseReason.MESSAGE_TOO_BIG, "A message has at most 64 KiB.")
            elif event.message_finished:
                text, self._incoming = "".join(self._incoming), []
                self.on_text(self, text)
        elif isinstance(event, BytesMessage):
            self._say_goodbye(CloseReason.UNSUPPORTED_DATA, "Text frames only.")
        elif isinstance(event, Ping):
            self._send(event.response())
        elif isinstance(event, Pong):
            self._answered_ping = True
        elif isinstance(event, CloseConnection):
            self._send(event.response())
            self.drop()

    def ping(self) -> None:
        """Drop a peer that has not answered the last ping, ask the others."""
        if not self._answered_ping:
            self.drop()
            return
        self._answered_ping = False
        self._send(Ping())

    def drop(self) -> None:
        """Forget the peer without a word."""
        was_open = not self.is_closed
        super().drop()
        if was_open and self.on_close is not None:
            self.on_close(self)


class Loop:
    """The selector thread; starts with the first connection of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._calls: deque[tuple[float, Callable[[], None]]] = deque()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._connections: set[Watched] = set()

    def __len__(self) -> int:
        return len(self._connections)

    def add(self, connection: Watched) -> None:
        """Look after a connection from here on."""
        self._start()

        def begin() -> None:
            self._connections.add(connection)
            self._selector.register(connection.sock, selectors.EVENT_READ, connection)
            connection.take_waiting()

        self.call(begin)

    def call(self, function: Callable[[], None], *, after: float = 0.0) -> None:
        """Run `function` in the loop's thread, `after` seconds from now."""
        self._calls.append((time.monotonic() + after if after else 0.0, function))
        with suppress(BlockingIOError):
            self._waker.send(b"\0")

    def watch(self, connection: Watched, *, writing: bool) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
        try:
            if self._selector.get_key(connection.sock).events != events:
                self._selector.modify(connection.sock, events, connection)
        except (KeyError, ValueError):
            pass

    def forget(self, connection: Watched) -> None:
        self._connections.discard(connection)
        with suppress(KeyError, ValueError):
            self._selector.unregister(connection.sock)

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            self._selector = selectors.DefaultSelector()
            self._waker, wakes = socket.socketpair()
            self._waker.setblocking(False)
            wakes.setblocking(False)
            self._selector.register(wakes, selectors.EVENT_READ, None)
            self._thread = threading.Thread(target=self._run, args=(wakes,), daemon=True)
            self._thread.name = "sockets"
            self._thread.start()
            self.call(self._ping_all, after=PING_SECONDS)

    def _run(self, wakes: socket.socket) -> None:
        while True:
            timeout = max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None
            for key, events in self._selector.select(timeout):
                connection: Watched | None = key.data
                if connection is None:
                    wakes.recv(4096)
                    continue
                self._guarded(connection.flush, events & selectors.EVENT_WRITE)
                self._guarded(connection.receive, events & selectors.EVENT_READ)
            self._run_calls()

    def _run_calls(self) -> None:
        while self._calls:
            at, function = self._calls.popleft()
            if at:
                heapq.heappush(self._timers, (at, next(self._order), function))
            else:
                self._guarded(function, True)
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            self._guarded(heapq.heappop(self._timers)[2], True)

    def _guarded(self, function: Callable[[], None], wanted: object) -> None:
        if not wanted:
            return
        try:
            function()
        except Exception:
            log.exception("socket_failed")

    def _ping_all(self) -> None:
        for connection in list(self._connections):
            connection.ping()
        self.call(self._ping_all, after=PING_SECONDS)


loop = Loop()
