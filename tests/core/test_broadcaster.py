"""A push costs the same for few and for many, and shows nobody what is not theirs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import event

from tests.cast import Cast
from tests.factories import make_agent
from tests.follower import Follower
from tests.server import eventually
from webapp.audit import services as audit
from webapp.core import live
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.core.live.broadcaster import Broadcaster

PATH = "/ws/live?feed=agents:all"


@contextmanager
def asked_by_pushes() -> Iterator[list[str]]:
    """What the broadcaster asks the database inside."""
    statements: list[str] = []

    def note(*arguments: object) -> None:
        if threading.current_thread().name == "broadcaster":
            statements.append(str(arguments[2]))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def statements_of_a_push(alice: Actor, followers: list[Follower]) -> list[str]:
    """What the broadcaster asks the database until all have been told of a change."""
    with asked_by_pushes() as statements:
        make_agent(alice)
        texts = {follower.receive() for follower in followers}
    assert len(texts) == 1
    assert "agents-revision" in texts.pop()
    return statements


def test_a_push_asks_once_for_all_rights_and_draws_once(
    cast: Cast, alice: Actor, connect: Callable[..., Follower]
) -> None:
    followers = [connect("vera", PATH) for _ in range(3)]
    first = {follower.receive() for follower in followers}
    assert all("agents-revision" in text for text in first)
    few = statements_of_a_push(alice, followers)
    more = [connect("vera", PATH) for _ in range(30)]
    for follower in more:
        follower.receive()
    many = statements_of_a_push(alice, followers + more)
    assert len(many) == len(few)
    assert len([text for text in many if "api_keys" in text]) == 1


def test_a_first_state_asks_for_no_rights_that_its_request_has_asked_for(
    connect: Callable[..., Follower],
) -> None:
    with asked_by_pushes() as statements:
        assert "agents-revision" in connect("vera", PATH).receive()
    assert statements
    assert not [text for text in statements if "api_keys" in text]


def test_what_cannot_be_drawn_keeps_nobody_else_waiting(
    cast: Cast, alice: Actor, connect: Callable[..., Follower]
) -> None:
    agent = make_agent(alice, handle="helper")
    stranger = connect("charlie", f"/ws/live?feed=agent:{agent.id}&feed=agents:all&feed=no:all")
    owner = connect("vera", f"/ws/live?feed=agent:{agent.id}&feed=agents:all")
    assert "agents-revision" in stranger.receive()
    assert "agent-state" in owner.receive()
    assert "agents-revision" in owner.receive()
    live.announce(f"agent:{agent.id}", alice.organization_id)
    db.session.commit()
    assert "agent-state" in owner.receive()
    # The stranger has been told of nothing meanwhile: its next frame is of its own organization.
    make_agent(cast.actor("charlie"))
    assert "agents-revision" in stranger.receive()


def test_a_change_is_pushed_to_its_organization_only(
    cast: Cast, alice: Actor, connect: Callable[..., Follower]
) -> None:
    theirs, ours = connect("charlie", PATH), connect("vera", PATH)
    before = theirs.receive(), ours.receive()
    make_agent(alice)
    assert ours.receive() != before[1]
    theirs.expect_nothing()


def test_who_follows_the_same_is_told_on_when_another_leaves(
    cast: Cast, alice: Actor, connect: Callable[..., Follower]
) -> None:
    broadcaster: Broadcaster = cast.app.extensions["callboard-broadcaster"]
    stays, leaves, member = connect("vera", PATH), connect("vera", PATH), connect("bob", PATH)
    for follower in (stays, leaves, member):
        follower.receive()
    assert len(broadcaster._followers) == 1
    leaves.close()
    eventually(lambda: len(broadcaster._follows) == 2)
    make_agent(alice)
    assert "agents-revision" in stays.receive()
    assert "agents-revision" in member.receive()
    stays.close()
    member.close()
    eventually(lambda: not broadcaster._follows)
    assert not broadcaster._followers
    # Names come from outside: what nobody follows any more must not be kept.
    assert not broadcaster._sources


def test_two_organizations_in_one_push_are_shown_their_own(
    cast: Cast, alice: Actor, charlie: Actor, connect: Callable[..., Follower]
) -> None:
    # Of the same role, so that nothing but the organization tells them apart.
    followers = {connect("alice", PATH): alice, connect("charlie", PATH): charlie}
    for follower in followers:
        follower.receive()
    for actor in followers.values():
        live.announce("agents:all", actor.organization_id)
    db.session.commit()
    for follower, actor in followers.items():
        revision = audit.latest_id(actor.organization_id)
        assert f'data-revision="{revision}"' in follower.receive()


@contextmanager
def held_push() -> Iterator[tuple[threading.Event, threading.Event]]:
    """Keep the broadcaster in the middle of its next push: that it is there, and may go on."""
    is_there, may_go_on = threading.Event(), threading.Event()

    def hold(*_arguments: object) -> None:
        if threading.current_thread().name == "broadcaster":
            is_there.set()
            may_go_on.wait(60)

    event.listen(db.engine, "before_cursor_execute", hold)
    try:
        yield is_there, may_go_on
    finally:
        may_go_on.set()
        event.remove(db.engine, "before_cursor_execute", hold)


def test_all_that_happens_during_a_push_is_told_by_the_next(
    cast: Cast, alice: Actor, connect: Callable[..., Follower]
) -> None:
    broadcaster: Broadcaster = cast.app.extensions["callboard-broadcaster"]
    names = [f"agent:{make_agent(alice).id}" for _ in range(3)]
    path = "/ws/live?feed=" + "&feed=".join(names)
    follower = connect("vera", path)
    first = {follower.receive() for _ in names}
    with held_push() as (is_there, may_go_on):
        for name in names:
            live.announce(name, alice.organization_id)
            db.session.commit()
            assert is_there.wait(60)
            change = (alice.organization_id, name)
            if name != names[0]:
                eventually(lambda change=change: change in broadcaster._work.changed)
        # Who comes meanwhile takes nothing from who was there.
        newcomer = connect("bob", path)
        eventually(lambda: broadcaster._work.newcomers)
        may_go_on.set()
        # That the agents were made may be told once more.
        left = set(first)
        while left:
            left.discard(follower.receive())
        assert all("agent-state" in newcomer.receive() for _ in names)
