"""Signal: how a feature tells those below it, which it does not know, that something has changed.

changed = Signal("documents.changed")                    # the feature above says what there is
Receiver(changed, schedule_refresh)                      # a contribution of the one below
changed.send(organization_id=organization_id)            # inside the transaction
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from webapp.core.feature import contributions


@dataclass(frozen=True)
class Signal:
    """What a feature announces or asks; `name` is for people."""

    name: str

    def send(self, **values: Any) -> list[Any]:
        """Call the application's receivers in the running transaction; what each answers.

        They write and enqueue, and leave the commit to the sender.
        """
        receivers = [item for item in contributions(Receiver) if item.signal is self]
        return [receiver.function(**values) for receiver in receivers]


#: a request was refused: `error` is the DomainError; nothing may be written before the answer
refused = Signal("refused")


@dataclass(frozen=True)
class Receiver:
    """A feature's ear for a signal of a feature above: `function(**values)`."""

    signal: Signal
    function: Callable[..., Any]
