"""A program for runners: it does what its order says, in Python."""

from __future__ import annotations

from typing import Any

from webapp.engine.channel import Channel


def run(order: dict[str, Any], channel: Channel) -> None:
    exec(order["code"], {"channel": channel, "order": order, "tell": channel.tell})
