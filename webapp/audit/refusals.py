"""Refusal: an attempt that was not allowed, as an entry of the audit.

Nobody fills the disk with them: what is tried again within an hour is told the 1st, 2nd, 4th, 8th …
time, and of one kind an organization gets `TOLD_AN_HOUR` entries from a web process. What goes
beyond is counted together, and told in the same way.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Lock
from uuid import UUID

from webapp.audit.models import AuditEntry
from webapp.core.actor import Actor
from webapp.core.database.transactions import unless_busy
from webapp.core.extensions import db

SIGN_IN, KEY, PERMISSION = "refuse_sign_in", "refuse_key", "refuse_permission"
#: the actions of all entries that tell of an attempt
REFUSALS = (SIGN_IN, KEY, PERMISSION)
HOUR = 3600.0
TOLD_AN_HOUR = 30


@dataclass(frozen=True)
class Refusal:
    """Who tried what; `reason` is a code or a word, `address` where it came from.

    Of a refused sign-in the actor is whose account was tried, by whomever.
    """

    actor: Actor
    action: str
    subject_type: str
    subject_id: str
    subject_name: str
    reason: str
    address: str


@dataclass
class _Window:
    """What was refused of one kind in one organization within an hour."""

    ends_at: float
    counts: Counter[object] = field(default_factory=Counter)
    told_count: int = 0


class RefusalCounter:
    """Counts refusals, and says which are told; the time is that of a clock which never jumps."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._windows: dict[tuple[UUID, str], _Window] = {}

    def count(self, refusal: Refusal) -> tuple[int, bool] | None:
        """Which one it is, and whether of those beyond the limit; None where it is not told."""
        with self._lock:
            window = self._window_of(refusal)
            is_beyond = window.told_count >= TOLD_AN_HOUR
            # Whoever varies what they try makes no more keys than are told.
            key = None if is_beyond else _kind_of(refusal)
            window.counts[key] += 1
            count = window.counts[key]
            if count & (count - 1):
                return None
            window.told_count += not is_beyond
            return count, is_beyond

    def _window_of(self, refusal: Refusal) -> _Window:
        now, key = self._clock(), (refusal.actor.organization_id, refusal.action)
        if key not in self._windows or self._windows[key].ends_at <= now:
            self._windows = {
                other: window for other, window in self._windows.items() if window.ends_at > now
            }
            self._windows[key] = _Window(now + HOUR)
        return self._windows[key]


def record_refusals(refusals: Iterable[Refusal], counter: RefusalCounter) -> None:
    """Write those that are told, in a transaction of their own; none while much is being written.

    No page follows them, and nobody is told.
    """
    told = [
        _entry(refusal, *counted)
        for refusal in refusals
        if (counted := counter.count(refusal)) is not None
    ]
    if told:
        with unless_busy():
            db.session.add_all(told)
            db.session.flush()


def _kind_of(refusal: Refusal) -> object:
    actor = refusal.actor
    return (actor.name, refusal.subject_id, refusal.subject_name, refusal.reason, refusal.address)


def _entry(refusal: Refusal, count: int, is_beyond: bool) -> AuditEntry:
    actor = refusal.actor
    return AuditEntry(
        organization_id=actor.organization_id,
        actor_kind=actor.kind,
        actor_id=actor.api_key_id or actor.user_id,
        actor_name=actor.name,
        action=refusal.action,
        subject_type=refusal.subject_type,
        subject_id=refusal.subject_id[:64],
        subject_name=refusal.subject_name[:300],
        detail={"reason": refusal.reason, "address": refusal.address, "count": count}
        | ({"with_others": True} if is_beyond else {}),
        request_id=actor.request_id,
    )


def describe_refusal(entry: AuditEntry) -> str:
    """Why, from where and how often within an hour, for the log."""
    if entry.action not in REFUSALS:
        return ""
    detail = entry.detail
    reason = detail.get("reason", "")
    words = [f"needs {reason}" if ":" in reason else _REASONS.get(reason, reason)]
    words += [f"from {detail['address']}"] if detail.get("address") else []
    if detail.get("with_others"):
        words.append(f"and others: {detail['count']:,} more within the hour")
    elif detail.get("count", 1) > 1:
        words.append(f"{detail['count']:,} times within the hour")
    return f"({', '.join(word for word in words if word)})"


#: reasons that are no words yet
_REASONS = {
    "bad_credentials": "wrong password",
    "forbidden": "",
    "needs_person": "not for API keys",
}
