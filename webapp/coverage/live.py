"""Feed `coverage:<agent>`: that an agent's coverage page has something new to fetch."""

from __future__ import annotations

from webapp.agents import services as agents
from webapp.agents.figures import figures_of
from webapp.core import live
from webapp.core.actor import Actor
from webapp.coverage import refresh


def _draw(agent_id: str, actor: Actor) -> str:
    agent = agents.get_agent(agent_id, actor=actor)
    revision = refresh.revision_of(agent, figures_of(agent))
    return live.draw_revision("coverage-revision", revision)


FEEDS = (live.Feed("coverage", _draw, follows=("unanswered:{id}",)),)
