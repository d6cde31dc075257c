"""What is done when the answer has been sent: nobody waits for it, and it spoils no answer.

A thread of its own does it. In that of the request it would keep the next request on the same
connection waiting, and how long would tell whoever asks whether there was something to do.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import BoundedSemaphore

import structlog
from flask import Flask, Response, after_this_request, has_request_context

from webapp.core.live.steps import this_app

#: calls that may wait in one process; what comes beyond them is left out
MAX_WAITING = 100

log = structlog.get_logger(__name__)


class Afterwards:
    """The thread of one application in one process. What waits is done before the process ends."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="afterwards")
        self._places = BoundedSemaphore(MAX_WAITING)

    def add(self, function: Callable[[], None]) -> None:
        if self._places.acquire(blocking=False):
            # While the process ends no more is taken.
            with suppress(RuntimeError):
                self._thread.submit(self._call, function)

    def wait(self, seconds: float) -> None:
        """Until all that waits now is done; raises TimeoutError where that takes longer."""
        self._thread.submit(int).result(seconds)

    def _call(self, function: Callable[[], None]) -> None:
        self._places.release()
        with self._app.app_context():
            try:
                function()
            except Exception as error:
                # Without its values: they may be what was refused.
                log.warning("afterwards_failed", error=type(error).__name__)


def afterwards(function: Callable[[], None]) -> None:
    """Call `function` in a context of its own, after the answer to the running request.

    What goes wrong in it is logged. Outside of a request nothing is called.
    """
    if not has_request_context():
        return
    later = of(this_app())

    @after_this_request
    def wait(response: Response) -> Response:
        response.call_on_close(lambda: later.add(function))
        return response


def of(app: Flask) -> Afterwards:
    """The application's own."""
    later: Afterwards = app.extensions.setdefault("callboard-afterwards", Afterwards(app))
    return later
