"""Executions in the command palette: one by its id, and the running ones, to be cancelled."""

from __future__ import annotations

from flask import url_for

from webapp.agents.models import as_uuid
from webapp.agents.permissions import EXECUTIONS_RUN
from webapp.audit.models import AuditEntry
from webapp.core.actor import Actor
from webapp.core.errors import NotFound
from webapp.core.navigation import Confirmation, PaletteEntry
from webapp.executions import services
from webapp.executions.models import Execution
from webapp.executions.permissions import EXECUTIONS_READ
from webapp.executions.schemas import ExecutionQuery
from webapp.executions.showing import title_of
from webapp.tasks.models import Status

MAX_FOUND = 4
MIN_WORDS = 3
CANCEL = "cancel"


def describe_start(entry: AuditEntry) -> str:
    """Which agent the execution that an entry names is one of."""
    agent = entry.detail.get("agent") if entry.subject_type == "execution" else None
    return f"of {agent}" if agent else ""


def find_executions(words: str, actor: Actor, _open_handle: str = "") -> list[PaletteEntry]:
    """The one with this id; behind "cancel" the running ones whose input has the words.

    To look through all inputs is left to the list: this is asked with every letter.
    """
    if len(words) < MIN_WORDS or not actor.may(EXECUTIONS_READ):
        return []
    verb, _, rest = words.lower().partition(" ")
    if CANCEL.startswith(verb) and actor.may(EXECUTIONS_RUN):
        query = ExecutionQuery(status=Status.RUNNING, q=rest.strip(), limit=MAX_FOUND)
        return [_cancelling(execution) for execution in _find(query, actor)]
    if as_uuid(words) is None:
        return []
    try:
        execution = services.get_execution(words, actor=actor)
    except NotFound:
        return []
    href = url_for("executions.show", execution_id=execution.id)
    return [PaletteEntry(title_of(execution), href, execution.status)]


def _find(query: ExecutionQuery, actor: Actor) -> list[Execution]:
    return services.list_executions(query, actor=actor)[0]


def _cancelling(execution: Execution) -> PaletteEntry:
    return PaletteEntry(
        f"Cancel “{title_of(execution)}”",
        url_for("executions.cancel", execution_id=execution.id),
        execution.status,
        fields={},
        confirmation=Confirmation(
            f"Stop “{title_of(execution)}”?",
            "Stop execution",
            "It stops at once. What it has cost until now stays.",
            keep="Let it run",
        ),
    )
