"""Server-sent events that are paced without holding one of gunicorn's few threads.

The request's thread makes the first event, a thread of our own makes the others, and the loop
of the sockets writes each when its time comes. So a hundred questions at once are all told that
they have begun, and leave gunicorn's threads to other requests while they are answered. Under
another server, which has no socket to hand over, the response itself waits between events.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, request, stream_with_context

from webapp.core.live.loop import Watched, loop
from webapp.core.live.sockets import detach

log = structlog.get_logger(__name__)

#: (spec 1, S-REQ-011 and C-REQ-015)
HEADERS = {
    "Cache-Control": "no-cache",
    "Connection": "keep-alive",
    "X-Accel-Buffering": "no",
}
CONTENT_TYPE = "text/event-stream; charset=utf-8"


@dataclass(frozen=True)
class Event:
    """One event: its data as JSON, sent `pause` seconds after the one before."""

    data: dict[str, Any]
    pause: float = 0.0


class EventStream(Watched):
    """An HTTP response that the loop writes, in chunks."""

    def send(self, content: bytes, *, after: float = 0.0) -> None:
        """Write some bytes of the response, `after` seconds from now."""
        loop.call(lambda: self._send(content), after=after)

    def end(self, *, after: float = 0.0) -> None:
        """Close once everything is written."""
        loop.call(self._end, after=after)

    def take_waiting(self) -> None:
        """Nothing comes with a request that has been read."""

    def ping(self) -> None:
        """A comment keeps proxies from giving the connection up."""
        self._send(_chunk(": still here\n\n"))

    def receive(self) -> None:
        """The peer says nothing more, or goes."""
        try:
            if self.sock.recv(65536):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.drop()

    def _send(self, content: bytes) -> None:
        if not self.is_closed:
            self._outgoing += content
            self.flush()

    def _end(self) -> None:
        if not self.is_closed:
            self.is_ending = True
            self.flush()


class _HandedOver(Response):
    """What is left for gunicorn: nothing, the way flask-sock leaves it."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        raise StopIteration


def stream_response(events: Iterator[Event]) -> Response:
    """Answer with server-sent events, `id: n` and `data: {json}` each (spec 1, C-REQ-011).

    All but the first are made outside of the request, in another session.
    """
    sock = request.environ.get("gunicorn.socket")
    if sock is None:
        return current_app.response_class(
            stream_with_context(_slowly(events)), headers={**HEADERS, "Content-Type": CONTENT_TYPE}
        )
    stream = EventStream(detach(sock))
    loop.add(stream)
    stream.send(_head())
    stream.send(_chunk(_text(1, next(events))))
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's
    _pool(app.config["CALLBOARD"].stream_threads).submit(
        _send_rest, app, g.get("request_id", ""), stream, events
    )
    return _HandedOver()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="streams")


def _send_rest(app: Flask, request_id: str, stream: EventStream, events: Iterator[Event]) -> None:
    after = 0.0
    with app.app_context():
        g.request_id = request_id
        try:
            if stream.is_closed:
                return  # who asked has left while others were answered
            for number, event in enumerate(events, 2):
                after += event.pause
                stream.send(_chunk(_text(number, event)), after=after)
                if stream.is_closed:
                    break
            stream.send(b"0\r\n\r\n", after=after)
        except Exception:
            # Without its last chunk the response is seen to be cut off.
            log.exception("stream_failed")
        finally:
            stream.end(after=after)


def _slowly(events: Iterator[Event]) -> Iterator[str]:
    for number, event in enumerate(events, 1):
        if event.pause:
            time.sleep(event.pause)
        yield _text(number, event)


def _text(number: int, event: Event) -> str:
    return f"id: {number}\ndata: {json.dumps(event.data)}\n\n"


def _chunk(text: str) -> bytes:
    content = text.encode()
    return b"%x\r\n%s\r\n" % (len(content), content)


def _head() -> bytes:
    headers = {
        "Content-Type": CONTENT_TYPE,
        **HEADERS,
        "Transfer-Encoding": "chunked",
        "X-Request-ID": g.get("request_id", ""),
        "X-Content-Type-Options": "nosniff",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode()
