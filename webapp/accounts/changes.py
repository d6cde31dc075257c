"""Organizations, keys and sessions that come with something else; nothing here commits."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from webapp.accounts import passwords
from webapp.accounts.models import ApiKey, Membership, Organization, Session, User, checked_name
from webapp.audit import services as audit
from webapp.core import clock
from webapp.core.actor import Actor, Role
from webapp.core.database.transactions import lock_name
from webapp.core.extensions import db


def add_organization(
    name: str, *, email: str, password: str | None, api_key: str | None = None
) -> Membership:
    """Make an organization with its first admin, and a first key where its secret is given.

    Raises Invalid on a bad name, e-mail, password or key.
    """
    name = checked_name(name)
    email = passwords.checked_email(email)
    lock_name(f"email:{email}")
    known = db.session.scalar(select(User).where(User.email == email))
    user = known or User(email=email, password_hash=passwords.hash_new(password or "", email=email))
    membership = Membership(
        organization=Organization(name=name), user=user, role=Role.ADMIN, joined_at=clock.now()
    )
    db.session.add(membership)
    db.session.flush()
    audit.record(membership.actor, "create", membership.organization)
    if api_key:
        add_key(membership, "First key", secret=api_key, actor=membership.actor)
    return membership


def add_key(
    membership: Membership,
    name: str,
    *,
    secret: str,
    actor: Actor,
    role: Role | None = None,
    expires_at: datetime | None = None,
) -> ApiKey:
    """Make a key of the member's; its role is the actor's where none is given.

    Raises Invalid on a secret that is none.
    """
    role = role or actor.role
    key = ApiKey(
        membership=membership, name=name.strip() or "API key", role=role, expires_at=expires_at
    )
    key.set_secret(secret)
    db.session.add(key)
    db.session.flush()
    audit.record(actor, "create", key, role=role)
    return key


def add_session(membership: Membership, *, address: str, user_agent: str) -> Session:
    """Sign a member in: a session in the organization of this membership."""
    session = Session(membership=membership, address=address[:64], user_agent=user_agent[:255])
    membership.last_seen_at = clock.now()
    db.session.add(session)
    db.session.flush()
    audit.record(membership.actor, "sign_in", membership.user)
    return session


def end_sessions(user: User, *, keep: UUID | None = None) -> int:
    """End all of a person's sessions but one; answers how many were still open."""
    statement = (
        select(Session)
        .join(Session.membership)
        .where(Membership.user_id == user.id, Session.revoked_at.is_(None), Session.id != keep)
    )
    ended = db.session.scalars(statement).all()
    for session in ended:
        session.revoked_at = clock.now()
    return len(ended)


def move_session(session_id: UUID, membership: Membership) -> None:
    """Let a session work in another organization of its person's."""
    session = db.session.get_one(Session, session_id)
    session.membership = membership
    membership.last_seen_at = clock.now()
    audit.record(membership.actor, "sign_in", membership.user)
