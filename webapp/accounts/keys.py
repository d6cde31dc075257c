"""API keys: made, shown once, recognised, revoked. (A part of the accounts' services.)"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from hmac import compare_digest
from uuid import UUID

from sqlalchemy import Select, bindparam, select, update
from sqlalchemy.orm import contains_eager, joinedload

from webapp.accounts import changes, services
from webapp.accounts.models import PREFIX_LENGTH, ApiKey, Membership
from webapp.accounts.permissions import MEMBERS_WRITE
from webapp.audit import services as audit
from webapp.audit.refusals import KEY, Refusal
from webapp.core import clock
from webapp.core.actor import Actor, Role, name_api_key
from webapp.core.database.transactions import get_locked, unless_busy
from webapp.core.errors import Forbidden, Invalid, NotFound
from webapp.core.extensions import db

USED_EVERY = timedelta(minutes=1)
#: asked at every request of a program, and therefore made once; the organization's row is not read
_WITH_PREFIX = (
    select(ApiKey)
    .where(ApiKey.prefix == bindparam("prefix"))
    .options(joinedload(ApiKey.membership).lazyload(Membership.organization))
)


def create_key(
    name: str,
    *,
    actor: Actor,
    role: Role | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key for the actor and return it with its secret, which is shown this once.

    The role defaults to the actor's own and cannot exceed it; what a key makes expires with it or
    before.
    """
    role = role or actor.role
    if not actor.role.includes(role):
        raise Forbidden(f"A key cannot have the role {role}: yours is {actor.role}.")
    if actor.user_id is None:
        raise Forbidden("Only a person or a person's key can make keys.")
    expires_at = expires_at or actor.expires_at
    if expires_at is not None and expires_at <= clock.now():
        raise Invalid("The key would have expired already.", field="expires_at")
    if actor.expires_at and expires_at and expires_at > actor.expires_at:
        raise Forbidden(
            "A key cannot make one that lives longer than itself.",
            code="key_outlives",
            field="expires_at",
        )
    secret = f"cb_{secrets.token_urlsafe(32)}"
    membership = services.get_member(actor.user_id, actor=actor)
    row = changes.add_key(
        membership, name, secret=secret, role=role, expires_at=expires_at, actor=actor
    )
    db.session.commit()
    return row, secret


def list_keys(*, actor: Actor) -> list[ApiKey]:
    """An admin sees the organization's keys, others their own; newest first."""
    statement = _within_reach(actor).order_by(ApiKey.created_at.desc()).limit(500)
    return list(db.session.scalars(statement))


def revoke_key(key_id: UUID, *, actor: Actor) -> ApiKey:
    """End a key at once, for ever.

    Raises NotFound for another person's unless the actor is an admin, Forbidden for a key that
    may more than the one that was used, Conflict where it has been revoked.
    """
    row: ApiKey | None = get_locked(_within_reach(actor).where(ApiKey.id == key_id))
    if row is None:
        raise NotFound(f"API key not found: {key_id}")
    if not actor.role.includes(row.effective_role):
        db.session.rollback()
        raise Forbidden(
            f"{row.name} has the role {row.effective_role}; your key has {actor.role}.",
            code="key_above",
        )
    row.revoke(clock.now())
    audit.record(actor, "revoke", row)
    db.session.commit()
    return row


def find_key(secret: str) -> ApiKey | None:
    """The usable key with this secret; notes at most once a minute that it was used.

    Where too much is being written, a later request notes it; who only reads is served.
    """
    if not secret.isascii():
        return None
    key_hash, now = ApiKey.hash_of(secret), clock.now()
    for row in db.session.scalars(_WITH_PREFIX, {"prefix": secret[:PREFIX_LENGTH]}):
        if compare_digest(row.key_hash, key_hash) and row.is_usable(now):
            if row.last_used_at is None or now - row.last_used_at > USED_EVERY:
                with unless_busy():
                    db.session.execute(
                        update(ApiKey).where(ApiKey.id == row.id).values(last_used_at=now)
                    )
            return row
    return None


def find_refusals(secret: str, *, address: str, request_id: str) -> Iterator[Refusal]:
    """What is noted of a key that is not let in: of one that was good once; else nothing."""
    if not secret.isascii():
        return
    key_hash, now = ApiKey.hash_of(secret), clock.now()
    for row in db.session.scalars(_WITH_PREFIX, {"prefix": secret[:PREFIX_LENGTH]}):
        if compare_digest(row.key_hash, key_hash) and not row.is_usable(now):
            owner = row.membership
            actor = replace(
                owner.actor,
                name=name_api_key(row.name, owner.email),
                api_key_id=row.id,
                request_id=request_id,
            )
            reason = row.status(now) if owner.is_open else "its owner is shut out"
            yield Refusal(actor, KEY, "apikey", str(row.id), row.name, reason, address)


def _within_reach(actor: Actor) -> Select[ApiKey]:
    statement = (
        select(ApiKey)
        .join(ApiKey.membership)
        .where(Membership.organization_id == actor.organization_id)
        .options(contains_eager(ApiKey.membership))
    )
    if actor.may(MEMBERS_WRITE):
        return statement
    return statement.where(Membership.user_id == actor.user_id)
