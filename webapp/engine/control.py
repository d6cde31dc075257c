"""How a running job is told to stop, and how it says that it goes on later."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NoReturn

# What follows are BaseExceptions, so that a job's own `except Exception` cannot take them for a
# failure of what it does.


class Interrupted(BaseException):
    """The worker is stopping: leave the job where it is, another worker continues it."""


class Cancelled(BaseException):
    """Somebody has cancelled this job: clean up and end it."""


class RetryLater(BaseException):
    """The job gives its slot back and is run again after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Token:
    """Tells one running job, from any thread, that it is to stop.

    `failures` counts its failures since it last made progress (see `retries`).
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.is_cancelled = False
        self.failures = 0
        self._told = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    def cancel(self) -> None:
        self.is_cancelled = True
        self.interrupt()

    def interrupt(self) -> None:
        with self._lock:
            self._told.set()
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """Have `callback` called in this block when the job is to stop, or at once if it is.

        The thread that tells calls it: it must neither wait nor raise.
        """
        with self._lock:
            self._callbacks.append(callback)
            is_told = self._told.is_set()
        try:
            if is_told:
                callback()
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)

    def is_set(self) -> bool:
        """Whether the job is to stop: it was cancelled, or its worker is stopping."""
        return self._told.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait `seconds`, or less where the job is to stop before; whether it is."""
        return self._told.wait(seconds)

    def check(self) -> None:
        """Raise Cancelled or Interrupted where the job is to stop."""
        if self.is_cancelled:
            raise Cancelled
        if self._told.is_set():
            raise Interrupted


#: the worker that this process is; empty where it is none
_worker = ""
_token: ContextVar[Token | None] = ContextVar("job_token", default=None)
_stopping = threading.Event()


def get_token() -> Token | None:
    """The token of the job that runs here; None outside of jobs.

    Threads that a job starts do not inherit it: hand it to them.
    """
    return _token.get()


def name_worker(worker_id: str) -> None:
    """Say which worker this process is, as `list_workers` calls it."""
    global _worker
    _worker = worker_id


def get_worker() -> str | None:
    """The worker that the running job is in; None outside of workers."""
    return _worker or None


@contextmanager
def running(token: Token) -> Iterator[None]:
    """Let `token` be the one of the job in this block."""
    before = _token.set(token)
    try:
        yield
    finally:
        _token.reset(before)


def stop() -> None:
    """Let every job of this process end at its next `check_interrupted`."""
    _stopping.set()


def is_stopping() -> bool:
    return _stopping.is_set()


def sleep(seconds: float) -> None:
    """Sleep in a job; raises Cancelled or Interrupted as soon as it is to stop."""
    token = get_token()
    if token is None:
        time.sleep(seconds)
    elif token.wait(seconds):
        token.check()


def retry_later(seconds: float) -> NoReturn:
    """End this run of the job without a result: it is called again after `seconds`.

    Meanwhile it holds no slot. What is not committed is rolled back, so commit first what the
    next run has to know; that run may also come early, after the death of a worker.
    """
    token = get_token()
    if token is not None:
        token.failures = 0  # what has failed before is the end of this run, not of the job
    raise RetryLater(seconds)
