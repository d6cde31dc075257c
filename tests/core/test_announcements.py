"""What is announced is read once, however long its transaction was open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from apiflask import APIFlask
from sqlalchemy import Connection, delete, func, insert, select

from webapp.core import clock, live
from webapp.core.extensions import db
from webapp.core.live.announcements import Announcement, Tail

ACME = uuid4()


@pytest.fixture
def tail(app: APIFlask) -> Iterator[Tail]:
    tail = Tail(app)
    tail.start()
    yield tail
    tail.close()


def read(tail: Tail) -> set[tuple[UUID, str]]:
    """What the next look finds that finds anything."""
    for _ in range(600):
        if found := tail.wait(is_wanted=True):
            return found
    raise AssertionError("Nothing was announced.")


def announce(connection: Connection, feed: str) -> None:
    """An announcement of a transaction that is old when it commits."""
    created_at = clock.now() - timedelta(minutes=5)
    values = {"feed": feed, "organization_id": ACME, "created_at": created_at}
    connection.execute(insert(Announcement).values(values))


def test_an_announcement_is_read_once_after_its_commit(tail: Tail) -> None:
    live.announce("agent:1", ACME)
    live.announce("agent:1", ACME)
    live.announce("agents:all", ACME)
    db.session.commit()
    assert read(tail) == {(ACME, "agent:1"), (ACME, "agents:all")}
    assert tail.wait(is_wanted=True) == set()


def test_what_is_rolled_back_is_not_announced(tail: Tail) -> None:
    live.announce("agent:1", ACME)
    db.session.flush()
    db.session.rollback()
    live.announce("agent:2", ACME)
    db.session.commit()
    assert read(tail) == {(ACME, "agent:2")}


def test_each_organization_is_told_and_each_once(tail: Tail) -> None:
    other = uuid4()
    for organization_id in (ACME, other, ACME, other):
        live.announce("audit:all", organization_id)
        db.session.flush()
    db.session.commit()
    assert read(tail) == {(ACME, "audit:all"), (other, "audit:all")}
    assert db.session.scalar(select(func.count()).select_from(Announcement)) == 2


def test_what_was_announced_is_announced_again_in_the_next_transaction(tail: Tail) -> None:
    live.announce("agent:1", ACME)
    db.session.rollback()
    for _ in range(2):
        live.announce("agent:1", ACME)
        db.session.commit()
        assert read(tail) == {(ACME, "agent:1")}


def test_what_goes_with_a_savepoint_is_announced_after_it(tail: Tail) -> None:
    savepoint = db.session.begin_nested()
    live.announce("agent:1", ACME)
    savepoint.rollback()
    live.announce("agent:1", ACME)
    db.session.commit()
    assert read(tail) == {(ACME, "agent:1")}


def test_announcements_do_not_look_through_what_is_new(tail: Tail) -> None:
    """An import of thousands announces with all its rows unwritten."""
    looks = 0

    class Feed(str):
        def __eq__(self, other: object) -> bool:
            nonlocal looks
            looks += 1
            return super().__eq__(other)

        __hash__ = str.__hash__

    for number in range(100):
        live.announce(Feed(f"agent:{number}"), ACME)
    assert looks < 100
    db.session.rollback()


def test_what_nobody_wants_is_read_when_somebody_does(tail: Tail) -> None:
    live.announce("agent:1", ACME)
    db.session.commit()
    assert tail.wait(is_wanted=False) == set()
    live.announce("agent:2", ACME)
    db.session.commit()
    assert read(tail) == {(ACME, "agent:1"), (ACME, "agent:2")}


def test_an_old_announcement_that_is_committed_now_is_new(tail: Tail) -> None:
    with db.engine.begin() as connection:
        announce(connection, "agent:1")
    assert read(tail) == {(ACME, "agent:1")}


def test_a_transaction_that_stays_open_loses_nothing(tail: Tail) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time.")
    with db.engine.begin() as slow:
        announce(slow, "agent:slow")
        # Ids and commits in another order, and more than one look meanwhile.
        for feed in ("agent:1", "agent:2"):
            with db.engine.begin() as quick:
                announce(quick, feed)
            assert read(tail) == {(ACME, feed)}
    assert read(tail) == {(ACME, "agent:slow")}
    with db.engine.begin() as connection:
        announce(connection, "agent:3")
    assert read(tail) == {(ACME, "agent:3")}


def test_announcements_that_were_deleted_do_not_hide_new_ones(tail: Tail) -> None:
    for feed in ("agent:1", "agent:2"):
        with db.engine.begin() as connection:
            announce(connection, feed)
        assert read(tail) == {(ACME, feed)}
        with db.engine.begin() as connection:
            connection.execute(delete(Announcement))


def test_a_connection_that_breaks_is_made_again(tail: Tail) -> None:
    assert tail._connection is not None
    raw: Any = tail._connection.connection.driver_connection
    raw.close()
    live.announce("agent:1", ACME)
    db.session.commit()
    assert read(tail) == {(ACME, "agent:1")}
