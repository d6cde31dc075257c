"""Invitations by a one-time link: made by an admin, used by the person. (Accounts' services.)

The link is what says that somebody is meant. Who has no account yet chooses a password there; who
has one in another organization gives that one's, so that the link lets nobody into it.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from webapp.accounts import changes, passwords, services
from webapp.accounts.models import INVITATION_LIFETIME, Membership, Organization, Session, User
from webapp.accounts.permissions import MEMBERS_WRITE
from webapp.accounts.tokens import hash_token, make_token
from webapp.audit import services as audit
from webapp.core import clock
from webapp.core.actor import Actor, Role
from webapp.core.database.transactions import get_locked, lock_name
from webapp.core.errors import Conflict, Invalid, NotFound
from webapp.core.extensions import db


def invite_member(email: str, *, role: Role, actor: Actor) -> tuple[Membership, str]:
    """Invite a person into the actor's organization; the link's token is shown this once.

    Nothing tells whether the e-mail has an account in another organization. Raises Invalid on a bad
    e-mail, Conflict where they are a member or invited already.
    """
    actor.require(MEMBERS_WRITE)
    actor.require_lasting()
    email = passwords.checked_email(email)
    # Made in any case: the time that it takes would tell of an account.
    hashed = _nobodys_hash(email)
    lock_name(f"email:{email}")
    user = services.find_user(email) or User(email=email, password_hash=hashed)
    if any(known.organization_id == actor.organization_id for known in user.memberships):
        db.session.rollback()
        raise Conflict(f"{email} is a member already.", code="email_taken", field="email")
    member = Membership(
        organization=db.session.get_one(Organization, actor.organization_id), user=user, role=role
    )
    token = _give_link(member)
    db.session.add(member)
    db.session.flush()
    audit.record(actor, "invite", member, role=role)
    db.session.commit()
    return member, token


def renew_invitation(user_id: UUID, *, actor: Actor) -> tuple[Membership, str]:
    """Another link for who was invited and has not come; the one before lets nobody in any more.

    Nor does a password that they were added with. Raises Conflict where they have joined.
    """
    actor.require(MEMBERS_WRITE)
    actor.require_lasting()
    member = services.get_member(user_id, actor=actor, lock=True)
    if member.joined_at is not None:
        email = member.email
        db.session.rollback()
        raise Conflict(f"{email} has joined already.", code="already_joined")
    token = _give_link(member)
    audit.record(actor, "renew_invitation", member)
    db.session.commit()
    return member, token


def find_invitation(token: str, *, lock: bool = False) -> Membership:
    """The invitation with this token; NotFound where it was used, renewed, or has expired."""
    statement = select(Membership).where(Membership.link_hash == hash_token(token))
    member: Membership | None = get_locked(statement) if lock else db.session.scalar(statement)
    if member is None or not member.has_open_link(clock.now()):
        db.session.rollback()
        raise NotFound(
            "This invitation is not valid (any more).",
            suggestions=["It works once and for a week. Ask an admin for a new link."],
        )
    return member


def join(token: str, password: str, *, address: str, user_agent: str) -> Session:
    """Join by a link, which is used up, and be signed in there.

    `password` becomes that of an account that nobody has used yet; else it must be the account's.
    Raises Invalid where it is not, or is too weak.
    """
    lock_name(f"email:{find_invitation(token).email}")
    member = find_invitation(token, lock=True)
    user = member.user
    if not user.has_joined:
        user.password_hash = passwords.hash_new(password, email=user.email)
    elif not passwords.verify(user.password_hash, password):
        db.session.rollback()
        raise Invalid(
            "This e-mail has an account already, and this is not its password.",
            code="bad_credentials",
            field="password",
        )
    _join(member)
    opened = changes.add_session(member, address=address, user_agent=user_agent)
    db.session.commit()
    return opened


def join_signed_in(token: str, *, actor: Actor) -> Membership:
    """Join by a link that is one's own; the actor's session works there from now on.

    Raises NotFound where the link is another person's.
    """
    actor.require_person()
    member = find_invitation(token, lock=True)
    if member.user_id != actor.user_id or actor.session_id is None:
        db.session.rollback()
        raise NotFound("This invitation is for somebody else.")
    _join(member)
    changes.move_session(actor.session_id, member)
    db.session.commit()
    return member


def _join(member: Membership) -> None:
    member.join(clock.now())
    audit.record(member.actor, "join", member)


def _give_link(member: Membership) -> str:
    token = make_token()
    member.link_hash = hash_token(token)
    member.link_expires_at = clock.now() + INVITATION_LIFETIME
    member.invitation_hash = None
    return token


def _nobodys_hash(email: str) -> str:
    """Of a password that nobody knows: the person chooses theirs at the link."""
    return passwords.hash_new(passwords.make_password(), email=email)
