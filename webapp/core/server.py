"""gunicorn's worker, whose own refusals are problems like all others.

A request line or a header that is too long, and a request that is no HTTP, are refused before the
application is asked. Who sent them is not known yet, nor whether it reads HTML.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from gunicorn.http import errors
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

#: what gunicorn finds, and its status; any other kind of ParseException is 400
_STATUSES = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
}
_DETAILS = {
    HTTPStatus.REQUEST_URI_TOO_LONG: "The address is too long: at most {} bytes are read.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The headers are too many or too long.",
}


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
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
