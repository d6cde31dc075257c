"""Conditional requests: `If-Match` and `If-None-Match`, as they come and as they are answered."""

from __future__ import annotations

from flask import Response, request

from webapp.core.http.preconditions import NOTHING


def if_match() -> str | None:
    """What the present request asks of the version that it changes."""
    return NOTHING if request.if_none_match.star_tag else request.headers.get("If-Match")


def with_etag(response: Response, etag: str) -> Response:
    """Put the ETag on a read; 304 without a body where the caller has this very state."""
    response.set_etag(etag)
    response.headers["Cache-Control"] = "private, no-cache"
    if response.status_code == 200:
        response.make_conditional(request)
    return response
