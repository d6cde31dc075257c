"""Logs: each row is sent once, as soon as it is visible, and bounded per push."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import Connection, insert, select

from tests.cast import Cast
from tests.factories import make_agent
from tests.follower import Follower
from webapp.audit import services as audit
from webapp.audit.models import AuditEntry
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.core.live.logs import LIMIT, OVERLAP, SETTLE_SECONDS, Reader

PATH = "/ws/live?feed=audit:all"


def read(_item_id: str, actor: Actor, after: int, limit: int) -> Sequence[AuditEntry]:
    return audit.entries_after(after, actor.organization_id, limit=limit)


LOG = live.Log(
    "audit", lambda _id, actor: audit.latest_id(actor.organization_id), read, lambda _rows, _a: ""
)


def write(connection: Connection, actor: Actor, name: str) -> int:
    """A row of the audit, in a transaction of its own choosing."""
    values = {
        "organization_id": actor.organization_id, "actor_kind": "user", "actor_name": "x",
        "action": "create", "subject_type": "agent", "subject_id": str(uuid4()),
        "subject_name": name, "detail": {}, "created_at": clock.now() - timedelta(days=1),
    }  # fmt: skip
    statement = insert(AuditEntry).values(values).returning(AuditEntry.id)
    return int(connection.scalar(statement) or 0)


def add(actor: Actor, count: int = 1) -> list[int]:
    with db.engine.begin() as connection:
        return [write(connection, actor, f"Agent {number}") for number in range(count)]


def ids(rows: Sequence[Any]) -> list[int]:
    return [row.id for row in rows]


def test_each_row_is_read_once(alice: Actor, charlie: Actor) -> None:
    reader = Reader(LOG, "all", alice)
    assert reader.read(alice) == []
    known = add(alice, 3)
    add(charlie)
    assert ids(reader.read(alice)) == known
    assert reader.read(alice) == []
    known = add(alice)
    assert ids(reader.read(alice)) == known


def test_many_rows_are_read_a_part_at_a_time(alice: Actor) -> None:
    reader = Reader(LOG, "all", alice)
    known = add(alice, 2 * LIMIT + 5)
    for part in (known[:LIMIT], known[LIMIT : 2 * LIMIT], known[2 * LIMIT :], []):
        assert ids(reader.read(alice)) == part


def test_a_row_that_is_committed_after_newer_ones_is_read_too(
    alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time.")
    monkeypatch.setattr("webapp.core.live.logs.SETTLE_SECONDS", 0.0)
    reader = Reader(LOG, "all", alice)
    with db.engine.begin() as slow:
        late = write(slow, alice, "late")
        for _ in range(3):
            newer = add(alice, 2 * OVERLAP)
            assert ids(reader.read(alice)) == newer
            db.session.rollback()
    assert ids(reader.read(alice)) == [late]
    db.session.rollback()
    newer = add(alice)
    assert ids(reader.read(alice)) == newer


def test_what_is_settled_is_not_kept_in_mind(alice: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    assert SETTLE_SECONDS < 10
    monkeypatch.setattr("webapp.core.live.logs.SETTLE_SECONDS", 0.0)
    reader = Reader(LOG, "all", alice)
    for _ in range(5):
        add(alice, 20)
        reader.read(alice)
        db.session.rollback()
    assert len(reader._returned) <= 40


# As a page meets them


def entries(frame: str) -> list[int]:
    parsed = LexborHTMLParser(frame)
    assert parsed.css_first("hx-partial").attributes["hx-target"] == "#activity-list"
    return [int(str(row.attributes["data-row"])) for row in parsed.css("[data-row]")]


def newest(actor: Actor) -> int:
    db.session.rollback()
    return audit.latest_id(actor.organization_id)


def test_a_page_is_sent_what_follows_its_last_row(
    cast: Cast, alice: Actor, connect: Callable[..., Follower]
) -> None:
    add(alice, 2 * OVERLAP)
    known = newest(alice)
    make_agent(alice, name="Fresh")
    follower = connect("vera", PATH)
    follower.send({"feed": "audit:all", "after": known})
    sent = entries(follower.receive())
    # Newest first, as on the page; of the rows that it has, only those that may have come late.
    assert sent == sorted(sent, reverse=True)
    # Making Vera's key was an entry too.
    assert [row for row in sent if row > known] == [newest(alice), newest(alice) - 1]
    assert all(row > known - OVERLAP for row in sent)
    make_agent(alice, name="Fresher")
    while (sent := entries(follower.receive()))[0] != newest(alice):
        pass
    assert len(sent) <= 2


def test_a_page_that_is_far_behind_is_sent_a_part_at_a_time(
    cast: Cast, alice: Actor, connect: Callable[..., Follower]
) -> None:
    add(alice, 2 * LIMIT + 10)
    statement = select(AuditEntry.id).where(AuditEntry.organization_id == alice.organization_id)
    follower = connect("vera", PATH)
    # Making Vera's key is an entry too.
    known = sorted(db.session.scalars(statement))
    follower.send({"feed": "audit:all", "after": 0})
    found: list[int] = []
    while len(found) < len(known):
        part = entries(follower.receive())
        assert len(part) <= LIMIT
        found += reversed(part)
    assert found == known


def test_many_rows_at_once_are_all_sent(
    cast: Cast, alice: Actor, connect: Callable[..., Follower]
) -> None:
    follower = connect("vera", PATH)
    follower.send({"feed": "audit:all", "after": 0})
    follower.receive()  # from here on it is sent what is announced
    known = add(alice, 2 * LIMIT + 10)
    live.announce("audit:all", alice.organization_id)
    db.session.commit()
    found: list[int] = []
    while len(found) < len(known):
        found += reversed(entries(follower.receive()))
    assert found == known


def test_a_log_shows_nothing_of_another_organization(
    cast: Cast, alice: Actor, charlie: Actor, connect: Callable[..., Follower]
) -> None:
    make_agent(alice, name="Secret")
    follower = connect("charlie", PATH)
    follower.send({"feed": "audit:all", "after": 0})
    frame = follower.receive()
    assert "Secret" not in frame
    make_agent(alice, name="Secret too")
    make_agent(charlie, name="Own")
    while "Own" not in (frame := follower.receive()):
        assert "Secret" not in frame
    assert "Secret" not in frame


@pytest.mark.parametrize(
    "message",
    ["nonsense", {"feed": "audit:all"}, {"feed": "audit:all", "after": -1},
     {"feed": "audit:all", "after": True}, {"feed": 1, "after": 1},
     {"feed": "audit:all", "after": 2**63}, {"feed": "audit:all", "after": 1, "more": 1}],
)  # fmt: skip
def test_a_position_that_is_none_closes_the_socket(
    cast: Cast, connect: Callable[..., Follower], message: Any
) -> None:
    follower = connect("vera", PATH)
    follower.send(message)
    assert follower.receive() == ""
    assert follower.goodbye == (1007, 'Send {"feed", "after"}.')


def test_a_log_that_a_page_does_not_follow_is_not_sent(
    cast: Cast, alice: Actor, connect: Callable[..., Follower]
) -> None:
    follower = connect("vera", "/ws/live?feed=agents:all")
    assert "agents-revision" in follower.receive()
    for name in ("audit:all", "agents:all", "nothing:all"):
        follower.send({"feed": name, "after": 0})
    make_agent(alice)
    assert "agents-revision" in follower.receive()
