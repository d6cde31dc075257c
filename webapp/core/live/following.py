"""Following something step by step until it is over, without a thread that waits for it.

A generator says what there is to say, and an empty sequence where there is nothing more yet; it is
asked again as soon as the feed that it depends on is announced, and now and then without that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from http import HTTPStatus
from socket import socket as Socket
from typing import TypeVar, cast

import structlog
from flask import Flask, Response, current_app, request

from webapp.core.extensions import db
from webapp.core.live import handover
from webapp.core.live.admissions import admissions_of
from webapp.core.live.broadcaster import Broadcaster, Change
from webapp.core.live.connections import EventStream, loop
from webapp.core.live.steps import Steps, this_app
from webapp.core.security import current_actor, required_permission

T = TypeVar("T")

log = structlog.get_logger(__name__)

#: how soon it is looked again where no announcement came: doubling, from the first to the last
FIRST_LOOK_SECONDS = 0.1
LAST_LOOK_SECONDS = 5.0
#: how often a thread looks, under a server that no connection leaves
SLOW_LOOK_SECONDS = 0.1
#: how long it follows at once
SLOW_SECONDS = 10.0
#: what an answer is: its status and its JSON
Answer = tuple[int, bytes]


async def follow(
    steps: Steps[Sequence[T]],
    app: Flask,
    change: Change | None,
    *,
    is_wanted: Callable[[], bool],
    until: float | None = None,
) -> AsyncIterator[Sequence[T]]:
    """What each step says, as soon as there is something; empty ones are waited out.

    The step at `until`, a moment of the monotonic clock, is not waited out.
    """
    if change is None:
        while is_wanted() and (said := await steps.next()) is not None:
            yield said
        return
    with broadcaster_of(app).watch(change) as news:
        pause = FIRST_LOOK_SECONDS
        while is_wanted():
            news.clear()
            said = await steps.next()
            if said is None:
                return
            if said:
                pause = FIRST_LOOK_SECONDS
                yield said
                continue
            left = pause if until is None else max(0.0, min(pause, until - time.monotonic()))
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), left)
            pause = min(2 * pause, LAST_LOOK_SECONDS)


def wait_out(steps: Iterator[Sequence[T]], *, seconds: float) -> Iterator[Sequence[T]]:
    """The same in this thread, which sleeps in between, with no transaction open.

    After so many seconds it ends, or says what there is then: whoever follows comes back.
    """
    until = time.monotonic() + seconds
    for said in steps:
        if said:
            yield said
            continue
        db.session.rollback()
        left = until - time.monotonic()
        if left <= -SLOW_LOOK_SECONDS:
            return
        time.sleep(max(0.0, min(SLOW_LOOK_SECONDS, left)))


def late_response(
    answers: Iterator[Sequence[Answer]], *, change: Change, seconds: float
) -> Response:
    """Answer with the first answer that there is; one has to be there after so many seconds.

    Only the first look is made in the request's thread.
    """
    until = time.monotonic() + seconds
    first = next(answers)
    if first or not handover.can_hand_over(request.environ):
        status, body = (first or next(wait_out(answers, seconds=seconds)))[0]
        return current_app.response_class(body, status, mimetype="application/json")
    app = this_app()
    actor, needed = current_actor(), required_permission()
    steps = Steps(app, app.app_context(), answers)
    wants_more = request.environ.get("SERVER_PROTOCOL") != "HTTP/1.0"
    wants_more = wants_more and request.headers.get("Connection", "").lower() != "close"

    def take(sock: Socket, response: Response) -> None:
        admissions = admissions_of(app)
        is_kept = response.headers["Connection"] == "keep-alive"
        late = LateAnswer(b"", admissions.leave, is_chunked=False, is_kept=is_kept)
        admissions.admit(late, actor, needed)
        loop.add(late, sock)
        loop.start(_send_late(late, steps, response, app, change, until))

    is_kept = wants_more and handover.can_give_back()
    headers = {"Connection": "keep-alive" if is_kept else "close"}
    return handover.HandedOver(take, headers=headers, mimetype="application/json")


class LateAnswer(EventStream):
    """A connection whose answer is written at once, when it is there."""

    def ping(self) -> None:
        """Nothing can be said before the answer."""

    def dismiss(self, reason: str) -> None:
        """There is no answer any more for who waits."""
        self.drop()


async def _send_late(
    late: LateAnswer,
    steps: Steps[Sequence[Answer]],
    response: Response,
    app: Flask,
    change: Change,
    until: float,
) -> None:
    try:
        async with steps:
            said = follow(steps, app, change, is_wanted=lambda: not late.is_closed, until=until)
            async for answers in said:
                late.write(_whole(response, answers[0]))
                break
        late.finish()
    except Exception:
        log.exception("answer_failed", request_id=steps.request_id)
        late.drop()


def _whole(response: Response, answer: Answer) -> bytes:
    """An answer with the headers that everybody has given the response."""
    status, body = answer
    body = body if body.endswith(b"\n") else body + b"\n"
    response.headers["Content-Length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in response.headers)
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{lines}\r\n"
    return head.encode("latin-1") + body


def broadcaster_of(app: Flask) -> Broadcaster:
    return cast("Broadcaster", app.extensions["callboard-broadcaster"])
