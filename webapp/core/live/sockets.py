"""Socket routes: who may connect, what a frame is answered with, and the pages' live socket."""

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from socket import socket as Socket
from socket import socketpair
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from apiflask import APIFlask
from flask import Flask, current_app, g, request

from webapp.core.actor import Actor, Role
from webapp.core.errors import DomainError, Forbidden, Invalid, problem
from webapp.core.extensions import db, sock
from webapp.core.live.loop import Connection, loop
from webapp.core.live.topics import Tail, find_render
from webapp.core.security import current_actor, requires

log = structlog.get_logger(__name__)

TICK_SECONDS = 0.1
MAX_TOPICS = 20
POLICY_VIOLATION = 1008


@dataclass(frozen=True)
class Frame:
    """A JSON frame `{"event", "data"}`, sent `after` seconds from the first."""

    event: str
    data: Any
    after: float = 0.0

    def text(self) -> str:
        return json.dumps({"event": self.event, "data": self.data})


#: `answer(text, actor, **view_args)` → frames
Answer = Callable[..., Iterable[Frame]]


class _NoThread:
    """simple-websocket starts a thread for each socket; ours are read by the loop instead."""

    name = ""

    def __init__(self, target: Callable[[], None]) -> None:
        self.target = target

    def start(self) -> None:
        """Nothing to start."""


_pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="answers")


def socket(path: str, *, role: Role) -> Callable[[Answer], Answer]:
    """Serve a socket at `path` whose text frames `answer` answers, in a small pool of threads.

    A frame that the answer refuses (DomainError) gets an error frame with the problem, and the
    socket stays open.
    """

    def decorate(answer: Answer) -> Answer:
        @requires(role)
        def view(ws: Any, **view_args: Any) -> None:
            app = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's
            actor, path = current_actor(), request.path

            def on_text(connection: Connection, text: str) -> None:
                _pool.submit(_answer, app, answer, connection, text, actor, path, view_args)

            _hand_over(ws, on_text)

        view.__name__ = answer.__name__
        view.__doc__ = answer.__doc__
        sock.route(path)(view)
        return answer

    return decorate


def init_app(app: APIFlask) -> None:
    app.config["SOCK_SERVER_OPTIONS"] = {"thread_class": _NoThread}
    app.before_request(_check_origin)
    app.extensions["callboard-broadcaster"] = Broadcaster(app)


@requires(Role.VIEWER)
def _follow(ws: Any) -> None:
    """The pages' socket: `?topic=…&topic=…`."""
    topics = request.args.getlist("topic")[:MAX_TOPICS]
    broadcaster: Broadcaster = current_app.extensions["callboard-broadcaster"]
    connection = _hand_over(ws, lambda _connection, _text: None, broadcaster.remove)
    broadcaster.add(connection, current_actor(), topics)


sock.route("/ws/live")(_follow)


def _hand_over(
    ws: Any,
    on_text: Callable[[Connection, str], None],
    on_close: Callable[[Connection], None] | None = None,
) -> Connection:
    """Take the socket from the request's thread, which goes on to its next request."""
    connection = Connection(detach(ws.sock), ws.ws, on_text, on_close)
    ws.connected = False
    loop.add(connection)
    return connection


def detach(sock: Socket) -> Socket:
    """The connection under a descriptor of its own.

    gunicorn shuts its socket down after the request, which would end a mere duplicate as well.
    So the descriptor it holds is pointed at a dead socket before it does.
    """
    kept = sock.dup()
    dead, peer = socketpair()
    os.dup2(dead.fileno(), sock.fileno())
    dead.close()
    peer.close()
    return kept


def _check_origin() -> None:
    """A page of another site must not speak with our visitors' cookies."""
    if request.headers.get("Upgrade", "").lower() != "websocket":
        return
    actor: Actor | None = g.get("actor")
    if actor is None or actor.session_id is None:
        return
    if urlsplit(request.headers.get("Origin", "")).netloc != request.host:
        raise Forbidden("This socket is for pages of Callboard only.", code="foreign_origin")


def _answer(
    app: Flask,
    answer: Answer,
    connection: Connection,
    text: str,
    actor: Actor,
    path: str,
    view_args: dict[str, Any],
) -> None:
    with app.test_request_context(path):
        g.request_id = actor.request_id
        try:
            for frame in answer(_parse(text), actor, **view_args):
                connection.send(frame.text(), after=frame.after)
        except DomainError as error:
            body = problem(
                error.status, error.message, code=error.code, title=error.title, errors=error.errors
            )
            connection.send(Frame("error", body).text())
        except Exception:
            log.exception("socket_answer_failed", path=path)
            body = problem(500, "Something went wrong on our side.", code="internal_error")
            connection.send(Frame("error", body).text())
        finally:
            db.session.remove()


def _parse(text: str) -> Any:
    try:
        return current_app.json.loads(text)
    except ValueError as error:
        raise Invalid(f"This frame is not JSON: {error}", code="malformed") from error


class Broadcaster:
    """Draws a changed topic once for all who watch it with the same rights."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._followers: dict[Connection, tuple[Actor, list[str]]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wanted = threading.Event()

    def add(self, connection: Connection, actor: Actor, topics: list[str]) -> None:
        """Send the present state of the topics, and again whenever one is announced."""
        with self._lock:
            self._followers[connection] = (actor, topics)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, daemon=True, name="broadcaster")
                self._thread.start()
        self._wanted.set()
        _pool.submit(self._send_all, {connection: (actor, topics)}, None)

    def remove(self, connection: Connection) -> None:
        with self._lock:
            self._followers.pop(connection, None)
            if not self._followers:
                self._wanted.clear()

    def _run(self) -> None:
        tail = Tail()
        while True:
            self._wanted.wait()
            try:
                with self.app.app_context():
                    changed = tail.read()
                if changed:
                    self._send_all(self._watching(changed), changed)
            except Exception:
                log.exception("broadcast_failed")
            threading.Event().wait(TICK_SECONDS)

    def _watching(
        self, changed: set[tuple[UUID, str]]
    ) -> dict[Connection, tuple[Actor, list[str]]]:
        with self._lock:
            followers = list(self._followers.items())
        found = {}
        for connection, (actor, topics) in followers:
            wanted = [topic for topic in topics if (actor.organization_id, topic) in changed]
            if wanted:
                found[connection] = (actor, wanted)
        return found

    def _send_all(
        self,
        followers: dict[Connection, tuple[Actor, list[str]]],
        _changed: set[tuple[UUID, str]] | None,
    ) -> None:
        """Ask permission again, then draw each topic once for each role."""
        with self.app.test_request_context("/ws/live"):
            g.is_push = True
            try:
                groups: dict[tuple[UUID, Role, str], list[Connection]] = defaultdict(list)
                actors: dict[tuple[UUID, Role, str], Actor] = {}
                for connection, (actor, topics) in followers.items():
                    present = self.app.extensions["callboard-recheck"](actor)
                    if present is None:
                        connection.close(POLICY_VIOLATION, "Signed out.")
                        continue
                    for topic in topics:
                        key = (present.organization_id, present.role, topic)
                        groups[key].append(connection)
                        actors[key] = present
                for key, connections in groups.items():
                    text = self._draw(key[2], actors[key])
                    for connection in connections if text else ():
                        connection.send(text)
            except Exception:
                log.exception("draw_failed")
            finally:
                db.session.remove()

    def _draw(self, topic: str, actor: Actor) -> str:
        found = find_render(topic)
        if found is None:
            return ""
        render, item_id = found
        g.actor = actor
        try:
            return render(item_id, actor)
        except DomainError:
            return ""
