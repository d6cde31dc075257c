"""Template variables of every page: who looks, and the way around."""

from __future__ import annotations

from typing import Any

from flask import g

from webapp.core.navigation import sections


def context() -> dict[str, Any]:
    """`actor`, `organization_name` and `navigation`, the sidebar's entries."""
    actor = g.get("actor")
    user = g.get("user")
    return {
        "actor": actor,
        "organization_name": user.organization.name if user else "Callboard",
        "navigation": sections() if actor else [],
    }
