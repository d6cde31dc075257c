"""Read the log of an execution: filtered, in parts or whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, cast, func, or_, select

from webapp.core.actor import Actor
from webapp.core.database.text import like_pattern
from webapp.core.extensions import db
from webapp.executions.models import Execution, Level, LogLine
from webapp.executions.services import get_execution

#: lines that an export reads in one look, and holds in memory
EXPORTED_AT_ONCE = 500
#: lines that a page shows at most
LINES_AT_ONCE = 100


def list_lines(
    execution_id: str | UUID,
    *,
    level: Level | None = None,
    q: str = "",
    after: int = 0,
    limit: int = 100,
    actor: Actor,
) -> tuple[list[LogLine], int | None]:
    """The lines that match behind `after`, oldest first; behind which one the next part begins.

    None where there is nothing more now. A log that still grows is followed by its stream.
    """
    execution = get_execution(execution_id, actor=actor)
    statement = _select(execution.id, level, q).where(LogLine.sequence > after)
    lines = list(db.session.scalars(statement.limit(limit + 1)))
    return lines[:limit], lines[limit - 1].sequence if len(lines) > limit else None


def latest_lines(
    execution: Execution, *, level: Level | None = None, q: str = "", before: int | None = None
) -> list[LogLine]:
    """The last lines that match, newest first; those before a number where one is given."""
    statement = _select(execution.id, level, q)
    if before is not None:
        statement = statement.where(LogLine.sequence < before)
    newest = statement.order_by(None).order_by(LogLine.sequence.desc())
    return list(db.session.scalars(newest.limit(LINES_AT_ONCE)))


def export_lines(
    execution: Execution, *, level: Level | None = None, q: str = ""
) -> Iterator[Sequence[LogLine]]:
    """All lines that match, oldest first, in parts. Between two parts no transaction is open."""
    statement = _select(execution.id, level, q).limit(EXPORTED_AT_ONCE)
    after = 0
    while True:
        lines = list(db.session.scalars(statement.where(LogLine.sequence > after)))
        db.session.expunge_all()
        db.session.rollback()
        yield lines
        if len(lines) < EXPORTED_AT_ONCE:
            return
        after = lines[-1].sequence


def count_levels(execution: Execution) -> dict[str, int]:
    """How many lines of each level there are."""
    statement = (
        select(LogLine.level, func.count().label("lines"))
        .where(LogLine.execution_id == execution.id)
        .group_by(LogLine.level)
    )
    return {row.level: row.lines for row in db.session.execute(statement)}


def _select(execution_id: UUID, level: Level | None, q: str) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = [LogLine.execution_id == execution_id]
    if level is not None and level is not Level.DEBUG:
        conditions.append(LogLine.level.in_(level.and_above))
    if sought := q.strip():
        # Looked for line by line: the number of lines that an execution has is bounded.
        pattern = like_pattern(sought)
        columns: list[ColumnElement[str]] = [
            LogLine.message.expression,
            LogLine.step.expression,
            cast(LogLine.fields, String),
        ]
        conditions.append(or_(*(column.ilike(pattern, escape="\\") for column in columns)))
    return select(LogLine).where(*conditions).order_by(LogLine.sequence)
