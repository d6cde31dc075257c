"""Find the actor of a request: an API key in a header, else the browser's session."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import g, request, session
from sqlalchemy import literal, null, or_, select, union_all

from webapp.accounts import keys, services
from webapp.accounts.models import SESSION_LIFETIME, ApiKey, Session, User
from webapp.core import clock
from webapp.core.actor import Actor, Role
from webapp.core.errors import Unauthenticated
from webapp.core.extensions import db


def identify() -> Actor | None:
    """The actor, or None for nobody. A key that is given must be good: it is not ignored."""
    secret = _given_key()
    if secret is not None:
        key = keys.find_key(secret)
        if key is None:
            raise Unauthenticated("Invalid or missing API key", code="bad_api_key")
        return Actor(
            organization_id=key.organization_id,
            role=key.effective_role,
            name=f"{key.name} ({key.user.email})",
            user_id=key.user_id,
            api_key_id=key.id,
            request_id=g.request_id,
        )
    session_id = session.get("session_id")
    opened = services.open_session(UUID(session_id)) if session_id else None
    if opened is None:
        return None
    g.user = opened.user
    return Actor(
        organization_id=opened.user.organization_id,
        role=Role(opened.user.role),
        name=opened.user.email,
        user_id=opened.user_id,
        session_id=opened.id,
        request_id=g.request_id,
    )


def reauthorize(actor: Actor) -> Actor | None:
    """The same actor with the rights of this moment; None when the way in has been closed."""
    if actor.credential_id is None:
        return None
    present = reauthorize_many([actor.credential_id]).get(actor.credential_id)
    return replace(actor, role=present.role) if present else None


def reauthorize_many(ids: Collection[UUID]) -> dict[UUID, Actor]:
    """Actors with the rights of this moment, by the ids of their sessions and API keys.

    Costs one query, however many they are. An id is missing from the answer when its way in has
    been closed: revoked, expired, or its owner shut out. Nothing is noted as seen or used.
    """
    now = clock.now()
    sessions = select(
        Session.id, literal(True), User.organization_id, User.id, User.email, User.role,
        null(), null(),
    ).join(Session.user).where(
        Session.id.in_(ids), User.is_active, Session.revoked_at.is_(None),
        Session.last_seen_at > now - SESSION_LIFETIME,
    )  # fmt: skip
    api_keys = select(
        ApiKey.id, literal(False), User.organization_id, User.id, User.email, User.role,
        ApiKey.name, ApiKey.role,
    ).join(ApiKey.user).where(
        ApiKey.id.in_(ids), User.is_active, ApiKey.revoked_at.is_(None),
        or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now),
    )  # fmt: skip
    rows: Iterable[Any] = db.session.execute(union_all(sessions, api_keys))
    actors = {}
    for (
        credential_id,
        is_session,
        organization_id,
        user_id,
        email,
        role,
        key_name,
        key_role,
    ) in rows:
        actors[credential_id] = Actor(
            organization_id=organization_id,
            role=Role(role) if is_session else Role(key_role).within(Role(role)),
            name=email if is_session else f"{key_name} ({email})",
            user_id=user_id,
            session_id=credential_id if is_session else None,
            api_key_id=None if is_session else credential_id,
        )
    return actors


def _given_key() -> str | None:
    if "X-API-Key" in request.headers:
        return request.headers["X-API-Key"]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
