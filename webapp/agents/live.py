"""Feeds of agents: `agent:<id>` (its state, on every tab), `figures:<id>` (that what features count
and measure of it has changed) and `agents:all` (that something has changed).

A page draws its own filters and tab, so that a push only says that there is something new; the
page then fetches its part again (`data-refresh`).
"""

from __future__ import annotations

from flask import render_template

from webapp.agents import services
from webapp.agents.figures import figures_of
from webapp.audit import services as audit
from webapp.core import live
from webapp.core.actor import Actor


def _draw_agent(agent_id: str, actor: Actor) -> str:
    return render_template("agents/_frame.html", agent=services.get_agent(agent_id, actor=actor))


def _draw_revision(_item_id: str, actor: Actor) -> str:
    return live.draw_revision("agents-revision", audit.latest_id(actor.organization_id))


def _draw_figures(agent_id: str, actor: Actor) -> str:
    agent = services.get_agent(agent_id, actor=actor)
    return live.draw_revision("figures-revision", figures_of(agent).revision)


FEEDS = (
    live.Feed("agent", _draw_agent),
    live.Feed("figures", _draw_figures),
    live.Feed("agents", _draw_revision),
)
