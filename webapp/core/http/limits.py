"""Rate limits: how often a key, a session or an address may ask, counted by each web process."""

from __future__ import annotations

import threading
import time

from flask import current_app, g
from flask_limiter import RequestLimit
from flask_limiter.util import get_remote_address
from limits import RateLimitItem, parse
from limits.storage import Storage

from webapp.config import Settings
from webapp.core.actor import Actor
from webapp.core.errors import LimitExceeded


class Counters(Storage):
    """Counts within fixed windows of time, in this process's memory, behind one lock.

    In place of the library's own `memory://`, where two requests may start the same timer and one
    of them fails (limits 5.8.0). No timer here: whoever counts forgets what has ended, when there
    are twice as many counts as were left the last time.
    """

    STORAGE_SCHEME = ["process"]
    FEWEST = 1000

    def __init__(
        self, uri: str | None = None, wrap_exceptions: bool = False, **options: float | str | bool
    ) -> None:
        super().__init__(uri, wrap_exceptions, **options)
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[int, float]] = {}
        self._sweep_at = self.FEWEST

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    @property
    def size(self) -> int:
        """How many counts are kept. (No `__len__`: the library takes an empty one for none.)"""
        return len(self._windows)

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count, in a window of `expiry` seconds that begins with its first count."""
        now = time.time()
        with self._lock:
            if len(self._windows) >= self._sweep_at:
                self._sweep(now)
            count, end = self._windows.get(key, (0, 0.0))
            count, end = (count, end) if now < end else (0, now + expiry)
            self._windows[key] = (count + amount, end)
            return count + amount

    def get(self, key: str) -> int:
        count, end = self._windows.get(key, (0, 0.0))
        return count if time.time() < end else 0

    def get_expiry(self, key: str) -> float:
        """When the key's window ends, in seconds since 1970; now where there is none."""
        return max(self._windows.get(key, (0, 0.0))[1], time.time())

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        with self._lock:
            count = len(self._windows)
            self._windows.clear()
            return count

    def clear(self, key: str) -> None:
        with self._lock:
            self._windows.pop(key, None)

    def _sweep(self, now: float) -> None:
        self._windows = {key: window for key, window in self._windows.items() if now < window[1]}
        self._sweep_at = max(self.FEWEST, 2 * len(self._windows))


def per_minute() -> str:
    """How much a key, a session or an address may ask for."""
    settings: Settings = current_app.config["CALLBOARD"]
    return f"{settings.rate_limit} per minute"


def key() -> str:
    """Limits count per API key or session; an address only where nobody is known."""
    actor: Actor | None = g.get("actor")
    return key_of(actor) if actor is not None else str(get_remote_address())


def key_of(actor: Actor) -> str:
    return str(actor.credential_id or actor.user_id)


def count(actor: Actor) -> None:
    """Count what an actor asks for outside a request, as a frame of a socket.

    Raises LimitExceeded when key or session have used up what they may ask for in a minute, in
    requests and frames together.
    """
    from webapp.core.extensions import limiter

    item = parse(per_minute())
    window = (key_of(actor), "global")
    if not limiter.limiter.hit(item, *window):
        refuse(item, limiter.limiter.get_window_stats(item, *window).reset_time)


def refuse_request(limit: RequestLimit) -> None:
    """What the library calls when a limit is used up."""
    refuse(limit.limit, limit.reset_at)


def refuse(limit: RateLimitItem, ends_at: float) -> None:
    """Raise LimitExceeded with the time until the window ends, in seconds since 1970."""
    seconds = max(1, int(ends_at - time.time()))
    raise LimitExceeded(
        f"Too many requests: the limit is {limit}.",
        headers={"Retry-After": str(seconds)},
        suggestions=[f"Try again in {seconds} seconds."],
    )
