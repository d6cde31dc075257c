"""Server-sent events that are paced without holding one of gunicorn's few threads.

The request's thread makes the first event, a few threads of our own make the others step by
step, and the loop of the connections writes each when its time comes. So a hundred questions at
once are all told that they have begun, and run side by side. Under another server, which has no
connection to hand over, the response itself waits between events.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from socket import socket as Socket
from typing import Any

import structlog
from flask import Flask, Response, current_app, request, stream_with_context

from webapp.core.errors import InternalError
from webapp.core.live import handover
from webapp.core.live.admissions import admissions_of
from webapp.core.live.broadcaster import Change
from webapp.core.live.connections import EventStream, loop
from webapp.core.live.following import SLOW_SECONDS, follow, wait_out
from webapp.core.live.steps import Steps, this_app
from webapp.core.security import current_actor, required_permission

log = structlog.get_logger(__name__)

#: (docs/contract/knowledge.md, S-REQ-011 and C-REQ-015)
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}


@dataclass(frozen=True)
class Event:
    """One event: its data as JSON, sent `pause` seconds after the one before.

    Events are numbered, unless they have an id of their own; `name` is the kind that browsers
    listen for.
    """

    data: dict[str, Any]
    pause: float = 0.0
    id: int | None = None
    name: str | None = None


def stream_response(groups: Iterator[Sequence[Event]], *, change: Change | None = None) -> Response:
    """Answer with server-sent events, `id: n` and `data: {json}` each.

    See docs/contract/knowledge.md, C-REQ-011.
    A group is what is known together: it costs one step of a thread, however its events are paced.
    All but the first group are made outside of the request, in another session. An empty group
    means that there is nothing more yet: the next is asked for when `change` is announced.
    """
    numbers = count(1)
    first = next(groups)
    if not handover.can_hand_over(request.environ):
        # What becomes of the connection is then the server's to say.
        waiting = groups if change is None else wait_out(groups, seconds=SLOW_SECONDS)
        texts = stream_with_context(_slowly(chain([first], waiting), numbers))
        return current_app.response_class(texts, headers=HEADERS)
    app = this_app()
    actor, needed = current_actor(), required_permission()
    steps = Steps(app, app.app_context(), groups)
    is_chunked = request.environ.get("SERVER_PROTOCOL") != "HTTP/1.0"
    wants_more = is_chunked and request.headers.get("Connection", "").lower() != "close"

    def take(sock: Socket, response: Response) -> None:
        admissions = admissions_of(app)
        head = _head(response, is_chunked)
        is_kept = response.headers["Connection"] == "keep-alive"
        stream = EventStream(head, admissions.leave, is_chunked=is_chunked, is_kept=is_kept)
        for event in first:
            stream.send(_text(next(numbers), event))
        admissions.admit(stream, actor, needed)
        loop.add(stream, sock)
        loop.start(_send_rest(stream, steps, numbers, app, change))

    is_kept = wants_more and handover.can_give_back()
    headers = HEADERS | {"Connection": "keep-alive" if is_kept else "close"}
    return handover.HandedOver(take, headers=headers)


async def _send_rest(
    stream: EventStream,
    steps: Steps[Sequence[Event]],
    numbers: Iterator[int],
    app: Flask,
    change: Change | None,
) -> None:
    try:
        async with steps:
            # Who asked may have left while others were answered.
            is_wanted = lambda: not stream.is_closed  # noqa: E731 - one line
            async for group in follow(steps, app, change, is_wanted=is_wanted):
                for event in group:
                    await asyncio.sleep(event.pause)
                    stream.send(_text(next(numbers), event))
        stream.finish()
    except Exception:
        log.exception("stream_failed", request_id=steps.request_id)
        stream.refuse(InternalError())


def _slowly(groups: Iterable[Sequence[Event]], numbers: Iterator[int]) -> Iterator[str]:
    for event in chain.from_iterable(groups):
        if event.pause:
            time.sleep(event.pause)
        yield _text(next(numbers), event)


def _text(number: int, event: Event) -> str:
    number = number if event.id is None else event.id
    name = f"event: {event.name}\n" if event.name else ""
    return f"id: {number}\n{name}data: {json.dumps(event.data)}\n\n"


def _head(response: Response, is_chunked: bool) -> bytes:
    """The status and the headers that the response has when everybody has added theirs."""
    response.headers.pop("Content-Length", None)
    if is_chunked:
        response.headers["Transfer-Encoding"] = "chunked"
    lines = "".join(f"{name}: {value}\r\n" for name, value in response.headers)
    return f"HTTP/1.1 {response.status}\r\n{lines}\r\n".encode("latin-1")
