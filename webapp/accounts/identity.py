"""Find the actor of a request: an API key in a header, else the browser's session."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from flask import current_app, g, request, session, url_for
from sqlalchemy import func, null, or_, select, union_all

from webapp.accounts import keys, sessions
from webapp.accounts.models import SESSION_LIFETIME, ApiKey, Membership, Session
from webapp.audit.noting import note
from webapp.config import Settings
from webapp.core import clock
from webapp.core.actor import Actor, Role, name_api_key
from webapp.core.database.sql import is_among, uuid_digits
from webapp.core.errors import Unauthenticated
from webapp.core.extensions import db
from webapp.core.security import Rights


def identify() -> Actor | None:
    """The actor, or None for nobody. A key that is given must be good: it is not ignored."""
    secret = _given_key()
    if secret is not None:
        key = keys.find_key(secret)
        if key is None:
            address, request_id = request.remote_addr or "", g.request_id
            note(lambda: keys.find_refusals(secret, address=address, request_id=request_id))
            raise Unauthenticated(
                "Invalid or missing API key",
                code="bad_api_key",
                suggestions=["The key may be mistyped, expired or revoked, or its owner shut out."],
            )
        return Actor(
            organization_id=key.membership.organization_id,
            role=key.effective_role,
            name=name_api_key(key.name, key.membership.email),
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
    actor = opened.membership.actor
    return replace(actor, session_id=opened.id, request_id=g.request_id)


def rights_of_many(ids: Collection[str]) -> dict[str, Rights]:
    """The rights of this moment, by the ids of sessions and API keys, as 32 digits each.

    Costs one query, however many they are, and a row for all who have the same. An id is missing
    from the answer when its way in has been closed: revoked, expired, or its owner shut out. A
    session may be in another organization than before. Nothing is noted as seen or used.
    """
    now = clock.now()
    owner = (Membership.organization_id, Membership.role)
    is_open = (Membership.is_active, Membership.joined_at.is_not(None))
    sessions = (
        select(Session.id, *owner, null().label("key_role"))
        .join(Session.membership)
        .where(
            is_among(Session.id, ids), *is_open, Session.revoked_at.is_(None),
            Session.last_seen_at > now - SESSION_LIFETIME,
        )
    )  # fmt: skip
    api_keys = (
        select(ApiKey.id, *owner, ApiKey.role)
        .join(ApiKey.membership)
        .where(
            is_among(ApiKey.id, ids), *is_open, ApiKey.revoked_at.is_(None),
            or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now),
        )
    )  # fmt: skip
    good = union_all(sessions, api_keys).subquery().c
    shared = (good.organization_id, good.role, good.key_role)
    joined = func.aggregate_strings(uuid_digits(good.id), ",")
    rights: dict[str, Rights] = {}
    for organization_id, role, key_role, texts in db.session.execute(
        select(*shared, joined).group_by(*shared)
    ):
        own = Rights(organization_id, Role(key_role or role).within(Role(role)))
        rights |= dict.fromkeys(texts.replace("-", "").split(","), own)
    return rights


def _given_key() -> str | None:
    if "X-API-Key" in request.headers:
        return request.headers["X-API-Key"]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def link_url(endpoint: str, token: str) -> str:
    """The whole address of a page that asks for a one-time token."""
    settings: Settings = current_app.config["CALLBOARD"]
    path = url_for(endpoint, token=token)
    return (settings.url or request.host_url).rstrip("/") + path
