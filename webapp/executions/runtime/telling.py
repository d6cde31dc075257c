"""What a runner tells while it works: log lines, pieces of its output, what it has used."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from webapp.engine.channel import Channel

#: pieces of output that come within this time are one message
JOIN_SECONDS = 0.03


@dataclass
class Usage:
    """What an execution has used of models, with what was recorded before.

    `cost_usd` is None as soon as one answer's price is unknown.
    """

    model_requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0

    def add(self, input_tokens: int, output_tokens: int, cost_usd: float | None) -> None:
        """Add an answer's."""
        self.model_requests += 1
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens
        if self.cost_usd is not None:
            self.cost_usd = None if cost_usd is None else self.cost_usd + cost_usd

    def as_json(self) -> dict[str, Any]:
        """As a message carries it; the cost is null where it is unknown."""
        return {
            "model_requests": self.model_requests,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": self.cost_usd,
        }


class Teller:
    """Tells the worker. Used by the event loop's thread alone."""

    def __init__(self, channel: Channel) -> None:
        self.usage = Usage()
        self._channel = channel
        self._pieces: list[str] = []
        self._told_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._has_text = self._is_new_paragraph = False

    def log(self, level: str, step: str, message: str, **metadata: Any) -> None:
        """Tell a log line, after the output that came before it."""
        self.flush()
        line = {"level": level, "step": step, "message": message, "metadata": metadata}
        self._channel.tell({"log": line})

    def output(self, piece: str) -> None:
        """Tell a piece of output: the first at once, others together with what follows soon."""
        if not piece:
            return
        if self._is_new_paragraph:
            piece, self._is_new_paragraph = f"\n\n{piece}", False
        self._has_text = True
        self._pieces.append(piece)
        wait = self._told_at + JOIN_SECONDS - time.monotonic()
        if wait <= 0:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait, self.flush)

    def begin_paragraph(self) -> None:
        """Keep what comes apart from what was said before."""
        self._is_new_paragraph = self._has_text

    def flush(self) -> None:
        """Tell what was gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pieces:
            self._channel.tell({"output": "".join(self._pieces)})
            self._pieces, self._told_at = [], time.monotonic()

    def tell_usage(self) -> None:
        self._channel.tell({"usage": self.usage.as_json()})
