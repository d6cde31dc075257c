"""Find the actor of a request: an API key in a header, else the browser's session."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from flask import g, request, session

from webapp.accounts import keys, services
from webapp.core.actor import Actor, Role
from webapp.core.errors import Unauthenticated


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


def recheck(actor: Actor) -> Actor | None:
    """The same actor with the rights of this moment; None when the way in has been closed."""
    if actor.session_id is not None:
        opened = services.open_session(actor.session_id)
        return replace(actor, role=Role(opened.user.role)) if opened else None
    key = keys.get_usable_key(actor.api_key_id)
    return replace(actor, role=key.effective_role) if key else None


def _given_key() -> str | None:
    if "X-API-Key" in request.headers:
        return request.headers["X-API-Key"]
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
