"""How much a request may send, and what becomes of a connection that was not read to its end."""

from __future__ import annotations

from typing import IO, Any, cast

from flask import Request as FlaskRequest
from flask import Response, request
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.utils import cached_property
from werkzeug.wsgi import LimitedStream

from webapp.core.errors import Invalid

#: what gunicorn reads of a body that nobody wanted, so that the next request is found
DRAINED_BYTES = 32 * 1024


class LimitedBody(LimitedStream):
    """A body of at most `limit` bytes; one more raises RequestEntityTooLarge.

    LimitedStream alone ends at its limit as if the body ended there: half a body is read as a
    whole one. Here the limit is one byte further, and reaching it is too much.
    """

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        super().__init__(stream, limit + 1, is_max=True)
        #: whether all of it has been read
        self.has_ended = False

    def readinto(self, b: bytearray) -> int | None:  # type: ignore[override]
        try:
            count = super().readinto(b)
        except HTTPException:
            raise
        except Exception as error:
            # The server's own reader met a chunk that is none.
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
        if isinstance(stream, LimitedStream) and self.max_content_length is not None:
            # The server ends the body itself, so that it may also come in chunks.
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
        """Whether the next request begins where this one's reading has stopped."""
        if self.content_length is not None:
            rest = self.content_length
            if "stream" in self.__dict__:
                rest -= self.stream.tell()
            return rest <= DRAINED_BYTES
        is_chunked = "Transfer-Encoding" in self.headers
        return not is_chunked or bool(
            "stream" in self.__dict__ and getattr(self.stream, "has_ended", False)
        )


def close_unread(response: Response) -> Response:
    """Let a connection end with the answer where a part of the request was left unread."""
    if not request.is_read_to_its_end:  # type: ignore[attr-defined]  # it is ours
        response.headers["Connection"] = "close"
    return response


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
