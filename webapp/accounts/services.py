"""Organizations and their members: adding, joining, roles, shutting out, removing."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete, func, select

from webapp.accounts import changes, passwords
from webapp.accounts.models import Membership, Organization, User
from webapp.accounts.permissions import MEMBERS_WRITE
from webapp.audit import services as audit
from webapp.core import clock
from webapp.core.actor import Actor, Role
from webapp.core.database.transactions import get_locked, lock_name
from webapp.core.errors import Conflict, Invalid, NotFound
from webapp.core.extensions import db


def has_organization() -> bool:
    """Whether the first start is over."""
    return db.session.scalar(select(Organization.id).limit(1)) is not None


def find_organization(name: str) -> Organization | None:
    """The oldest organization of this name; for commands."""
    return db.session.scalar(
        select(Organization)
        .where(Organization.name == name)
        .order_by(Organization.created_at)
        .limit(1)
    )


def find_user(email: str) -> User | None:
    """The person with this e-mail; for commands and signing in."""
    return db.session.scalar(select(User).where(User.email == email.strip().lower()))


def create_organization(
    name: str, *, email: str, password: str | None = None, api_key: str | None = None
) -> Membership:
    """Make an organization with its first admin, and a first key where its secret is given.

    Somebody who has an account keeps their password. Raises Invalid on a bad name, e-mail,
    password or key.
    """
    try:
        membership = changes.add_organization(name, email=email, password=password, api_key=api_key)
    except Invalid:
        db.session.rollback()
        raise
    db.session.commit()
    return membership


def add_member(email: str, *, role: Role, password: str, actor: Actor) -> Membership:
    """Let a person join the actor's organization with `password`.

    Where the e-mail has no account yet, this makes one with that password. Where it has one in
    another organization, that stays as it is, and nothing here tells so.

    Raises Invalid on a bad e-mail or password, Conflict where they are a member already.
    """
    actor.require(MEMBERS_WRITE)
    actor.require_lasting()
    email = passwords.checked_email(email)
    hashed = passwords.hash_new(password, email=email)
    lock_name(f"email:{email}")
    user = find_user(email) or User(email=email, password_hash=hashed)
    if any(known.organization_id == actor.organization_id for known in user.memberships):
        db.session.rollback()
        raise Conflict(f"{email} is a member already.", code="email_taken", field="email")
    membership = Membership(
        organization=db.session.get_one(Organization, actor.organization_id),
        user=user,
        role=role,
        invitation_hash=hashed,
    )
    db.session.add(membership)
    db.session.flush()
    audit.record(actor, "create", membership, role=role)
    db.session.commit()
    return membership


def accept_invitation(membership_id: UUID, *, password: str, actor: Actor) -> Membership:
    """Join an organization that has added this person, with the password it was added with.

    The session that the actor has works there from now on.

    Raises NotFound where there is no such invitation, Invalid on a wrong password.
    """
    actor.require_person()
    _lock_person(actor.user_id, actor)
    membership = _get_invitation(membership_id, actor)
    if not passwords.verify(membership.invitation_hash, password):
        db.session.rollback()
        raise Invalid(
            "This is not the password that they added you with.",
            code="bad_credentials",
            field="password",
        )
    membership.join(clock.now())
    audit.record(membership.actor, "join", membership)
    if actor.session_id is not None:
        changes.move_session(actor.session_id, membership)
    db.session.commit()
    return membership


def decline_invitation(membership_id: UUID, *, actor: Actor) -> Membership:
    """Forget an invitation."""
    actor.require_person()
    _lock_person(actor.user_id, actor)
    membership = _get_invitation(membership_id, actor)
    audit.record(membership.actor, "decline", membership)
    _delete(membership)
    db.session.commit()
    return membership


def list_members(*, actor: Actor) -> list[Membership]:
    statement = (
        select(Membership)
        .join(Membership.user)
        .where(Membership.organization_id == actor.organization_id)
        .order_by(User.email)
    )
    return list(db.session.scalars(statement))


def get_member(user_id: UUID | None, *, actor: Actor, lock: bool = False) -> Membership:
    statement = select(Membership).where(
        Membership.organization_id == actor.organization_id, Membership.user_id == user_id
    )
    member: Membership | None = get_locked(statement) if lock else db.session.scalar(statement)
    if member is None:
        raise NotFound(f"Member not found: {user_id}")
    return member


def update_member(
    user_id: UUID,
    *,
    actor: Actor,
    role: Role | None = None,
    is_active: bool | None = None,
) -> Membership:
    """Change a member's role, or shut them out and in again; the last active admin stays one."""
    member = _get_for_change(user_id, actor)
    before = {"role": member.role, "is_active": member.is_active}
    member.role = role or member.role
    member.is_active = member.is_active if is_active is None else is_active
    if member.role != Role.ADMIN or not member.is_active:
        _refuse_without_admin(member)
    changes = {
        name: getattr(member, name) for name in before if getattr(member, name) != before[name]
    }
    if changes:
        audit.record(actor, "update", member, **changes)
    db.session.commit()
    return member


def remove_member(user_id: UUID, *, actor: Actor) -> Membership:
    """Take a person out of the organization, with the sessions and API keys they have here.

    Their account goes as well when they belong to no other organization.
    """
    actor.require(MEMBERS_WRITE)
    _lock_person(user_id, actor)
    member = _get_for_change(user_id, actor)
    _refuse_without_admin(member)
    audit.record(actor, "remove_member", member)
    _delete(member)
    db.session.commit()
    return member


def _get_invitation(membership_id: UUID, actor: Actor) -> Membership:
    actor.require_person()
    statement = select(Membership).where(
        Membership.id == membership_id, Membership.user_id == actor.user_id
    )
    invitation: Membership | None = get_locked(statement)
    if invitation is None or not invitation.is_invitation:
        db.session.rollback()
        raise NotFound("There is no such invitation (any more).")
    return invitation


def _lock_person(user_id: UUID | None, actor: Actor) -> None:
    """Let nobody invite a member elsewhere, or take them in or out there, at the same time."""
    lock_name(f"email:{get_member(user_id, actor=actor).email}")


def _get_for_change(user_id: UUID, actor: Actor) -> Membership:
    actor.require(MEMBERS_WRITE)
    # One at a time, so that two admins cannot demote each other. It stays, so that what refers to
    # it goes on meanwhile: who writes and then tells of it would wait, and be waited for.
    db.session.get_one(Organization, actor.organization_id, with_for_update={"key_share": True})
    return get_member(user_id, actor=actor, lock=True)


def _delete(member: Membership) -> None:
    """Delete a membership, with its person where it is the last; the database does the rest."""
    others = select(Membership.id).where(
        Membership.user_id == member.user_id, Membership.id != member.id
    )
    is_last = db.session.scalar(others.limit(1)) is None
    db.session.flush()
    db.session.execute(
        delete(User).where(User.id == member.user_id)
        if is_last
        else delete(Membership).where(Membership.id == member.id)
    )


def _refuse_without_admin(member: Membership) -> None:
    others = db.session.scalar(
        select(func.count()).where(
            Membership.organization_id == member.organization_id,
            Membership.id != member.id,
            Membership.role == Role.ADMIN,
            Membership.is_active,
            Membership.joined_at.is_not(None),
        )
    )
    if not others:
        email = member.email
        db.session.rollback()
        raise Conflict(
            f"{email} is the only active admin.",
            code="last_admin",
            suggestions=["Make somebody else an admin first."],
        )
