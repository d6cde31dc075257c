"""The program of executions on models of providers; `extractive` is that of the built-in one."""

from __future__ import annotations

from typing import Any

from webapp.engine.channel import Channel
from webapp.executions.runtime.answering import answer
from webapp.executions.runtime.conducting import conduct
from webapp.executions.runtime.warming import warm_up

__all__ = ["run", "warm_up"]


def run(order: dict[str, Any], channel: Channel) -> None:
    conduct(answer, order, channel)
