"""How much time a chart shows, and in what steps; chosen in the address, as `range`."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class Range(StrEnum):
    """Each is cut into whole steps, few enough for a phone and many enough for a desk."""

    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"

    @property
    def span(self) -> timedelta:
        return _SPANS[self][0]

    @property
    def step(self) -> timedelta:
        return _SPANS[self][1]

    @property
    def label(self) -> str:
        """As one chooses it: "7 days"."""
        return _WORDS[self][0]

    @property
    def step_label(self) -> str:
        """What a value is counted in: "per hour"."""
        return _WORDS[self][1]


_SPANS = {
    Range.HOUR: (timedelta(hours=1), timedelta(minutes=1)),
    Range.DAY: (timedelta(days=1), timedelta(minutes=15)),
    Range.WEEK: (timedelta(days=7), timedelta(hours=2)),
    Range.MONTH: (timedelta(days=30), timedelta(hours=6)),
}
_WORDS = {
    Range.HOUR: ("1 hour", "per minute"),
    Range.DAY: ("24 hours", "per 15 minutes"),
    Range.WEEK: ("7 days", "per 2 hours"),
    Range.MONTH: ("30 days", "per 6 hours"),
}
