"""A program for runners that does what its input says, line by line: also what none should do.

    {"script": [["log", "Hello"], ["output", "He"], ["sleep", 5], ["result", "Hello"]]}

It stands where the runtime does, of which a worker believes nothing.
"""

from __future__ import annotations

import os
import time
from typing import Any

from webapp.engine.channel import Channel


def run(order: dict[str, Any], channel: Channel) -> None:
    recorded = {step["call_id"]: step["content"] for step in order["steps"]}
    for name, *arguments in order["input"]["script"]:
        _do(name, arguments, order, channel, recorded)


def _do(
    name: str,
    arguments: list[Any],
    order: dict[str, Any],
    channel: Channel,
    recorded: dict[str, Any],
) -> None:
    if name == "log":
        message, *others = arguments
        line = {"level": "info", "step": "script", "message": message}
        channel.tell({"log": line | (others[0] if others else {})})
    elif name == "many":
        count, message = arguments
        for number in range(count):
            channel.tell({"log": {"level": "info", "step": "", "message": f"{message} {number}"}})
    elif name == "model":
        # Paid for once: what is recorded is not asked for again.
        (call_id,) = arguments
        if call_id not in recorded:
            channel.tell({"log": {"level": "info", "step": "model", "message": f"paid {call_id}"}})
            channel.ask(
                {"ask": "record", "step": {"kind": "model", "call_id": call_id, "content": 1}}
            )
    elif name == "ask":
        answer = channel.ask(arguments[0])
        channel.tell({"log": {"level": "info", "step": "answer", "message": str(answer)}})
    elif name == "secret":
        channel.tell({"log": {"level": "info", "step": "", "message": order["model"]["api_key"]}})
    elif name == "first_time":
        # The rest of the script is for later tries.
        if arguments[0] not in recorded:
            channel.ask(
                {"ask": "record", "step": {"kind": "tool", "call_id": arguments[0], "content": 1}}
            )
            for line in arguments[1]:
                _do(line[0], line[1:], order, channel, recorded)
    elif name == "output":
        channel.tell({"output": arguments[0]})
    elif name == "usage":
        channel.tell({"usage": arguments[0]})
    elif name == "sleep":
        time.sleep(arguments[0])
    elif name == "exit":
        os._exit(arguments[0])
    elif name == "raise":
        raise RuntimeError(arguments[0])
    elif name == "do":
        exec(arguments[0], {"channel": channel, "order": order})
    elif name == "tell":
        channel.tell(arguments[0])
    elif name == "result":
        text = arguments[0] if arguments else "Done"
        channel.tell({"result": {"output": {"text": text, "citations": []}, "usage": {}}})
    elif name == "failure":
        channel.tell({"failure": arguments[0]})
    else:
        raise ValueError(name)
