"""Files that are sent while they are made: each holds a thread for as long as its reader takes.

So a process sends only some at once. `PATIENCE_SECONDS` of `server.py` end one that nobody reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from threading import BoundedSemaphore
from typing import AnyStr

from flask import Response, current_app, stream_with_context

from webapp.core.errors import Unavailable

#: of the threads of a process (`gunicorn.conf.py`), so that half of them are left to the others
MAX_DOWNLOADS = 8
RETRY_SECONDS = 10

_free = BoundedSemaphore(MAX_DOWNLOADS)


def download(pieces: Iterable[AnyStr], media_type: str, name: str) -> Response:
    """Answer with a file in pieces, kept under `name`; Unavailable where too many are being sent.

    What can still be refused is to be known before.
    """
    if not _free.acquire(blocking=False):
        raise Unavailable(
            "Too many files are being downloaded.",
            code="too_many_downloads",
            retry_after=RETRY_SECONDS,
            suggestions=["Try again when one of them has arrived."],
        )
    place = ExitStack()
    place.callback(_free.release)
    body = stream_with_context(_send(pieces, place))
    response = current_app.response_class(body, mimetype=media_type)
    response.call_on_close(place.close)  # also where nothing is sent, as in answer to HEAD
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _send(pieces: Iterable[AnyStr], place: ExitStack) -> Iterator[AnyStr]:
    with place:
        yield from pieces
