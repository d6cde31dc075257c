"""Tells followers what has changed: rights are asked once, and a part is drawn once, per push."""

from __future__ import annotations

import threading
from collections import defaultdict
from uuid import UUID

import structlog
from flask import Flask, g

from webapp.core.actor import Actor
from webapp.core.errors import DomainError
from webapp.core.extensions import db
from webapp.core.live.admissions import Admissions
from webapp.core.live.announcements import Tail
from webapp.core.live.connections import Peer, WebSocket, loop, text_frame
from webapp.core.live.feeds import find_draw

log = structlog.get_logger(__name__)

RETRY_SECONDS = 1.0

#: what is announced: the organization and the feed
Change = tuple[UUID, str]


class Broadcaster:
    """Draws what followers follow: all of it for a newcomer, and then whatever is announced.

    One thread waits for announcements, another draws. What is announced while it draws is drawn
    once, next.
    """

    def __init__(self, app: Flask, admissions: Admissions) -> None:
        self._app = app
        self._admissions = admissions
        self._followers: dict[Peer, tuple[UUID, list[str]]] = {}
        self._newcomers: dict[Peer, Actor] = {}
        self._changed: set[Change] = set()
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, connection: WebSocket, actor: Actor, feeds: list[str]) -> None:
        """Send the present state of the feeds, and again whenever one is announced."""
        with self._lock:
            self._followers[connection] = (actor.organization_id, feeds)
            self._newcomers[connection] = actor
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, daemon=True, name="broadcaster")
                self._thread.start()
        self._wanted.set()

    def remove(self, connection: WebSocket) -> None:
        with self._lock:
            self._followers.pop(connection, None)
            self._newcomers.pop(connection, None)

    def _run(self) -> None:
        tail = Tail(self._app)
        # Before the first state is drawn: what changes after it must not be missed.
        tail.start()
        threading.Thread(
            target=self._listen, args=(tail,), daemon=True, name="announcements"
        ).start()
        while True:
            self._wanted.wait()
            self._wanted.clear()
            with self._lock:
                changed, self._changed = self._changed, set()
                newcomers, self._newcomers = self._newcomers, {}
                audience = self._watching(changed, newcomers)
            try:
                self._push(audience, newcomers)
            except Exception:
                log.exception("push_failed")

    def _listen(self, tail: Tail) -> None:
        while True:
            changed = tail.wait(is_wanted=bool(self._followers))
            if changed:
                with self._lock:
                    self._changed |= changed
                self._wanted.set()

    def _watching(
        self, changed: set[Change], newcomers: dict[Peer, Actor]
    ) -> dict[Peer, list[str]]:
        found = {}
        for connection, (organization_id, feeds) in self._followers.items():
            is_new = connection in newcomers
            wanted = [feed for feed in feeds if is_new or (organization_id, feed) in changed]
            if wanted:
                found[connection] = wanted
        return found

    def _push(self, audience: dict[Peer, list[str]], newcomers: dict[Peer, Actor]) -> None:
        """Draw each feed once for all who see the same of it."""
        with self._app.test_request_context("/ws/live"):
            g.is_push = True
            # A newcomer's rights have just been asked for, by its own request.
            known = [connection for connection in audience if connection not in newcomers]
            actors = newcomers | (self._admissions.renew(known) if known else {})
            groups: dict[tuple[object, str], list[Peer]] = defaultdict(list)
            for connection, actor in actors.items():
                for feed in audience.get(connection, ()):
                    groups[actor.audience, feed].append(connection)
            for (_, feed), connections in groups.items():
                text = self._draw(feed, actors[connections[0]])
                if text:
                    loop.write_to_all(connections, text_frame(text))

    def _draw(self, feed: str, actor: Actor) -> str:
        found = find_draw(feed)
        if found is None:
            return ""
        draw, item_id = found
        g.actor = actor
        try:
            return draw(item_id, actor)
        except DomainError:
            return ""
        except Exception:
            # The other feeds of this push are fine.
            log.exception("draw_failed", feed=feed)
            db.session.rollback()
            return ""
