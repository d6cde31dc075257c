"""Topics: announced in a transaction, tailed by each web process, drawn by their feature."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import String, delete, select, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.database import BigId
from webapp.core.extensions import Model, db

#: A transaction's id may come before another's and its commit after, so that the tail looks
#: this far back for rows it has not seen.
WINDOW = timedelta(seconds=10)
KEEP = timedelta(minutes=1)

#: `render(id, actor)` → HTML parts for a socket; raises a DomainError where the actor may not see
Render = Callable[[str, Actor], str]

_renders: dict[str, Render] = {}


class Announcement(Model):
    """`topic` of an organization has changed."""

    __tablename__ = "announcements"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    organization_id: Mapped[UUID]
    topic: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)


def announce(topic: str, organization_id: UUID) -> None:
    """Tell followers of `topic` ("task:<id>"), once the running transaction has committed."""
    for waiting in db.session.new:
        if isinstance(waiting, Announcement) and waiting.topic == topic:
            return
    db.session.add(Announcement(topic=topic, organization_id=organization_id))
    if random.random() < 0.01:  # noqa: S311 - spreads the cleaning, guards nothing
        db.session.execute(delete(Announcement).where(Announcement.created_at < clock.now() - KEEP))


def register(kind: str, render: Render) -> None:
    """Let sockets follow topics "kind:<id>", drawn by `render`."""
    _renders[kind] = render


def find_render(topic: str) -> tuple[Render, str] | None:
    """The function that draws a topic, with the topic's id."""
    kind, _, item_id = topic.partition(":")
    render = _renders.get(kind)
    return (render, item_id) if render and item_id else None


class Tail:
    """Reads what was announced since the last look; cheap while nothing happens."""

    def __init__(self) -> None:
        self._seen: dict[int, datetime] = {}
        self._version: Any = None
        self._connection: Any = None

    def read(self) -> set[tuple[UUID, str]]:
        """`(organization_id, topic)` of every announcement not returned before."""
        if not self._has_changed():
            return set()
        now = clock.now()
        rows = db.session.execute(
            select(Announcement.id, Announcement.organization_id, Announcement.topic).where(
                Announcement.created_at > now - WINDOW
            )
        ).all()
        db.session.rollback()
        fresh = {(row.organization_id, row.topic) for row in rows if row.id not in self._seen}
        self._seen.update({row.id: now for row in rows})
        oldest = now - 2 * WINDOW
        self._seen = {key: at for key, at in self._seen.items() if at > oldest}
        return fresh

    def _has_changed(self) -> bool:
        """SQLite says for a few microseconds whether another connection has written at all."""
        if db.engine.dialect.name != "sqlite":
            return True
        if self._connection is None:
            self._connection = db.engine.connect()
        version = self._connection.execute(text("PRAGMA data_version")).scalar()
        self._connection.rollback()
        changed = bool(version != self._version)
        self._version = version
        return changed
