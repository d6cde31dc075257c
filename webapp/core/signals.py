"""Signal: how a feature tells those below it, which it does not know, that something has changed.

    changed = Signal("documents.changed")               # the feature above says what there is
    changed.connect(app, schedule_recalculation)        # the one below listens, per application
    changed.send(organization_id=organization_id)       # inside the transaction

Receivers join the sender's transaction: they write and enqueue, and leave the commit to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import blinker
from flask import Flask, current_app


class Signal:
    """A named signal whose receivers are those of the running application."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._signal = blinker.Signal(name)

    def connect(self, app: Flask, receiver: Callable[..., Any]) -> None:
        """Let `receiver(**values)` hear what is sent within `app`; twice is once."""

        def receive(_sender: Flask, **values: Any) -> Any:
            return receiver(**values)

        receivers = app.extensions.setdefault("callboard-receivers", {})
        if (self.name, receiver) not in receivers:
            receivers[self.name, receiver] = receive  # blinker keeps only a weak reference
            self._signal.connect(receive, sender=app)

    def send(self, **values: Any) -> list[Any]:
        """Call the receivers in the running transaction; what each of them answers."""
        app = current_app._get_current_object()  # type: ignore[attr-defined]  # what a proxy stands for
        return [answer for _, answer in self._signal.send(app, **values)]
