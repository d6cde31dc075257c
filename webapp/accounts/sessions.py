"""Sessions: signing in and out, and the organization that one works in. (Accounts' services.)"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import contains_eager, joinedload

from webapp.accounts import changes, passwords, services
from webapp.accounts.models import Membership, Session, User
from webapp.audit import services as audit
from webapp.audit.refusals import SIGN_IN, Refusal
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.database.transactions import unless_busy
from webapp.core.errors import NotFound, Unauthenticated
from webapp.core.extensions import db

SEEN_EVERY = timedelta(minutes=1)


def sign_in(
    email: str, password: str, *, address: str, user_agent: str, invitation: str = ""
) -> Session:
    """Open a session where the person worked last; the refusal never says what was wrong.

    Who belongs nowhere (any more) joins an organization that has added them, with the password
    that they were added with: their own where it made the account, else `invitation`.
    """
    user = services.find_user(email)
    fits = passwords.verify(user.password_hash if user else None, password)
    membership = _choose_membership(user, invitation or password) if user and fits else None
    if membership is None:
        db.session.rollback()
        if user and fits and any(known.invitation_hash for known in user.invitations):
            raise Unauthenticated(
                "An organization has added you. Give the password that its admin passed on, too.",
                code="invitation_needed",
                field="invitation",
            )
        raise Unauthenticated(
            "E-mail or password is wrong.",
            code="bad_credentials",
            suggestions=["Ask an admin of your organization if you have forgotten it."],
        )
    session = changes.add_session(membership, address=address, user_agent=user_agent)
    db.session.commit()
    return session


def find_refusals(email: str, reason: str, *, address: str, request_id: str) -> Iterator[Refusal]:
    """What is noted of a refused sign-in, for each organization that the person has joined."""
    user = services.find_user(email)
    for membership in user.open_memberships if user else ():
        actor = replace(membership.actor, request_id=request_id)
        yield Refusal(actor, SIGN_IN, "user", str(actor.user_id), actor.name, reason, address)


def open_session(session_id: UUID) -> Session | None:
    """The session if it is still good; remembers at most once a minute that it was seen.

    Where too much is being written, a later request remembers it.
    """
    statement = (
        select(Session)
        .where(Session.id == session_id)
        # With what the frame of every page shows: the person, and the organizations to switch to.
        .options(
            joinedload(Session.membership)
            .joinedload(Membership.user)
            .joinedload(User.memberships)
            .joinedload(Membership.organization)
        )
    )
    session = db.session.scalars(statement).unique().one_or_none()
    now = clock.now()
    if session is None or not session.is_open(now):
        return None
    # A clock that was ahead has dated it later than now: no session lives longer by that.
    if abs(now - session.last_seen_at) > SEEN_EVERY:
        with unless_busy():
            session.last_seen_at = session.membership.last_seen_at = now
    return session


def list_sessions(*, actor: Actor) -> list[Session]:
    """The actor's own open sessions, newest first."""
    statement = (
        select(Session)
        .join(Session.membership)
        .where(Membership.user_id == actor.user_id, Session.revoked_at.is_(None))
        .options(contains_eager(Session.membership))
        .order_by(Session.last_seen_at.desc())
        .limit(100)
    )
    now = clock.now()
    return [session for session in db.session.scalars(statement) if session.is_open(now)]


def switch_organization(organization_id: UUID, *, actor: Actor) -> Membership:
    """Let the actor's session work in another organization that they belong to."""
    actor.require_person()
    session = db.session.get_one(Session, actor.session_id)
    memberships = [
        membership
        for membership in session.membership.user.open_memberships
        if membership.organization_id == organization_id
    ]
    if not memberships:
        raise NotFound(f"Organization not found: {organization_id}")
    changes.move_session(session.id, memberships[0])
    db.session.commit()
    return memberships[0]


def revoke_session(session_id: UUID, *, actor: Actor) -> None:
    """Sign one of the actor's browsers out, at once."""
    actor.require_person()
    session = db.session.get(Session, session_id)
    if session is None or session.membership.user_id != actor.user_id:
        raise NotFound(f"Session not found: {session_id}")
    session.revoked_at = session.revoked_at or clock.now()
    audit.record(actor, "sign_out", session.membership.user)
    db.session.commit()


def revoke_other_sessions(*, actor: Actor) -> int:
    """Sign out all of the actor's browsers but this one; answers how many."""
    actor.require_person()
    user = services.get_member(actor.user_id, actor=actor).user
    count = changes.end_sessions(user, keep=actor.session_id)
    if count:
        audit.record(actor, "sign_out_others", user, count=count)
    db.session.commit()
    return count


def _choose_membership(user: User, password: str) -> Membership | None:
    memberships = user.open_memberships
    if memberships:
        seen = [(known.last_seen_at, known) for known in memberships if known.last_seen_at]
        return max(seen, key=lambda pair: pair[0])[1] if seen else memberships[0]
    for invitation in user.invitations:
        if passwords.verify(invitation.invitation_hash, password):
            invitation.join(clock.now())
            audit.record(invitation.actor, "join", invitation)
            return invitation
    return None
