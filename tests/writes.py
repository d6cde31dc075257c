"""What a request has written: whoever changes something asks for a right, records and announces.

The client of the tests checks every request, so that a change which nobody is told of fails the
test that made it, whatever the test is about. A view that needs no right, no audit entry or no
announcement says so with `needs_no`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from apiflask import APIFlask
from flask import request, request_started
from sqlalchemy import Connection, Engine, event

from webapp.audit.services import FEED
from webapp.core.extensions import db
from webapp.core.live import Announcement

#: the words themselves
WORDS = {"audit_entries", "announcements"}
#: when somebody was seen is no change
SEEN = {"last_seen_at", "last_used_at"}
#: tables that no open page follows, or only by what is made of them and announced by its feature
UNFOLLOWED = {
    "api_keys", "memberships", "organizations", "password_links", "sessions", "users",
    "node_stats", "taxonomies", "taxonomy_closure", "taxonomy_edges", "taxonomy_nodes",
    "index_states",
}  # fmt: skip
_WRITE = re.compile(
    r"\b(?:INSERT INTO|(?<!FOR )UPDATE|DELETE FROM) \"?(\w+)\"?(?: SET (.*?)(?: WHERE|$))?", re.S
)
_COLUMN = re.compile(r"(\w+)\"?\s*=")


@dataclass
class Writes:
    """The tables that one request's transactions have changed, and the feeds they announced."""

    endpoint: str = ""
    tables: set[str] = field(default_factory=set)
    feeds: set[str] = field(default_factory=set)


_writes: ContextVar[Writes | None] = ContextVar("writes", default=None)


def watch(app: APIFlask, engine: Engine) -> None:
    """Let an application and its database tell what requests do."""
    request_started.connect(_note_endpoint, app)
    event.listen(engine, "after_cursor_execute", _note_statement)
    event.listen(Announcement, "after_insert", _note_announcement)
    event.listen(engine, "commit", _note_commit)
    event.listen(engine, "rollback", _forget)


@contextmanager
def checked(app: APIFlask) -> Iterator[None]:
    """Fail where the request inside changes something and leaves out one of the three."""
    writes = Writes()
    token = _writes.set(writes)
    try:
        yield
    finally:
        _writes.reset(token)
    missing = find_missing(app, writes)
    assert not missing, (
        f"{writes.endpoint} changes {', '.join(sorted(writes.tables - WORDS))} without "
        f"{', '.join(missing)}; see needs_no in webapp/core/security.py."
    )


def find_missing(app: APIFlask, writes: Writes) -> list[str]:
    """Which of "right", "audit" and "announcement" a change lacks and its view does not excuse."""
    changed = writes.tables - WORDS
    if not changed:
        return []
    view = app.view_functions[writes.endpoint]
    has = {
        "right": getattr(view, "required_permission", None) is not None,
        "audit": "audit_entries" in writes.tables,
        "announcement": changed <= UNFOLLOWED or bool(writes.feeds - {FEED}),
    }
    excused = getattr(view, "needs_no", {})
    return [word for word, is_there in has.items() if not is_there and word not in excused]


def _note_endpoint(_app: APIFlask, **_extra: Any) -> None:
    writes = _writes.get()
    if writes is not None and not writes.endpoint:  # a test's helper may ask for more within it
        writes.endpoint = request.endpoint or ""


def _note_statement(connection: Connection, cursor: Any, statement: str, *_others: Any) -> None:
    # SQLite counts the rows of RETURNING only when they are fetched.
    if _writes.get() is None or not (cursor.rowcount or "RETURNING" in statement):
        return
    for table, setting in _WRITE.findall(statement):
        columns = set(_COLUMN.findall(setting))
        if table in db.metadata.tables and not (columns and columns <= SEEN):
            connection.info.setdefault("tables", set()).add(table)


def _note_announcement(_mapper: Any, connection: Connection, announcement: Announcement) -> None:
    connection.info.setdefault("feeds", set()).add(announcement.feed)


def _note_commit(connection: Connection) -> None:
    tables, feeds = (connection.info.pop(name, set()) for name in ("tables", "feeds"))
    if (writes := _writes.get()) is not None:
        writes.tables |= tables
        writes.feeds |= feeds


def _forget(connection: Connection) -> None:
    if connection.invalidated:  # what was noted is gone with the connection
        return
    connection.info.pop("tables", None)
    connection.info.pop("feeds", None)
