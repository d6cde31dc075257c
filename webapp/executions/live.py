"""What open pages and streams are told of an execution (docs/contract/executions.md, stream).

Feeds `execution:<id>` and `executions:all` say that something has changed; a stream sends all that
is numbered by the execution's sequence, in that order, from any number on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from flask import render_template
from sqlalchemy import select

from webapp.core import live
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.core.openapi import SocketDocument
from webapp.executions import services, waiting
from webapp.executions.figures import count_present
from webapp.executions.models import Execution, LogLine, OutputChunk
from webapp.executions.schemas import ExecutionResponse, LogLineResponse
from webapp.executions.showing import read_parts

M = TypeVar("M", LogLine, OutputChunk)

#: lines and pieces that one look reads at most; where there are more, another follows
AT_ONCE = 500

SOCKET = SocketDocument(
    path="/ws/executions/{execution_id}",
    operation_id="executions.follow",
    summary="Follow an execution; `?after=` or Last-Event-ID: from the last event that one has on",
    receives=None,
    sends={
        "status": "the status with what it waits for, at first and whenever it is another",
        "log": "a line of the log",
        "output": "a piece of the output; `restart`: the pieces before it count no more",
        "done": "the whole execution; the socket closes",
    },
    example=[
        ("server", {"event": "status", "id": 0, "data": {"status": "running"}}),
        ("server", {"event": "log", "id": 1, "data": {"level": "info", "message": "Started."}}),
        ("server", {"event": "done", "id": 4, "data": {"status": "completed"}}),
    ],
)


@dataclass(frozen=True)
class Event:
    """One thing that a stream tells; `id` grows."""

    id: int
    name: str
    data: dict[str, Any]


def follow_execution(
    execution_id: str | UUID, after: int, *, actor: Actor
) -> tuple[tuple[UUID, str], Iterator[Sequence[Event]]]:
    """What is announced when there is more, and the groups of events behind `after`.

    The first group is the present status. NotFound where the actor has no such execution.
    """
    execution = services.get_execution(execution_id, actor=actor)
    change = execution.organization_id, f"execution:{execution.id}"
    return change, _events(execution.id, after, actor)


def execution_socket(
    actor: Actor, after: int, *, execution_id: str
) -> tuple[tuple[UUID, str], Iterator[Sequence[live.Frame]]]:
    """Follow an execution over a socket."""
    change, groups = follow_execution(execution_id, after, actor=actor)
    frames = ([live.Frame(e.name, e.data, id=e.id) for e in events] for events in groups)
    return change, frames


def _events(execution_id: UUID, after: int, actor: Actor) -> Iterator[list[Event]]:
    known = -1
    while True:
        execution = _read(execution_id, actor)
        if known < 0:
            known = execution.status_sequence
            yield [Event(after, "status", _status(execution))]
        events, until = _read_events(execution, after)
        if after < execution.status_sequence <= until and execution.status_sequence > known:
            known = execution.status_sequence
            events.append(Event(known, "status", _status(execution)))
            events.sort(key=lambda event: event.id)
        after = max(after, until)
        is_over = execution.is_finished and until >= execution.sequence
        if is_over:
            events.append(Event(max(after, execution.sequence) + 1, "done", _whole(execution)))
        yield events
        if is_over:
            return


def _read(execution_id: UUID, actor: Actor) -> Execution:
    # Between two steps the session forgets nothing by itself.
    db.session.expire_all()
    execution = services.get_execution(execution_id, actor=actor)
    waiting.explain([execution])
    return execution


def _read_events(execution: Execution, after: int) -> tuple[list[Event], int]:
    """Lines and pieces behind `after`, and up to which number these are all there are.

    The row was read before: whatever is numbered up to its own number is there, in both tables.
    """
    until = execution.sequence
    found: list[Event] = []
    for rows in (_rows(LogLine, execution, after), _rows(OutputChunk, execution, after)):
        found += map(_describe, rows)
        if len(rows) == AT_ONCE:
            until = min(until, rows[-1].sequence)
    events = [event for event in found if event.id <= until]
    return sorted(events, key=lambda event: event.id), until


def _rows(model: type[M], execution: Execution, after: int) -> Sequence[M]:
    statement = (
        select(model)
        .where(
            model.execution_id == execution.id,
            model.sequence > after,
            model.sequence <= execution.sequence,
        )
        .order_by(model.sequence)
        .limit(AT_ONCE)
    )
    return db.session.scalars(statement).all()


def _describe(row: LogLine | OutputChunk) -> Event:
    if isinstance(row, LogLine):
        line = LogLineResponse.model_validate(row).model_dump(mode="json")
        return Event(row.sequence, "log", line)
    restart = {"restart": True} if row.text is None else {}
    return Event(row.sequence, "output", {"text": row.text or ""} | restart)


def _status(execution: Execution) -> dict[str, Any]:
    whole = _whole(execution)
    names = ("status", "attempt", "waiting_for", "waiting_since", "waiting_reason", "resume_at")
    return {"execution_id": str(execution.id)} | {name: whole[name] for name in names}


def _whole(execution: Execution) -> dict[str, Any]:
    return ExecutionResponse.model_validate(execution).model_dump(mode="json")


def _draw_execution(execution_id: str, actor: Actor) -> str:
    execution = services.get_execution(execution_id, actor=actor, explained=True)
    return render_template("executions/_frames.html", **read_parts(execution))


def _draw_revision(_item_id: str, _actor: Actor) -> str:
    return live.draw_revision("executions-revision", time.time_ns())


def _draw_present(_item_id: str, actor: Actor) -> str:
    return render_template("executions/_present_frame.html", present=count_present(actor=actor))


FEEDS = (
    live.Feed("execution", _draw_execution),
    live.Feed("executions", _draw_revision),
    live.Feed("present", _draw_present, follows=("executions:all",)),
)
