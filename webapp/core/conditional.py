"""Conditional requests: `If-Match` and `If-None-Match` against `v<version>-<revision>`."""

from __future__ import annotations

import re

from flask import Response, make_response, request

from webapp.core.errors import PreconditionFailed

_ETAG = re.compile(r'(?:W/)?"?(v\d+(?:-\d+)?)"?')


def check_version(etag: str, if_match: str | None) -> None:
    """Raise PreconditionFailed where `if_match` names none but other versions than `etag`.

    Only the version part is compared: a counter that moved does not make an edit stale.
    """
    if if_match is None or if_match.strip() == "*":
        return
    version = etag.partition("-")[0]
    wanted = [found[1].partition("-")[0] for found in _ETAG.finditer(if_match)]
    if version in wanted:
        return
    raise PreconditionFailed(
        f"This has changed since you read it: it is at version {version[1:]} now.",
        code="stale_version",
        headers={"ETag": f'"{etag}"'},
        extras={"current_version": int(version[1:]), "etag": f'"{etag}"'},
        suggestions=["Read it again, look at what changed, and send your change once more."],
    )


def if_match() -> str | None:
    """The header of the present request."""
    return request.headers.get("If-Match")


def with_etag(response: Response, etag: str) -> Response:
    """Put the ETag on a read; 304 without a body where the caller has this very state."""
    known = [found[1] for found in _ETAG.finditer(request.headers.get("If-None-Match", ""))]
    if request.method in ("GET", "HEAD") and etag in known:
        response = make_response("", 304)
    response.headers["ETag"] = f'"{etag}"'
    response.headers["Cache-Control"] = "private, no-cache"
    return response
