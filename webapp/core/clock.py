"""The time, in one place, so that a test can move it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment in UTC, aware, whole microseconds."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with `Z`, as the API and `<time datetime>` write it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
