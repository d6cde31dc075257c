"""What is done when the answer has been sent: nobody waits for it, and it spoils no answer."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import Flask, Response, after_this_request, current_app, has_request_context

log = structlog.get_logger(__name__)


def afterwards(function: Callable[[], None]) -> None:
    """Call `function` in a context of its own, after the answer to the running request.

    What goes wrong in it is logged. Outside of a request nothing is called.
    """
    if not has_request_context():
        return
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy has it

    @after_this_request
    def wait(response: Response) -> Response:
        response.call_on_close(lambda: _call(app, function))
        return response


def _call(app: Flask, function: Callable[[], None]) -> None:
    with app.app_context():
        try:
            function()
        except Exception as error:
            # Without its values: they may be what was refused.
            log.warning("afterwards_failed", error=type(error).__name__)
