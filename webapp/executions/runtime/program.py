"""The program of executions: it has one order, asks its worker for the rest, and tells an end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from webapp.catalog.providers.failures import Failed
from webapp.engine.channel import Channel
from webapp.executions.runtime import extractive
from webapp.executions.runtime.answering import answer
from webapp.executions.runtime.telling import Teller
from webapp.executions.runtime.warming import warm_up

__all__ = ["run", "warm_up"]

Run = Callable[[dict[str, Any], Channel, Teller], Awaitable[Any]]


def run(order: dict[str, Any], channel: Channel) -> None:
    """Answer an order with a result or a failure, told last.

    What is raised beyond that is a fault of ours: the runner tells it with its traceback.
    """
    teller = Teller(channel)
    is_extractive = order["model"]["provider"] == "extractive"
    answers: Run = extractive.answer if is_extractive else answer
    try:
        output = asyncio.run(_in_its_order(answers, order, channel, teller))
    except Failed as failure:
        channel.tell({"usage": teller.usage.as_json()})
        channel.tell({"failure": failure.as_json()})
    else:
        channel.tell({"result": {"output": output, "usage": teller.usage.as_json()}})


async def _in_its_order(
    answers: Run, order: dict[str, Any], channel: Channel, teller: Teller
) -> Any:
    try:
        return await answers(order, channel, teller)
    finally:
        teller.flush()
