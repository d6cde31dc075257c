"""The program of executions: it has one order, asks its worker for the rest, and tells an end."""

from __future__ import annotations

from typing import Any

from webapp.engine.channel import Channel
from webapp.executions.runtime import extractive

RUNS = {"extractive": extractive.run}


def run(order: dict[str, Any], channel: Channel) -> None:
    """Answer an order with a result or a failure, told last."""
    provider = order["model"]["provider"]
    if provider not in RUNS:
        failure = {"code": "model_unknown", "message": f"Nothing here runs models of {provider}."}
        channel.tell({"failure": failure})
        return
    RUNS[provider](order, channel)
