"""The time, in one place, so that a test can move it."""

from __future__ import annotations

from datetime import UTC, datetime


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


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with `Z`, as the API and `<time datetime>` write it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
