"""The built-in model: it answers from the agent's passages, word for word, with citations."""

from __future__ import annotations

import json
from typing import Any

from webapp.engine.channel import Channel

PASSAGES = 3
NOTHING = "The documents say nothing about that."


def run(order: dict[str, Any], channel: Channel) -> None:
    """Search for what is asked, and tell what the best passages say."""
    prompt = order["input"].get("prompt")
    if not isinstance(prompt, str):
        prompt = json.dumps(order["input"], ensure_ascii=False)
    channel.tell({"log": {"level": "info", "step": "search", "message": "Searches the documents."}})
    found = channel.ask({"ask": "search", "query": prompt, "limit": PASSAGES})
    if "error" in found:
        channel.tell({"failure": {"code": "execution_failed", "message": found["error"]}})
        return
    passages = found["passages"]
    text = "\n\n".join(passage["content"] for passage in passages) or NOTHING
    names = ("doc_id", "chunk_id", "title", "score")
    citations = [{name: passage[name] for name in names} for passage in passages]
    channel.tell({"output": text})
    usage = {"model_requests": 0, "input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0}
    channel.tell({"result": {"output": {"text": text, "citations": citations}, "usage": usage}})
