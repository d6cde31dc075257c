"""New passwords: changed by oneself, by a one-time link of an admin, or by the operator.

A part of the accounts' services. Whichever way it was, the person's other sessions end.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete, select

from webapp.accounts import changes, passwords, services
from webapp.accounts.models import LINK_LIFETIME, Membership, PasswordLink, User
from webapp.accounts.permissions import MEMBERS_WRITE
from webapp.accounts.tokens import hash_token, make_token
from webapp.audit import services as audit
from webapp.core import clock
from webapp.core.actor import Actor, Role
from webapp.core.database.transactions import get_locked, lock_name
from webapp.core.errors import Conflict, Forbidden, Invalid, NotFound
from webapp.core.extensions import db


def change_password(current: str, password: str, *, actor: Actor) -> None:
    """Give oneself another password; all of one's sessions but this one end.

    Raises Invalid where `current` is not the password, or the new one is too weak.
    """
    actor.require_person()
    user = services.get_member(actor.user_id, actor=actor).user
    if not passwords.verify(user.password_hash, current):
        raise Invalid("This is not your password.", code="bad_credentials", field="current")
    _set(user, password, keep=actor.session_id)
    audit.record(actor, "change_password", user)
    db.session.commit()


def make_link(user_id: UUID, *, actor: Actor) -> tuple[PasswordLink, str]:
    """A link for a member who has forgotten their password, and its token, shown this once.

    It replaces an earlier one. Raises Conflict for who has not joined yet, Forbidden for who
    belongs to another organization too: an admin of one must not get into the other.
    """
    actor.require(MEMBERS_WRITE)
    actor.require_lasting()
    member = services.get_member(user_id, actor=actor, lock=True)
    if member.joined_at is None:
        db.session.rollback()
        raise Conflict(
            f"{member.email} has not joined yet.",
            code="not_joined",
            suggestions=["Make a new invitation link for them under Members."],
        )
    if _places_of(user_id) != [actor.organization_id]:
        db.session.rollback()
        raise Forbidden(
            f"{member.email} belongs to another organization as well.",
            code="belongs_elsewhere",
            suggestions=["Only they themselves or the operator of Callboard can change it."],
        )
    token = make_token()
    db.session.execute(delete(PasswordLink).where(PasswordLink.user_id == user_id))
    link = PasswordLink(
        user=member.user,
        organization_id=actor.organization_id,
        token_hash=hash_token(token),
        expires_at=clock.now() + LINK_LIFETIME,
    )
    db.session.add(link)
    audit.record(actor, "password_link", member)
    db.session.commit()
    return link, token


def find_link(token: str, *, lock: bool = False) -> PasswordLink:
    """The link with this token; raises NotFound where it was used, replaced or has expired.

    Nor is it good for who has joined another organization since, or has left the one of the link.
    """
    statement = select(PasswordLink).where(PasswordLink.token_hash == hash_token(token))
    link: PasswordLink | None = get_locked(statement) if lock else db.session.scalar(statement)
    if (
        link is None
        or link.expires_at <= clock.now()
        or _places_of(link.user_id) != [link.organization_id]
    ):
        db.session.rollback()
        raise NotFound(
            "This link is not valid (any more).",
            suggestions=["It works once and for a day. Ask an admin for a new one."],
        )
    return link


def use_link(token: str, password: str) -> User:
    """Choose a new password by a link, which is used up; all of the person's sessions end."""
    # Whoever joins another organization meanwhile is waited for, or waits.
    lock_name(f"email:{find_link(token).user.email}")
    link = find_link(token, lock=True)
    _set(link.user, password)
    actor = Actor(link.organization_id, Role.VIEWER, link.user.email, user_id=link.user_id)
    audit.record(actor, "reset_password", link.user)
    db.session.commit()
    return link.user


def set_password(email: str, password: str) -> User:
    """What the operator does for somebody whom no admin can help; all their sessions end."""
    user = services.find_user(email)
    if user is None:
        raise NotFound(f"There is no account with the e-mail {email}.")
    _set(user, password)
    for member in user.memberships:
        operator = Actor(member.organization_id, Role.ADMIN, "the command line")
        audit.record(operator, "set_password", member)
    db.session.commit()
    return user


def _places_of(user_id: UUID) -> list[UUID]:
    """The organizations that a person has joined."""
    statement = select(Membership.organization_id).where(
        Membership.user_id == user_id, Membership.joined_at.is_not(None)
    )
    return list(db.session.scalars(statement))


def _set(user: User, password: str, *, keep: UUID | None = None) -> None:
    user.password_hash = passwords.hash_new(password, email=user.email)
    db.session.execute(delete(PasswordLink).where(PasswordLink.user_id == user.id))
    changes.end_sessions(user, keep=keep)
