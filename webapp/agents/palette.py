"""Agents in the command palette, and releases in the activity."""

from __future__ import annotations

from flask import url_for

from webapp.agents import services
from webapp.agents.models import Agent, Environment
from webapp.agents.schemas import AgentQuery
from webapp.audit.models import AuditEntry
from webapp.core.actor import Actor
from webapp.core.navigation import PaletteEntry

MAX_FOUND = 6


def find_agents(words: str, actor: Actor) -> list[PaletteEntry]:
    """The first agents that match."""
    agents = services.list_agents(AgentQuery(q=words, limit=MAX_FOUND), actor=actor)
    return [
        PaletteEntry(agent.name, url_for("agents.show", handle=agent.handle), _hint(agent))
        for agent in agents.items
    ]


def describe_release(entry: AuditEntry) -> str:
    """The release that an entry is about, and where it went."""
    if "semver" not in entry.detail:
        return ""
    environment = entry.detail.get("environment")
    return f"{entry.detail['semver']}{f' in {environment}' if environment else ''}"


def _hint(agent: Agent) -> str:
    running = agent.runs(Environment.PRODUCTION)
    return f"{agent.handle} · {running['semver'] if running else agent.status}"
