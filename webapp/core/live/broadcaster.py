"""Tells followers what has changed: rights are asked once, and a part is drawn once, per push."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

import structlog
from flask import Flask, g

from webapp.core.actor import Actor
from webapp.core.errors import DomainError
from webapp.core.extensions import db
from webapp.core.live import feeds
from webapp.core.live.admissions import Admissions
from webapp.core.live.announcements import Tail
from webapp.core.live.connections import Peer, WebSocket, loop, text_frame
from webapp.core.live.logs import LIMIT, OVERLAP, Log, Reader

T = TypeVar("T")

log = structlog.get_logger(__name__)

#: what is announced: the organization and the feed
Change = tuple[UUID, str]
#: what a page follows: its organization and its feeds
Follow = tuple[UUID, tuple[str, ...]]
#: some followers, and feeds
Concern = tuple[set[Peer], Sequence[str]]
#: who see the same of a feed: their audience, and the feed
Group = tuple[tuple[object, ...], str]


@dataclass
class Work:
    """What a push has to tell."""

    changed: set[Change] = field(default_factory=set)
    newcomers: dict[Peer, Actor] = field(default_factory=dict)
    #: who lacks rows of a log, and behind which row
    behind: dict[tuple[Peer, str], int] = field(default_factory=dict)


class Broadcaster:
    """Draws what followers follow: all of it for a newcomer, and then whatever is announced.

    One thread waits for announcements, another draws. What is announced while it draws is drawn
    once, next.
    """

    def __init__(self, app: Flask, admissions: Admissions) -> None:
        self._app = app
        self._admissions = admissions
        self._follows: dict[Peer, Follow] = {}
        #: thousands may follow the same: a push looks at what is followed, not at each of them
        self._followers: defaultdict[Follow, set[Peer]] = defaultdict(set)
        #: as long as anybody follows it: the names come from outside
        self._sources: dict[Follow, dict[str, list[str]]] = {}
        self._work = Work()
        self._readers: dict[Group, Reader] = {}
        #: who waits for what is announced, in the loop of the connections
        self._watched: defaultdict[Change, set[asyncio.Event]] = defaultdict(set)
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, connection: WebSocket, actor: Actor, names: list[str]) -> None:
        """Send the present state of the feeds, and again whenever one is announced.

        Of a log only what is new from about now on: `catch_up` asks for what came before.
        """
        with self._lock:
            follow = self._follows[connection] = (actor.organization_id, tuple(names))
            self._followers[follow].add(connection)
            if follow not in self._sources:
                self._sources[follow] = {name: feeds.sources_of(name, self._app) for name in names}
            self._work.newcomers[connection] = actor
            self._start()
        self._wanted.set()

    def catch_up(self, connection: WebSocket, name: str, after: int) -> None:
        """Send the rows of a log that it follows behind the last row that it has."""
        with self._lock:
            if name in self._follows.get(connection, (None, ()))[1]:
                self._work.behind[connection, name] = max(0, after - OVERLAP)
        self._wanted.set()

    @contextmanager
    def watch(self, change: Change) -> Iterator[asyncio.Event]:
        """An event that is set with every announcement of a feed; for the connections' loop.

        What was announced just before it begins may be missed: look once more soon after.
        """
        event = asyncio.Event()
        with self._lock:
            self._watched[change].add(event)
            self._start()
        try:
            yield event
        finally:
            with self._lock:
                self._watched[change].discard(event)
                if not self._watched[change]:
                    del self._watched[change]

    def remove(self, connection: WebSocket) -> None:
        with self._lock:
            self._work.newcomers.pop(connection, None)
            follow = self._follows.pop(connection, None)
            if follow is None:
                return
            self._followers[follow].remove(connection)
            if not self._followers[follow]:
                del self._followers[follow], self._sources[follow]

    def _start(self) -> None:
        """Begin to listen, if nobody has before; called with the lock."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, daemon=True, name="broadcaster")
            self._thread.start()

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
                work, self._work = self._work, Work()
                concerned = self._concerned(work)
                self._forget_readers(work.newcomers)
            try:
                self._push(work, concerned)
            except Exception:
                log.exception("push_failed")

    def _listen(self, tail: Tail) -> None:
        while True:
            changed = tail.wait(is_wanted=bool(self._followers or self._watched))
            if changed:
                with self._lock:
                    self._work.changed |= changed
                    told = [self._watched[change] for change in changed & self._watched.keys()]
                    watching = set[asyncio.Event]().union(*told)
                self._wanted.set()
                for event in watching:
                    loop.call(event.set)

    def _concerned(self, work: Work) -> list[Concern]:
        """Who has to be told of which feeds."""
        concerns: list[Concern] = []
        for follow, connections in self._followers.items():
            organization_id, names = follow
            new = work.newcomers.keys() & connections
            if new:
                concerns.append((new, names))
            changed = [
                name
                for name, sources in self._sources[follow].items()
                if any((organization_id, source) in work.changed for source in sources)
            ]
            if changed and len(new) < len(connections):
                concerns.append((connections - new, changed))
        return concerns

    def _push(self, work: Work, concerned: list[Concern]) -> None:
        """Draw each feed once for all who see the same of it."""
        with self._app.test_request_context("/ws/live"):
            g.is_push = True
            # A newcomer's rights have just been asked for, by its own request.
            known = {connection for connection, _ in work.behind}.union(*(c for c, _ in concerned))
            known -= work.newcomers.keys()
            actors = work.newcomers | (self._admissions.renew(known) if known else {})
            groups: dict[Group, list[Peer]] = defaultdict(list)
            for some, names in concerned:
                for audience, alike in _by_audience(some, actors).items():
                    for name in names:
                        groups[audience, name] += alike
            # What comes after the first state must not be missed, so readers begin before it.
            for group, connections in groups.items():
                self._begin_reading(group, actors[connections[0]])
            for group, connections in groups.items():
                self._tell(group, connections, actors[connections[0]], work)
            for (connection, name), after in work.behind.items():
                if connection in actors:
                    self._tell_missed(connection, name, after, actors[connection])
            # A reader that this push did not need has missed rows, and must not go on.
            for group in self._readers.keys() - groups.keys():
                if (self._readers[group].organization_id, group[1]) in work.changed:
                    del self._readers[group]

    def _begin_reading(self, group: Group, actor: Actor) -> None:
        feed, item_id = feeds.find(group[1])
        if isinstance(feed, Log) and group not in self._readers:
            reader = self._guarded(lambda: Reader(feed, item_id, actor), group[1], actor)
            if reader is not None:
                self._readers[group] = reader

    def _tell(self, group: Group, connections: list[Peer], actor: Actor, work: Work) -> None:
        name = group[1]
        feed, item_id = feeds.find(name)
        if isinstance(feed, feeds.Feed):
            text = self._guarded(lambda: feed.draw(item_id, actor), name, actor)
            self._send(connections, text)
        elif feed is not None and (actor.organization_id, name) in work.changed:
            reader = self._readers.get(group)
            if reader is None:
                return
            rows = self._guarded(lambda: reader.read(actor), name, actor)
            if not rows:
                return
            self._send(connections, self._guarded(lambda: feed.draw(rows, actor), name, actor))
            if len(rows) == LIMIT:
                with self._lock:
                    self._work.changed.add((actor.organization_id, name))
                self._wanted.set()

    def _tell_missed(self, connection: Peer, name: str, after: int, actor: Actor) -> None:
        feed, item_id = feeds.find(name)
        if not isinstance(feed, Log):
            return
        rows = self._guarded(lambda: feed.read(item_id, actor, after, LIMIT), name, actor)
        if not rows:
            return
        self._send([connection], self._guarded(lambda: feed.draw(rows, actor), name, actor))
        if len(rows) == LIMIT:
            with self._lock:
                # Unless it has asked for something else meanwhile.
                self._work.behind.setdefault((connection, name), rows[-1].id)
            self._wanted.set()

    def _send(self, connections: list[Peer], text: str | None) -> None:
        if text:
            loop.write_to_all(connections, text_frame(text))

    def _guarded(self, function: Callable[[], T], name: str, actor: Actor) -> T | None:
        """What the function returns; None where the actor may not see it, or where it fails."""
        g.actor = actor
        try:
            return function()
        except DomainError:
            return None
        except Exception:
            # The other feeds of this push are fine.
            log.exception("feed_failed", feed=name)
            db.session.rollback()
            return None

    def _forget_readers(self, newcomers: dict[Peer, Actor]) -> None:
        """Let a log that nobody has followed for a while begin anew with the next who does."""
        followed = {
            (organization_id, name)
            for (organization_id, names), connections in self._followers.items()
            if len(newcomers.keys() & connections) < len(connections)
            for name in names
        }
        self._readers = {
            group: reader
            for group, reader in self._readers.items()
            if (reader.organization_id, group[1]) in followed
        }


def _by_audience(
    connections: Iterable[Peer], actors: Mapping[Peer, Actor]
) -> dict[tuple[object, ...], list[Peer]]:
    """Those who may be connected, by what they are shown."""
    groups = defaultdict(list)
    for connection in connections:
        actor = actors.get(connection)
        if actor is not None:
            groups[actor.audience].append(connection)
    return groups
