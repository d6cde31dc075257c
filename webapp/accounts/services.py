"""Organizations, users and sessions: first start, members, signing in and out."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from webapp.accounts import passwords
from webapp.accounts.models import Organization, Session, User
from webapp.audit import services as audit
from webapp.core import clock
from webapp.core.actor import Actor, Role
from webapp.core.database import get_locked, lock_writes
from webapp.core.errors import Conflict, Invalid, NotFound, Unauthenticated
from webapp.core.extensions import db

SEEN_EVERY = timedelta(minutes=1)


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


def create_organization(name: str, *, email: str, password: str) -> User:
    """Make an organization with its first admin, and commit.

    Raises Invalid on a bad name, e-mail or password, Conflict where the e-mail is taken.
    """
    name = name.strip()
    if not 1 <= len(name) <= 255:
        raise Invalid("The organization needs a name of 1 to 255 characters.", field="name")
    organization = Organization(name=name)
    user = _make_user(organization, email=email, password=password, role=Role.ADMIN)
    db.session.add_all([organization, user])
    _flush_new_user(user)
    audit.record(actor_of(user), "create", organization)
    db.session.commit()
    return user


def create_first_organization(name: str, *, email: str, password: str) -> User:
    """The same, once: raises Conflict when somebody else was faster."""
    lock_writes()
    if has_organization():
        db.session.rollback()
        raise Conflict("The first admin has been made already. Sign in.", code="already_set_up")
    return create_organization(name, email=email, password=password)


def add_member(email: str, *, role: Role, password: str, actor: Actor) -> User:
    """Add a person to the actor's organization."""
    actor.require(Role.ADMIN)
    actor.require_lasting()
    organization = db.session.get_one(Organization, actor.organization_id)
    user = _make_user(organization, email=email, password=password, role=role)
    db.session.add(user)
    _flush_new_user(user)
    audit.record(actor, "create", user, role=role)
    db.session.commit()
    return user


def list_members(*, actor: Actor) -> list[User]:
    statement = (
        select(User).where(User.organization_id == actor.organization_id).order_by(User.email)
    )
    return list(db.session.scalars(statement))


def get_member(user_id: UUID, *, actor: Actor, lock: bool = False) -> User:
    statement = select(User).where(
        User.organization_id == actor.organization_id, User.id == user_id
    )
    user: User | None = get_locked(statement) if lock else db.session.scalar(statement)
    if user is None:
        raise NotFound(f"Member not found: {user_id}")
    return user


def update_member(
    user_id: UUID,
    *,
    actor: Actor,
    role: Role | None = None,
    is_active: bool | None = None,
) -> User:
    """Change a member's role, or shut them out and in again; the last active admin stays one."""
    actor.require(Role.ADMIN)
    db.session.get_one(Organization, actor.organization_id, with_for_update=True)
    user = get_member(user_id, actor=actor, lock=True)
    before = {"role": user.role, "is_active": user.is_active}
    user.role = role or user.role
    user.is_active = user.is_active if is_active is None else is_active
    if user.role != Role.ADMIN or not user.is_active:
        _refuse_without_admin(user)
    changes = {name: getattr(user, name) for name in before if getattr(user, name) != before[name]}
    if changes:
        audit.record(actor, "update", user, **changes)
    db.session.commit()
    return user


def sign_in(email: str, password: str, *, address: str, user_agent: str) -> Session:
    """Open a session; the refusal never says which half was wrong."""
    user = db.session.scalar(select(User).where(User.email == email.strip().lower()))
    fits = passwords.verify(user.password_hash if user else None, password)
    if user is None or not fits or not user.is_active:
        raise Unauthenticated(
            "E-mail or password is wrong.",
            code="bad_credentials",
            suggestions=["Ask an admin of your organization if you have forgotten it."],
        )
    session = Session(user_id=user.id, address=address[:64], user_agent=user_agent[:255])
    user.last_seen_at = clock.now()
    db.session.add(session)
    db.session.flush()
    audit.record(actor_of(user), "sign_in", user)
    db.session.commit()
    return session


def open_session(session_id: UUID) -> Session | None:
    """The session if it is still good; remembers at most once a minute that it was seen."""
    session = db.session.get(Session, session_id)
    now = clock.now()
    if session is None or not session.is_open(now):
        return None
    if now - session.last_seen_at > SEEN_EVERY:
        session.last_seen_at = session.user.last_seen_at = now
        db.session.commit()
    return session


def list_sessions(*, actor: Actor) -> list[Session]:
    """The actor's own open sessions, newest first."""
    statement = (
        select(Session)
        .where(Session.user_id == actor.user_id, Session.revoked_at.is_(None))
        .order_by(Session.last_seen_at.desc())
        .limit(100)
    )
    now = clock.now()
    return [session for session in db.session.scalars(statement) if session.is_open(now)]


def revoke_session(session_id: UUID, *, actor: Actor) -> None:
    """Sign one of the actor's browsers out, at once."""
    actor.require_person()
    session = db.session.get(Session, session_id)
    if session is None or session.user_id != actor.user_id:
        raise NotFound(f"Session not found: {session_id}")
    session.revoked_at = session.revoked_at or clock.now()
    audit.record(actor, "sign_out", session.user)
    db.session.commit()


def actor_of(user: User) -> Actor:
    """The actor that a user is, outside any request."""
    return Actor(
        organization_id=user.organization_id or user.organization.id,
        role=Role(user.role),
        name=user.email,
        user_id=user.id,
    )


def _make_user(organization: Organization, *, email: str, password: str, role: Role) -> User:
    try:
        checked = validate_email(email.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise Invalid(f"This is not an e-mail address: {error}", field="email") from error
    if not passwords.MIN_LENGTH <= len(password) <= passwords.MAX_LENGTH:
        raise Invalid(
            f"A password has {passwords.MIN_LENGTH} to {passwords.MAX_LENGTH} characters.",
            field="password",
        )
    return User(
        organization=organization,
        email=checked.normalized.lower(),
        password_hash=passwords.hash_password(password),
        role=role,
    )


def _flush_new_user(user: User) -> None:
    try:
        db.session.flush()
    except IntegrityError as error:
        db.session.rollback()
        raise Conflict(
            f"{user.email} has an account already.", code="email_taken", field="email"
        ) from error


def _refuse_without_admin(user: User) -> None:
    others = db.session.scalar(
        select(func.count()).where(
            User.organization_id == user.organization_id,
            User.id != user.id,
            User.role == Role.ADMIN,
            User.is_active,
        )
    )
    if not others:
        email = user.email
        db.session.rollback()
        raise Conflict(
            f"{email} is the only active admin.",
            code="last_admin",
            suggestions=["Make somebody else an admin first."],
        )
