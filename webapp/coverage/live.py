"""Topic `coverage:<agent>`: that an agent's coverage page has something new to fetch."""

from __future__ import annotations

from apiflask import APIFlask
from flask import render_template

from webapp.agents import services as agents
from webapp.core import live
from webapp.core.actor import Actor
from webapp.coverage import refresh


def init_app(_app: APIFlask) -> None:
    live.register("coverage", _draw)


def _draw(agent_id: str, actor: Actor) -> str:
    pulse = refresh.pulse_of(agents.get_agent(agent_id, actor=actor))
    return render_template("components/_pulse.html", id="coverage-pulse", pulse=pulse)
