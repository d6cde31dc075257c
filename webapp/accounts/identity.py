"""Find the actor of a request: an API key in a header, else the browser's session."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import current_app, g, request, session, url_for
from sqlalchemy import cast, null, or_, select, union_all

from webapp.accounts import keys, services, sessions
from webapp.accounts.models import SESSION_LIFETIME, ApiKey, Membership, Session, User
from webapp.config import Settings
from webapp.core import clock
from webapp.core.actor import Actor, Role
from webapp.core.database import UtcDateTime
from webapp.core.errors import Unauthenticated
from webapp.core.extensions import db


def identify() -> Actor | None:
    """The actor, or None for nobody. A key that is given must be good: it is not ignored."""
    secret = _given_key()
    if secret is not None:
        key = keys.find_key(secret)
        if key is None:
            raise Unauthenticated(
                "Invalid or missing API key",
                code="bad_api_key",
                suggestions=["The key may be mistyped, expired or revoked, or its owner shut out."],
            )
        return Actor(
            organization_id=key.membership.organization_id,
            role=key.effective_role,
            name=f"{key.name} ({key.membership.email})",
            user_id=key.membership.user_id,
            api_key_id=key.id,
            request_id=g.request_id,
            expires_at=key.expires_at,
        )
    session_id = session.get("session_id")
    opened = sessions.open_session(UUID(session_id)) if session_id else None
    if opened is None:
        return None
    g.membership = opened.membership
    actor = services.actor_of(opened.membership)
    return replace(actor, session_id=opened.id, request_id=g.request_id)


def reauthorize(actor: Actor) -> Actor | None:
    """The same actor with the rights of this moment.

    None when the way in has been closed, or leads into another organization now.
    """
    if actor.credential_id is None:
        return None
    present = reauthorize_many([actor.credential_id]).get(actor.credential_id)
    if present is None or present.organization_id != actor.organization_id:
        return None
    return replace(actor, role=present.role)


def reauthorize_many(ids: Collection[UUID]) -> dict[UUID, Actor]:
    """Actors with the rights of this moment, by the ids of their sessions and API keys.

    Costs one query, however many they are. An id is missing from the answer when its way in has
    been closed: revoked, expired, or its owner shut out. A session may be in another organization
    than before. Nothing is noted as seen or used.
    """
    now = clock.now()
    owner = (Membership.organization_id, Membership.user_id, User.email, Membership.role)
    is_open = (Membership.is_active, Membership.joined_at.is_not(None))
    sessions = (
        select(
            Session.id, *owner, null().label("key_name"), null().label("key_role"),
            cast(null(), UtcDateTime).label("expires_at"),
        )
        .join(Session.membership)
        .join(Membership.user)
        .where(
            Session.id.in_(ids), *is_open, Session.revoked_at.is_(None),
            Session.last_seen_at > now - SESSION_LIFETIME,
        )
    )  # fmt: skip
    api_keys = (
        select(ApiKey.id, *owner, ApiKey.name, ApiKey.role, ApiKey.expires_at)
        .join(ApiKey.membership)
        .join(Membership.user)
        .where(
            ApiKey.id.in_(ids), *is_open, ApiKey.revoked_at.is_(None),
            or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now),
        )
    )  # fmt: skip
    rows: Iterable[Any] = db.session.execute(union_all(sessions, api_keys))
    actors = {}
    for row in rows:
        is_key = row.key_role is not None
        actors[row.id] = Actor(
            organization_id=row.organization_id,
            role=Role(row.key_role).within(Role(row.role)) if is_key else Role(row.role),
            name=f"{row.key_name} ({row.email})" if is_key else row.email,
            user_id=row.user_id,
            session_id=None if is_key else row.id,
            api_key_id=row.id if is_key else None,
            expires_at=row.expires_at,
        )
    return actors


def _given_key() -> str | None:
    if "X-API-Key" in request.headers:
        return request.headers["X-API-Key"]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def link_url(token: str) -> str:
    """The whole address at which the holder of a one-time token chooses a new password."""
    settings: Settings = current_app.config["CALLBOARD"]
    path = url_for("entry.edit_password", token=token)
    return (settings.url or request.host_url).rstrip("/") + path
