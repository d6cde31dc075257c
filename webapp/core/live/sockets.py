"""Socket routes: who may connect, what a frame is answered with, and the pages' live socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from socket import socket as Socket
from typing import Any
from urllib.parse import urlsplit

import structlog
from apiflask import APIFlask
from flask import Flask, Response, current_app, g, request
from h11 import LocalProtocolError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import RemoteProtocolError

from webapp.core.actor import ORGANIZATION_READ, Actor, Permission
from webapp.core.errors import Forbidden, Invalid, LimitExceeded, Malformed
from webapp.core.feature import contributions
from webapp.core.http import limits
from webapp.core.http.problems import describe
from webapp.core.http.refusals import refusal_of
from webapp.core.live import handover
from webapp.core.live.admissions import Admissions, admissions_of
from webapp.core.live.broadcaster import Broadcaster, Change
from webapp.core.live.connections import WebSocket, loop, text_frame
from webapp.core.live.following import follow
from webapp.core.live.steps import Steps, this_app
from webapp.core.openapi import SocketDocument
from webapp.core.security import current_actor, required_permission, requires

log = structlog.get_logger(__name__)

MAX_FEEDS = 20
#: characters of an asker's id
MAX_ID = 100
#: what a row's id can be at most
MAX_ROW = 2**63 - 1
TRY_AGAIN_LATER = 1013


@dataclass(frozen=True)
class Frame:
    """A JSON frame `{"event", "data"}`, sent `pause` seconds after the one before.

    Where the message that it answers had an `id`, the frame has the same: what is asked at once
    is answered at once, so that the frames of two answers may come in turns.
    """

    event: str
    data: Any
    pause: float = 0.0
    id: str | int | None = None

    def text(self) -> str:
        own = {} if self.id is None else {"id": self.id}
        return json.dumps(own | {"event": self.event, "data": self.data})


class Position(BaseModel):
    """Up to which row a page has a log: the rows behind it are sent."""

    model_config = ConfigDict(extra="forbid", strict=True)

    feed: str
    after: int = Field(ge=0, le=MAX_ROW)


#: `answer(message, actor, **view_args)` → frames
Answer = Callable[..., Iterable[Frame]]


@dataclass(frozen=True)
class SocketRoute:
    """A socket at `path` whose text frames `answer` answers, step by step in a few threads.

    A frame that the answer refuses (DomainError) gets an error frame with the problem, and the
    socket stays open. `answer`'s name is that of the endpoint.
    """

    path: str
    answer: Answer
    permission: Permission


#: `follow(actor, after, **view_args)` → the organization and the feed, and groups of frames
Follow = Callable[..., tuple[Change, Iterator[Sequence[Frame]]]]


@dataclass(frozen=True)
class FollowRoute:
    """A socket at `path` that tells what goes on, from the last event that its client has on.

    `follow(actor, after, **view_args)` answers what is announced when there is more, and groups of
    frames, empty where there is nothing yet, the first of them before the socket opens. `after` is
    the `after` of the address or the Last-Event-ID, else 0. Its name is that of the endpoint.
    """

    path: str
    follow: Follow
    permission: Permission


DOCUMENT = SocketDocument(
    path="/ws/live",
    operation_id="live.follow",
    summary="The pages' own: it follows each `?feed=…` of an open page",
    receives=None,
    sends={"(HTML)": "parts of the page for who follows it, now and whenever they change"},
    example=[("server", '<hx-partial hx-target="#task-42">…</hx-partial>')],
)


def init_app(app: APIFlask) -> None:
    admissions = app.extensions["callboard-admissions"] = Admissions(app)
    app.extensions["callboard-broadcaster"] = Broadcaster(app, admissions)
    app.before_request(_check_upgrade)
    app.add_url_rule("/ws/live", "live", _follow, websocket=True)
    views = [(route.path, _view_of(route)) for route in contributions(SocketRoute, app)]
    views += [(route.path, _follow_view_of(route)) for route in contributions(FollowRoute, app)]
    for path, view in views:
        app.add_url_rule(path, view.__name__, view, websocket=True)


def _follow_view_of(route: FollowRoute) -> Callable[..., Response]:
    @requires(route.permission)
    def view(**view_args: Any) -> Response:
        app = this_app()
        change, groups = route.follow(current_actor(), last_event_id(), **view_args)
        first = next(groups)
        steps = Steps(app, app.app_context(), groups)

        def tell(connection: WebSocket) -> None:
            for frame in first:
                connection.write(text_frame(frame.text()))
            loop.start(_tell_rest(connection, steps, app, change))

        return open_socket(lambda _connection, _text: None, on_open=tell)

    view.__name__ = route.follow.__name__
    view.__doc__ = route.follow.__doc__
    return view


def last_event_id() -> int:
    """The last event that a client has: 0 where it has none. Raises Invalid."""
    given = request.headers.get("Last-Event-ID") or request.args.get("after") or "0"
    is_number = given.isascii() and given.isdigit() and len(given) <= len(str(MAX_ROW))
    if not is_number or int(given) > MAX_ROW:
        raise Invalid("Last-Event-ID is the id of an event, a whole number.", field="after")
    return int(given)


def _view_of(route: SocketRoute) -> Callable[..., Response]:
    @requires(route.permission)
    def view(**view_args: Any) -> Response:
        app = this_app()
        path = request.path

        def on_text(connection: WebSocket, text: str) -> None:
            frames = _frames(route.answer, text, connection, view_args)
            steps = Steps(app, app.test_request_context(path), frames)
            loop.start(_answer(connection, steps))

        return open_socket(on_text)

    view.__name__ = route.answer.__name__
    view.__doc__ = route.answer.__doc__
    return view


@requires(ORGANIZATION_READ)
def _follow() -> Response:
    """The pages' socket: `?feed=…&feed=…`, and of logs the last row that the page has."""
    feeds = request.args.getlist("feed")[:MAX_FEEDS]
    actor = current_actor()
    app = this_app()
    broadcaster: Broadcaster = app.extensions["callboard-broadcaster"]

    def catch_up(connection: WebSocket, text: str) -> None:
        try:
            with app.app_context():
                limits.count(actor)
            position = Position.model_validate_json(text)
        except LimitExceeded as error:
            connection.close(TRY_AGAIN_LATER, error.message)
        except ValidationError:
            connection.close(CloseReason.INVALID_FRAME_PAYLOAD_DATA, 'Send {"feed", "after"}.')
        else:
            broadcaster.catch_up(connection, position.feed, position.after)

    return open_socket(
        catch_up,
        on_open=lambda connection: broadcaster.add(connection, actor, feeds),
        on_close=broadcaster.remove,
    )


def open_socket(
    on_text: Callable[[WebSocket, str], None],
    *,
    on_open: Callable[[WebSocket], None] = lambda _connection: None,
    on_close: Callable[[WebSocket], None] = lambda _connection: None,
) -> Response:
    """Accept this request's WebSocket and take it from its thread, which goes on to others.

    Raises Malformed where the request is no proper handshake.
    """
    app = this_app()
    actor, needed = current_actor(), required_permission()
    handshake = _shake_hands()

    def forget(connection: WebSocket) -> None:
        admissions_of(app).leave(connection)
        on_close(connection)

    def take(sock: Socket, _response: Response) -> None:
        connection = WebSocket(handshake, on_text, forget)
        admissions_of(app).admit(connection, actor, needed)
        on_open(connection)
        loop.add(connection, sock)

    return handover.HandedOver(take)


def _shake_hands() -> bytes:
    """What accepts the WebSocket. Nothing is compressed: a push is the same bytes for all."""
    protocol = WSConnection(ConnectionType.SERVER)
    headers = [(name.encode(), value.encode()) for name, value in request.headers]
    try:
        protocol.initiate_upgrade_connection(headers, request.path.encode())
        return protocol.send(
            AcceptConnection(extra_headers=[(b"X-Request-ID", g.request_id.encode())])
        )
    except (RemoteProtocolError, LocalProtocolError) as error:
        raise Malformed(f"This is no WebSocket handshake: {error}") from error


def _check_upgrade() -> None:
    """A page of another site must not speak with our visitors' cookies."""
    if request.headers.get("Upgrade", "").lower() != "websocket":
        return
    handover.require_plain_socket()
    actor: Actor | None = g.get("actor")
    if actor is None or actor.session_id is None:
        return
    own = {request.host, urlsplit(current_app.config["CALLBOARD"].url or "").netloc}
    origin = urlsplit(request.headers.get("Origin", "")).netloc
    if not origin or origin not in own:
        raise Forbidden("This socket is for pages of Callboard only.", code="foreign_origin")


async def _answer(connection: WebSocket, steps: Steps[Frame]) -> None:
    try:
        async with steps:
            while not connection.is_closed and (frame := await steps.next()) is not None:
                await asyncio.sleep(frame.pause)
                if not connection.is_closed:
                    connection.write(text_frame(frame.text()))
    except Exception:
        # Whoever asked would wait for ever.
        log.exception("answer_failed", request_id=steps.request_id)
        connection.close(CloseReason.INTERNAL_ERROR, "Something went wrong on our side.")


async def _tell_rest(
    connection: WebSocket, steps: Steps[Sequence[Frame]], app: Flask, change: Change
) -> None:
    try:
        async with steps:
            is_wanted = lambda: not connection.is_closed  # noqa: E731 - one line
            async for frames in follow(steps, app, change, is_wanted=is_wanted):
                for frame in frames:
                    connection.write(text_frame(frame.text()))
        connection.close()
    except Exception:
        log.exception("answer_failed", request_id=steps.request_id)
        connection.close(CloseReason.INTERNAL_ERROR, "Something went wrong on our side.")


def _frames(
    answer: Answer, text: str, connection: WebSocket, view_args: dict[str, Any]
) -> Iterator[Frame]:
    """The answer to one message, with the rights of this moment, counted as a request is."""
    actor = admissions_of(current_app).renew([connection]).get(connection)
    if actor is None:
        return
    asker = None
    try:
        limits.count(actor)
        message = _parse(text)
        asker = _take_id(message)
        asking = replace(actor, request_id=g.request_id)
        for frame in answer(message, asking, **view_args):
            yield replace(frame, id=asker)
    except Exception as error:
        yield Frame("error", describe(refusal_of(error)), id=asker)


def _parse(text: str) -> Any:
    try:
        return current_app.json.loads(text)
    except ValueError as error:
        raise Invalid(f"This frame is not JSON: {error}", code="malformed") from error


def _take_id(message: Any) -> str | int | None:
    """The asker's id, taken out of the message."""
    given = message.pop("id", None) if isinstance(message, dict) else None
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, str | int) or len(str(given)) > MAX_ID:
        raise Invalid(f"An id is a number or a text of at most {MAX_ID} characters.", field="id")
    return given
