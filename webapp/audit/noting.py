"""Refusals of the running request, written when it has been answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from flask import current_app, g, has_request_context, request

from webapp.audit.refusals import PERMISSION, Refusal, RefusalCounter, record_refusals
from webapp.core.actor import Actor
from webapp.core.errors import DomainError, Forbidden
from webapp.core.http.afterwards import afterwards


def note(find: Callable[[], Iterable[Refusal]]) -> None:
    """Write what `find` answers after the running request, whose answer tells nothing of it."""
    afterwards(lambda: record_refusals(find(), _counter()))


def note_forbidden(error: DomainError) -> None:
    """Note that somebody known was refused what they may not do."""
    actor: Actor | None = g.get("actor") if has_request_context() else None
    if actor is None or not isinstance(error, Forbidden):
        return
    needs = error.extras.get("needs", {}).get("permission", error.code)
    refusal = Refusal(
        actor,
        PERMISSION,
        "request",
        request.endpoint or "",
        f"{request.method} {request.path}",
        needs,
        request.remote_addr or "",
    )
    note(lambda: [refusal])


def _counter() -> RefusalCounter:
    counter: RefusalCounter = current_app.extensions.setdefault(
        "callboard-refusals", RefusalCounter()
    )
    return counter
