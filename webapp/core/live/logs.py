"""Logs: feeds that only grow. Who follows one is sent the rows that are new, and no others.

A page says the last row that it has, so that reconnecting brings what it has missed.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from webapp.core.actor import Actor
from webapp.core.database.transactions import snapshot_border

#: rows of a push; where there are more, another push follows
LIMIT = 100
#: how far before a page's last row it is sent rows again: one that was committed late may be
#: among them, and the page leaves out what it has
OVERLAP = 50
#: an id is taken a moment before its transaction has a number
SETTLE_SECONDS = 1.0


class Row(Protocol):
    """A row of a table whose ids grow."""

    @property
    def id(self) -> int: ...


@dataclass(frozen=True)
class Log:
    """What sockets may follow as "kind:<id>" from a row on.

    `newest(id, actor)` is the id of the last row, 0 where there is none; `read(id, actor, after,
    limit)` are the first rows behind a row, oldest first; `draw(rows, actor)` is the HTML part
    that adds them to a page. The first two raise a DomainError where the actor may not see them.
    """

    kind: str
    newest: Callable[[str, Actor], int]
    read: Callable[[str, Actor, int, int], Sequence[Row]]
    draw: Callable[[Sequence[Any], Actor], str]


class Reader:
    """Reads the rows of a log as they become visible, each of them once.

    Ids follow inserts, visibility follows commits: on PostgreSQL a row may become visible after
    others with greater ids. So everything behind the last settled row is read again, and what
    has been returned is left out. A row is settled, with all before it, when every transaction
    has ended that was open when it was read.
    """

    def __init__(self, log: Log, item_id: str, actor: Actor) -> None:
        self.organization_id = actor.organization_id
        self._log = log
        self._item_id = item_id
        self._settled = max(0, log.newest(item_id, actor) - OVERLAP)
        self._returned: set[int] = set()
        #: the newest row of a look, the transactions that were open, and when it was
        self._looks: deque[tuple[int, int, float]] = deque()
        self.read(actor)

    def read(self, actor: Actor) -> list[Row]:
        """Up to `LIMIT` rows that have not been returned yet, oldest first."""
        ended, begun = snapshot_border()
        limit = LIMIT + len(self._returned)
        rows = self._log.read(self._item_id, actor, self._settled, limit)
        fresh = [row for row in rows if row.id not in self._returned][:LIMIT]
        self._returned |= {row.id for row in fresh}
        if fresh:
            self._looks.append((max(self._returned), begun, time.monotonic()))
        while self._looks and self._is_settled(self._looks[0], ended):
            self._settled = max(self._settled, self._looks.popleft()[0])
        self._returned = {id_ for id_ in self._returned if id_ > self._settled}
        return fresh

    def _is_settled(self, look: tuple[int, int, float], ended: int) -> bool:
        _, begun, at = look
        return begun <= ended and time.monotonic() - at > SETTLE_SECONDS
