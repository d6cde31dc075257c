"""One order, carried out in a runner: the worker is asked for the rest, and told an end, last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from webapp.catalog.providers.failed import Failed
from webapp.engine.channel import Channel
from webapp.executions.runtime.telling import Teller

Answer = Callable[[dict[str, Any], Channel, Teller], Awaitable[Any]]


def conduct(answer: Answer, order: dict[str, Any], channel: Channel) -> None:
    """Answer an order with a result or a failure.

    What is raised beyond that is a fault of ours: the runner tells it with its traceback.
    """
    teller = Teller(channel)
    try:
        output = asyncio.run(_answer_whole(answer, order, channel, teller))
    except Failed as failure:
        channel.tell({"usage": teller.usage.as_json()})
        channel.tell({"failure": failure.as_json()})
    else:
        channel.tell({"result": {"output": output, "usage": teller.usage.as_json()}})


async def _answer_whole(
    answer: Answer, order: dict[str, Any], channel: Channel, teller: Teller
) -> Any:
    try:
        return await answer(order, channel, teller)
    finally:
        teller.flush()
