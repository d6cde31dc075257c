"""A program that tells which modules the extractive model has brought."""

from __future__ import annotations

import sys
from typing import Any

import webapp.executions.runtime.extractive  # noqa: F401 - only loaded
from webapp.engine.channel import Channel


def run(order: dict[str, Any], channel: Channel) -> None:
    channel.tell({"loaded": sorted(sys.modules.keys() & set(order["names"]))})
