"""Template variables of every page: who looks, and the way around."""

from __future__ import annotations

from typing import Any

from flask import g

from webapp.core.database import outcomes
from webapp.core.navigation import sections


def context() -> dict[str, Any]:
    """`actor`, the `person` behind it, their `organization`, and what stands in the sidebar."""
    actor = g.get("actor")
    membership = None if outcomes.is_lost() else g.get("membership")
    return {
        "actor": actor,
        "person": membership.user if membership else None,
        "organization": membership.organization if membership else None,
        "organization_name": membership.organization.name if membership else "Callboard",
        "memberships": membership.user.open_memberships if membership else [],
        "invitations": membership.user.invitations if membership else [],
        "navigation": sections() if actor else [],
    }
