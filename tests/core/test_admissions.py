"""Nobody stays connected whose session or key is no longer good, and who goes is told why."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from socket import socket, socketpair

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection

from tests.cast import PASSWORD, Cast
from tests.statements import noted
from webapp.accounts import keys, services, sessions
from webapp.accounts.models import SESSION_LIFETIME, ApiKey, Membership, Session
from webapp.agents.permissions import AGENTS_READ, EXECUTIONS_RUN
from webapp.core import clock
from webapp.core.actor import Actor, Permission, Role
from webapp.core.extensions import db
from webapp.core.live.admissions import CHECK_SECONDS, Admissions
from webapp.core.live.connections import EventStream, WebSocket, loop


@pytest.fixture
def admissions(cast: Cast) -> Admissions:
    return Admissions(cast.app)


@pytest.fixture
def peer() -> Iterator[socket]:
    """The other end of what `connect` connects."""
    _, theirs = PAIR[:] = socketpair()
    theirs.settimeout(30)
    yield theirs
    theirs.close()


PAIR: list[socket] = []


def connect(admissions: Admissions, actor: Actor, needed: Permission = AGENTS_READ) -> WebSocket:
    opened = WebSocket(b"", lambda _socket, _text: None, admissions.leave)
    admissions.admit(opened, actor, needed)
    loop.add(opened, PAIR[0])
    return opened


def sign_in(name: str) -> Actor:
    opened = sessions.sign_in(f"{name}@example.com", PASSWORD, address="", user_agent="")
    return replace(opened.membership.actor, session_id=opened.id)


def make_key(cast: Cast, name: str) -> Actor:
    row, _ = keys.create_key("robot", actor=cast.actor(name))
    return replace(cast.actor(name), api_key_id=row.id)


def goodbye(peer: socket) -> tuple[int, str | None]:
    """The code and reason of the close frame that ends a connection."""
    client = Connection(ConnectionType.CLIENT)
    while content := peer.recv(65536):
        client.receive_data(content)
    (closing,) = [found for found in client.events() if isinstance(found, CloseConnection)]
    return int(closing.code), closing.reason


def sign_out(cast: Cast, actor: Actor) -> None:
    sessions.revoke_session(actor.session_id, actor=actor)  # type: ignore[arg-type]  # a session


def shut_out(cast: Cast, actor: Actor) -> None:
    services.update_member(cast.user("bob").id, is_active=False, actor=cast.actor("alice"))


def grow_old(cast: Cast, actor: Actor) -> None:
    db.session.query(Session).update({"last_seen_at": clock.now() - SESSION_LIFETIME})
    db.session.query(ApiKey).update({"expires_at": clock.now() - timedelta(seconds=1)})
    db.session.commit()


@pytest.mark.parametrize("end", [sign_out, shut_out, grow_old])
def test_a_socket_ends_with_its_session(
    cast: Cast, admissions: Admissions, peer: socket, end: Callable[[Cast, Actor], None]
) -> None:
    actor = sign_in("bob")
    connect(admissions, actor)
    end(cast, actor)
    # Nobody has announced or asked anything: the admissions look for themselves.
    assert goodbye(peer) == (1008, "The session has ended.")
    assert len(admissions) == 0
    assert CHECK_SECONDS < 5


def test_a_socket_ends_with_its_key(cast: Cast, admissions: Admissions, peer: socket) -> None:
    connect(admissions, make_key(cast, "bob"))
    grow_old(cast, cast.actor("bob"))
    assert goodbye(peer) == (1008, "The API key is no longer valid.")


def test_a_socket_ends_whose_role_is_no_longer_enough(
    cast: Cast, admissions: Admissions, peer: socket
) -> None:
    connect(admissions, sign_in("bob"), EXECUTIONS_RUN)
    services.update_member(cast.user("bob").id, role=Role.VIEWER, actor=cast.actor("alice"))
    assert goodbye(peer) == (1008, "Your role is viewer now, which may not follow this.")


def test_a_socket_ends_whose_session_goes_on_in_another_organization(
    cast: Cast, admissions: Admissions, peer: socket
) -> None:
    actor = sign_in("bob")
    connect(admissions, actor)
    other = cast.actor("charlie").organization_id
    joined = Membership(
        user_id=actor.user_id, organization_id=other, role=Role.ADMIN, joined_at=clock.now()
    )
    db.session.add(joined)
    db.session.commit()
    db.session.expire_all()
    sessions.switch_organization(other, actor=actor)
    assert goodbye(peer) == (1008, "You are in another organization now.")


def test_a_stream_ends_with_an_event_that_says_why(
    cast: Cast, admissions: Admissions, peer: socket
) -> None:
    actor = sign_in("bob")
    stream = EventStream(on_close=admissions.leave)
    admissions.admit(stream, actor, EXECUTIONS_RUN)
    loop.add(stream, PAIR[0])
    sign_out(cast, actor)
    received = b""
    while content := peer.recv(65536):
        received += content
    assert received.endswith(b"0\r\n\r\n")
    told = json.loads(received.split(b"data: ")[1].split(b"\n\n")[0])
    assert (told["status"], told["code"], told["status_code"]) == ("error", "unauthenticated", 401)
    assert told["detail"] == "The session has ended."


def test_who_stays_is_asked_for_once_for_all(cast: Cast, admissions: Admissions) -> None:
    people = [sign_in("bob"), sign_in("vera"), make_key(cast, "alice"), sign_in("charlie")]
    pairs = [socketpair() for _ in range(3 * len(people))]
    for number, (ours, _) in enumerate(pairs):
        PAIR[:] = [ours]
        connect(admissions, people[number % len(people)])
    with noted() as statements:
        present = admissions.renew(list(admissions._admitted))
    assert len(statements) == 1
    assert sorted(actor.role for actor in present.values()) == sorted(
        3 * [Role.MEMBER, Role.VIEWER, Role.ADMIN, Role.ADMIN]
    )
    for _, theirs in pairs:
        theirs.close()
