"""gunicorn's worker, whose own refusals are problems like all others.

A request line or a header that is too long, and a request that is no HTTP, are refused before the
application is asked. Who sent them is not known yet, nor whether it reads HTML. So are requests
that stop in the middle: they would hold a thread for as long as their sender likes.
"""

from __future__ import annotations

import json
import struct
from http import HTTPStatus
from socket import SO_SNDTIMEO, SOL_SOCKET
from typing import Any, cast
from uuid import uuid4

from gunicorn.http import errors
from gunicorn.http.unreader import SocketUnreader
from gunicorn.util import write_nonblock
from gunicorn.workers import gthread

#: how long nothing may come of a request that has begun
SILENCE_SECONDS = 10.0
#: how long nothing of an answer may be read by who asked
PATIENCE_SECONDS = 30.0


class Silence(errors.ParseException):  # type: ignore[misc]  # gunicorn has no types
    """A request has begun, and nothing more of it comes."""

    def __str__(self) -> str:
        return "Nothing more of the request came in time."


class PatientUnreader(SocketUnreader):  # type: ignore[misc]  # gunicorn has no types
    """What reads heads and bodies; raises Silence where nothing comes for SILENCE_SECONDS.

    Only reads are limited, and only while one lasts: what is written, or handed over, is not.
    """

    def chunk(self, size_hint: int | None = None) -> bytes:
        if self.sock.gettimeout() is not None:  # Who drains a body has set a limit of its own.
            return cast("bytes", super().chunk(size_hint))
        self.sock.settimeout(SILENCE_SECONDS)
        try:
            return cast("bytes", super().chunk(size_hint))
        except TimeoutError as error:
            raise Silence from error
        finally:
            self.sock.settimeout(None)


class Connection(gthread.TConn):  # type: ignore[misc]  # gunicorn has no types
    """A connection whose requests are read, and whose answers are sent, with bounded patience."""

    def init(self) -> None:
        is_new = not self.initialized
        super().init()
        if is_new and not self.is_http2:
            unread = self.parser.unreader.take_buffered()
            self.parser.unreader = PatientUnreader(self.sock)
            self.parser.unreader.unread(unread)
            # Of the system, per piece that is taken: who reads slowly is waited for all the same.
            seconds, rest = divmod(PATIENCE_SECONDS, 1)
            patience = struct.pack("ll", int(seconds), int(rest * 1_000_000))
            self.sock.setsockopt(SOL_SOCKET, SO_SNDTIMEO, patience)


# gunicorn offers no other way to choose the class of its connections.
gthread.TConn = Connection


#: what gunicorn finds, and its status; any other kind of ParseException is 400
_STATUSES = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    Silence: HTTPStatus.REQUEST_TIMEOUT,
}
_DETAILS = {
    HTTPStatus.REQUEST_URI_TOO_LONG: "The address is too long: at most {} bytes are read.",
    HTTPStatus.REQUEST_TIMEOUT: "{1}",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The headers are too many or too long.",
}


class Worker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker with threads (gunicorn's gthread)."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer a request that cannot be read; anything else is a bug and gunicorn's to log."""
        if not isinstance(exc, errors.ParseException):
            super().handle_error(req, client, addr, exc)
            return
        status = _STATUSES.get(type(exc), HTTPStatus.BAD_REQUEST)
        detail = _DETAILS.get(status, "This is not a request that can be read: {1}.")
        body = _problem(status, detail.format(self.cfg.limit_request_line, exc))
        self.log.warning("Refused a request that cannot be read: %s", exc)
        try:
            write_nonblock(client, body)
        except OSError:
            self.log.debug("Who sent it is gone.")


def _problem(status: HTTPStatus, detail: str) -> bytes:
    # Here, because gunicorn's master reads this module too, and does without the application.
    from webapp.core.errors import HTTP_CODES, PROBLEM

    request_id = str(uuid4())
    problem = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "instance": "/",
        "code": HTTP_CODES.get(status.value, "http_error"),
        "request_id": request_id,
    }
    content = json.dumps(problem).encode() + b"\n"
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "Connection: close\r\n"
        f"Content-Type: {PROBLEM}\r\n"
        f"Content-Length: {len(content)}\r\n"
        f"X-Request-ID: {request_id}\r\n\r\n"
    )
    return head.encode() + content
