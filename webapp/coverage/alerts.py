"""When an agent's coverage has fallen by so much that somebody is told, and who: two switches."""

from __future__ import annotations

from typing import Any

from webapp.agents.models import Agent
from webapp.agents.switches import AgentSwitch
from webapp.webhooks.urls import check_target

DROP, WEBHOOK = "coverage_alert_drop", "coverage_alert_webhook"
DEFAULT_DROP = 5


def allowed_drop(agent: Agent) -> float | None:
    """How many points coverage may fall without an alert: 5 unless set, None for any."""
    value = agent.features_config.get(DROP, DEFAULT_DROP)
    return None if value is None else float(value)


def alert_webhook(agent: Agent) -> str | None:
    """The address that is told of a fall as well."""
    return agent.features_config.get(WEBHOOK)


def _check_drop(value: Any) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is not None and not (is_number and 0 <= value <= 100):
        raise ValueError("must be a number from 0 to 100, or null")


def _check_webhook(value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise ValueError("must be an address")
    check_target(value)


SWITCHES = (AgentSwitch(DROP, _check_drop), AgentSwitch(WEBHOOK, _check_webhook))
