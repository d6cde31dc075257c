"""Bells: what the thread of a queue waits on between two looks at the database."""

from __future__ import annotations

import math
import threading
import time

#: A look costs about 4 ms of CPU: under a storm of wake-ups one finds several jobs.
GAP_SECONDS = 0.05
#: How soon after a job's function the engine has written its end and counts the slot as free.
FREED_SECONDS = 0.01


class Bell:
    """Stands in for the event on which dbos waits for its end, and lets it look when it is rung.

    While as many jobs run as may, it does not: a look would find no room for another one.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._running = 0
        self._rung_for = 0.0  # the moment at which to look; begins with one look
        self._looked_at = -math.inf
        self._ended = False
        self._changed = threading.Condition()

    def ring(self, *, in_seconds: float = 0.0) -> None:
        """Let the queue's thread look now, or soon."""
        with self._changed:
            self._rung_for = min(self._rung_for, time.monotonic() + in_seconds)
            self._changed.notify_all()

    def take(self) -> bool:
        """Take a slot for a job; False where none is left."""
        with self._changed:
            if self._running >= self._concurrency:
                return False
            self._running += 1
            return True

    def give_back(self) -> None:
        """Give a slot back; where it was the last, look for the next job."""
        with self._changed:
            was_full = self._running >= self._concurrency
            self._running -= 1
        if was_full:
            self.ring(in_seconds=FREED_SECONDS)

    # The part of threading.Event that dbos uses.

    def set(self) -> None:
        """End the thread."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def is_set(self) -> bool:
        return self._ended

    def wait(self, timeout: float) -> bool:
        """Wait until it is time for a look; whether the thread is to end instead."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._ended:
                look_at = deadline
                if self._running < self._concurrency:
                    look_at = min(deadline, max(self._rung_for, self._looked_at + GAP_SECONDS))
                now = time.monotonic()
                if now >= look_at:
                    self._rung_for, self._looked_at = math.inf, now
                    return False
                self._changed.wait(look_at - now)
        return True
