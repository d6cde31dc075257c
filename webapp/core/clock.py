"""The time, in one place, so that a test can move it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import available_timezones


def now() -> datetime:
    """The present moment in UTC, aware, whole microseconds."""
    return datetime.now(UTC)


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC; one without a zone is in UTC already.

    Raises ValueError at the ends of the calendar, where UTC has no year for it.
    """
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must be within the years 1 to 9999 in UTC") from error


def shift(moment: datetime, by: timedelta) -> datetime:
    """An aware moment so much later, or earlier; at an end of the calendar that end, in UTC."""
    try:
        return moment + by
    except OverflowError:
        return (datetime.max if by > timedelta() else datetime.min).replace(tzinfo=UTC)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with `Z`, as the API and `<time datetime>` write it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@cache
def known_zones() -> frozenset[str]:
    """All names of the IANA's zones that browsers may have for their own, aliases too."""
    return frozenset(available_timezones())


def in_words(moment: datetime) -> str:
    """How long ago it was, or how soon it will be: "3 min. ago", "in 2 hr.", "yesterday".

    What is to come is rounded, so that a week from now is in 7 days also a second later. The words
    of `locale.js`, which keeps them fresh, so that a page does not change as it begins.
    """
    seconds = (in_utc(moment) - now()).total_seconds()
    unit, size = next((pair for pair in _UNITS if abs(seconds) >= pair[1]), _UNITS[-1])
    count = int(-seconds / size if seconds < 0 else seconds / size + 0.5)
    if not count:
        return "now"
    if unit == "day" and count == 1:
        return "yesterday" if seconds < 0 else "tomorrow"
    words = f"{count:,} {'days' if unit == 'day' else unit}"
    return f"{words} ago" if seconds < 0 else f"in {words}"


_UNITS = (("day", 86400), ("hr.", 3600), ("min.", 60), ("sec.", 1))
