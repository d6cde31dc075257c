"""What stands in the sidebar and in the command palette."""

from __future__ import annotations

from typing import Any

from flask import g, request, url_for

AGENT_PAGES = (
    "agents", "agent_versions", "agent_releases", "agent_handoffs", "agent_transfer", "agent_bulk",
    "coverage", "scopes", "questions.ask",
)  # fmt: skip

# label, endpoint, icon, the blueprint whose pages light it up
SECTIONS = (
    ("Overview", "overview.show", "overview", ("overview",)),
    ("Agents", "agents.index", "agents", AGENT_PAGES),
    (
        "Documents",
        "documents.index",
        "documents",
        ("documents", "document_bulk", "taxonomies", "moves"),
    ),
    ("Search", "questions.search", "search", ("questions.search",)),
    ("Tasks", "tasks.index", "tasks", ("tasks",)),
    ("Settings", "accounts.settings", "settings", ("accounts", "webhooks")),
)
SETTINGS = (
    ("Members", "accounts.members"),
    ("API keys", "accounts.api_keys"),
    ("Sessions", "accounts.sessions"),
)


def context() -> dict[str, Any]:
    """Template variables of every page: who looks, and the way around."""
    actor = g.get("actor")
    user = g.get("user")
    return {
        "actor": actor,
        "organization_name": user.organization.name if user else "Callboard",
        "navigation": _sections() if actor else [],
    }


def _sections() -> list[dict[str, Any]]:
    endpoint = request.endpoint or ""
    exact = {name for _, _, _, names in SECTIONS for name in names if "." in name}
    return [
        {
            "label": label,
            "href": url_for(target),
            "icon": icon,
            "active": endpoint in names
            or (endpoint not in exact and endpoint.split(".")[0] in names),
        }
        for label, target, icon, names in SECTIONS
    ]
