"""How much a request may send, and what becomes of a request that is not read to its end."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import IO, Any, cast

from flask import Request as FlaskRequest
from flask import Response, request
from werkzeug.exceptions import BadRequest, HTTPException, RequestTimeout
from werkzeug.utils import cached_property
from werkzeug.wsgi import LimitedStream

from webapp.core.errors import Invalid

#: how much of a body that no view has read is read after all, for how long, and how long nothing
#: may come; who sends on a slow line, or from a busy machine, shall hear of the refusal
DRAIN_BYTES = 16 * 1024 * 1024
DRAIN_SECONDS = 5.0
SILENCE_SECONDS = 1.0


class LimitedBody(LimitedStream):
    """A body of at most `limit` bytes; one more raises RequestEntityTooLarge.

    LimitedStream alone ends at its limit as if the body ended there: half a body is read as a
    whole one. Here the limit is one byte further, and reaching it is too much.
    """

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        super().__init__(stream, limit + 1, is_max=True)
        #: whether all of it has been read
        self.has_ended = False
        #: whether where it ends cannot be known
        self.is_broken = False

    def readinto(self, b: bytearray) -> int | None:  # type: ignore[override]  # as io calls it
        try:
            count = super().readinto(b)
        except HTTPException:
            raise
        except Exception as error:
            # gunicorn's own reader met something that is no chunk.
            self.is_broken = True
            if isinstance(error.__cause__, TimeoutError):
                raise RequestTimeout("Nothing more of the body came in time.") from error
            raise BadRequest("The body cannot be read: its chunks are not in order.") from error
        if self.is_exhausted:
            self.on_exhausted()
        return count

    def on_disconnect(self, error: Exception | None = None) -> None:
        self.has_ended = True
        super().on_disconnect(error)


class Request(FlaskRequest):
    """A request whose body's limit holds however it is sent."""

    @cached_property
    def stream(self) -> IO[bytes]:
        stream = super().stream
        is_ended_by_server = "wsgi.input_terminated" in self.environ
        if (
            isinstance(stream, LimitedStream)
            and is_ended_by_server
            and self.max_content_length is not None
        ):
            # So the body may also come in chunks. Under `flask run` it must not be read past its
            # length: nothing more would come.
            body = LimitedBody(self.environ["wsgi.input"], self.max_content_length)
            return cast("IO[bytes]", body)
        return stream

    def get_json(self, *args: Any, **options: Any) -> Any:
        """The body as JSON; `null` is a value that no address of ours reads."""
        value = super().get_json(*args, **options)
        if value is None and not options.get("silent"):
            raise Invalid("The body must not be null.", field="body")
        return value

    @property
    def is_read_to_its_end(self) -> bool:
        """Whether the next request begins where reading has stopped."""
        if self.content_length is not None:
            done = self.stream.tell() if "stream" in self.__dict__ else 0
            return done >= self.content_length
        if "Transfer-Encoding" not in self.headers:
            return True
        return "stream" in self.__dict__ and bool(getattr(self.stream, "has_ended", False))

    def read_on(self) -> bool:
        """Read for a moment what nobody wants; whether the next request can follow it."""
        if "stream" in self.__dict__ and getattr(self.stream, "is_broken", False):
            return False
        return self.is_read_to_its_end or _drain(self.environ)


def finish_reading(response: Response) -> Response:
    """Read what a refused request still sends, for a moment; else the connection ends with it.

    Who is still sending does not read the answer, and the next request on the connection begins
    where this one ends.
    """
    if not request.read_on():  # type: ignore[attr-defined]  # it is ours
        response.headers["Connection"] = "close"
    return response


def _drain(environ: dict[str, Any]) -> bool:
    """Whether the rest of a body came to its end soon enough."""
    sock = environ.get("gunicorn.socket")
    is_late = threading.Event()

    def give_up() -> None:
        is_late.set()
        if sock is not None:
            # A read ends only with all the bytes that it was asked for, however slowly they come.
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RD)

    timer = threading.Timer(DRAIN_SECONDS, give_up)
    timer.start()
    left = DRAIN_BYTES
    try:
        if sock is not None:
            sock.settimeout(SILENCE_SECONDS)
        while left > 0:
            content = environ["wsgi.input"].read(min(left, 64 * 1024))
            if is_late.is_set():
                return False
            if not content:
                return True
            left -= len(content)
    except Exception:
        return False  # it ends in the middle, or in what is no chunk
    finally:
        timer.cancel()
        if sock is not None:
            sock.settimeout(None)
    return False


class ClosingConnections:
    """`Connection: close` of a response is told to gunicorn, which writes that header itself."""

    def __init__(self, wsgi_app: Any) -> None:
        self.wsgi_app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if ("Connection", "close") in headers:
                force_close = getattr(
                    getattr(start_response, "__self__", None), "force_close", lambda: None
                )
                force_close()
            return start_response(status, headers, exc_info)

        return self.wsgi_app(environ, start)
