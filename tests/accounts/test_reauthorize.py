"""What sockets and streams ask again: is this way in still open, and what may it do now?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tests.cast import PASSWORD, Cast
from tests.statements import noted
from webapp.accounts import identity, keys, services, sessions
from webapp.accounts.models import SESSION_LIFETIME, ApiKey, Session
from webapp.agents.permissions import AGENTS_READ
from webapp.core import clock
from webapp.core.actor import Actor, Role
from webapp.core.extensions import db
from webapp.core.live.admissions import Admissions
from webapp.core.live.connections import WebSocket


def make_session(name: str) -> UUID:
    opened = sessions.sign_in(f"{name}@example.com", PASSWORD, address="", user_agent="")
    return opened.id


def make_key(cast: Cast, name: str, role: Role | None = None) -> UUID:
    return keys.create_key("robot", role=role, actor=cast.actor(name))[0].id


def actor_of(cast: Cast, name: str, **credential: UUID) -> Actor:
    return replace(cast.actor(name), request_id="mine", **credential)


def test_many_are_asked_with_one_query(cast: Cast) -> None:
    ours = cast.actor("alice").organization_id
    theirs = cast.actor("charlie").organization_id
    ids = {
        make_session("alice"): (ours, Role.ADMIN),
        make_session("alice"): (ours, Role.ADMIN),  # who have the same come in one row
        make_session("vera"): (ours, Role.VIEWER),
        make_session("bob"): (ours, Role.MEMBER),
        make_session("charlie"): (theirs, Role.ADMIN),
        make_key(cast, "bob"): (ours, Role.MEMBER),
        make_key(cast, "bob", Role.VIEWER): (ours, Role.VIEWER),
        make_key(cast, "alice", Role.VIEWER): (ours, Role.VIEWER),
    }
    with noted() as statements:
        rights = identity.rights_of_many([key.hex for key in (*ids, uuid4())])
    assert len(statements) == 1
    assert rights == {key.hex: expected for key, expected in ids.items()}
    assert identity.rights_of_many([]) == {}


def test_more_are_asked_than_a_statement_has_parameters(cast: Cast) -> None:
    bob = make_session("bob")
    rights = identity.rights_of_many([*(uuid4().hex for _ in range(40_000)), bob.hex])
    assert rights == {bob.hex: (cast.actor("bob").organization_id, Role.MEMBER)}


def shut_out(cast: Cast) -> None:
    services.update_member(cast.user("bob").id, is_active=False, actor=cast.actor("alice"))


def revoke(_cast: Cast) -> None:
    for row in (*db.session.query(Session), *db.session.query(ApiKey)):
        row.revoked_at = clock.now()
    db.session.commit()


def grow_old(_cast: Cast) -> None:
    for opened in db.session.query(Session):
        opened.last_seen_at = clock.now() - SESSION_LIFETIME
    for key in db.session.query(ApiKey):
        key.expires_at = clock.now()
    db.session.commit()


def renewed(cast: Cast, actors: Sequence[Actor]) -> list[Actor | None]:
    """What becomes of the actors of connections; None of those that may not stay."""
    admissions = Admissions(cast.app)
    peers = [WebSocket(b"", lambda _socket, _text: None, admissions.leave) for _ in actors]
    for peer, actor in zip(peers, actors, strict=True):
        admissions.admit(peer, actor, AGENTS_READ)
    present = admissions.renew(peers)
    for peer in peers:
        admissions.leave(peer)
    return [present.get(peer) for peer in peers]


@pytest.mark.parametrize("end", [shut_out, revoke, grow_old])
def test_what_has_been_closed_is_missing(cast: Cast, end: Callable[[Cast], None]) -> None:
    opened, key = make_session("bob"), make_key(cast, "bob")
    actors = [actor_of(cast, "bob", session_id=opened), actor_of(cast, "bob", api_key_id=key)]
    digits = [opened.hex, key.hex]
    assert set(identity.rights_of_many(digits)) == set(digits)
    assert renewed(cast, actors) == actors
    end(cast)
    assert identity.rights_of_many(digits) == {}
    assert renewed(cast, actors) == [None, None]


def test_a_key_that_expires_later_is_good_until_then(cast: Cast) -> None:
    soon = clock.now() + timedelta(minutes=1)
    row, _ = keys.create_key("robot", expires_at=soon, actor=cast.actor("bob"))
    assert row.id.hex in identity.rights_of_many([row.id.hex])


def test_a_change_of_role_counts_at_once_and_the_request_stays_the_same(cast: Cast) -> None:
    before = [
        actor_of(cast, "bob", session_id=make_session("bob")),
        actor_of(cast, "bob", api_key_id=make_key(cast, "bob")),
    ]
    services.update_member(cast.user("bob").id, role=Role.VIEWER, actor=cast.actor("alice"))
    assert renewed(cast, before) == [replace(actor, role=Role.VIEWER) for actor in before]


def test_who_came_in_by_neither_is_let_in_no_more(cast: Cast) -> None:
    assert renewed(cast, [cast.actor("alice")]) == [None]
