"""The built-in model: it answers with the agent's passages, word for word, with citations.

It is offline and costs nothing, so that nothing of it is recorded; and it is a program of its own,
which starts at once because it loads no client of any provider.
"""

from __future__ import annotations

import re
from typing import Any

from webapp.catalog.providers.failed import Failed
from webapp.engine.channel import Channel
from webapp.executions.runtime.conducting import conduct
from webapp.executions.runtime.knowledge import Passages, question_of
from webapp.executions.runtime.telling import Teller

PASSAGES = 3
#: a passage whose score is a smaller part of the best one's says too little
SHARE = 0.5
NOTHING = "The documents say nothing about that."


def run(order: dict[str, Any], channel: Channel) -> None:
    conduct(answer, order, channel)


async def answer(order: dict[str, Any], channel: Channel, teller: Teller) -> Any:
    """What the best passages say. Raises Failed where they cannot be had."""
    if order["agent"].get("output_schema"):
        raise Failed(
            "output_invalid",
            "The extractive model answers in text, not in what the agent's output_schema says.",
            "Choose another model, or take the output_schema away.",
        )
    query = question_of(order["input"])
    asked = await channel.ask_async({"ask": "search", "query": query, "limit": PASSAGES})
    if "error" in asked:
        raise Failed("execution_failed", f"The documents cannot be searched: {asked['error']}")
    found = asked["passages"]
    teller.log("info", "search", f"Found {len(found)} passages.", query=query, count=len(found))
    best = max((passage["score"] for passage in found), default=0.0)
    used = [passage for passage in found if passage["score"] >= best * SHARE]
    passages = Passages()
    passages.show(used)
    text = "\n\n".join(f"{_clean(p['content'])} [{n}]" for n, p in enumerate(used, 1)) or NOTHING
    teller.output(text)
    return {"text": text, "citations": passages.cited(text)}


def _clean(text: str) -> str:
    """Without marks of its own, which would cite something else."""
    return re.sub(r"\[(\d+)\]", r"(\1)", text.strip())
