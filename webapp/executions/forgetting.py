"""What of ended executions has served its time; each organization says how long that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update

from webapp.accounts.models import Organization
from webapp.core import clock
from webapp.core.extensions import db
from webapp.core.retention import Retention
from webapp.core.settings import get_settings
from webapp.executions.models import (
    Execution,
    ExecutionRetention,
    ExecutionUsage,
    LogLine,
    OutputChunk,
)

#: lines that one transaction deletes at most, but for those of one execution
LINES_AT_ONCE = 20_000
#: how long pieces of output are there after the end, for those who lost their stream in it
CHUNKS_KEPT = timedelta(minutes=15)


def forget_executions(_before: datetime, limit: int) -> int:
    """Delete ended executions that their organizations keep no longer, with all that is theirs."""
    count = 0
    for organization_id, days, _ in _kept():
        found = _select_old(organization_id, days, limit - count)
        gone = [execution_id for execution_id, _ in found]
        db.session.execute(delete(Execution).where(Execution.id.in_(gone)))
        count += len(gone)
        if len(found) and sum(lines for _, lines in found) >= LINES_AT_ONCE:
            return limit  # there may be more
    return count


def forget_logs(_before: datetime, limit: int) -> int:
    """Delete the logs that organizations keep no longer; the executions stay."""
    count = 0
    for organization_id, _, days in _kept():
        found = _select_old(organization_id, days, limit - count, Execution.log_count > 0)
        gone = [execution_id for execution_id, _ in found]
        db.session.execute(delete(LogLine).where(LogLine.execution_id.in_(gone)))
        db.session.execute(
            update(Execution)
            .where(Execution.id.in_(gone))
            .values(log_count=0, log_bytes=0)
            .execution_options(synchronize_session=False)
        )
        count += len(gone)
        if len(found) and sum(lines for _, lines in found) >= LINES_AT_ONCE:
            return limit
    return count


def forget_chunks(before: datetime, limit: int) -> int:
    """Delete the pieces of outputs that were whole before a moment."""
    statement = select(Execution.id).where(Execution.has_chunks, Execution.completed_at < before)
    gone = list(db.session.scalars(statement.limit(limit)))
    db.session.execute(delete(OutputChunk).where(OutputChunk.execution_id.in_(gone)))
    db.session.execute(
        update(Execution)
        .where(Execution.id.in_(gone))
        .values(has_chunks=False)
        .execution_options(synchronize_session=False)
    )
    return len(gone)


def forget_usage(before: datetime, limit: int) -> int:
    """Delete what executions took that ended before a moment."""
    usage, count = ExecutionUsage, 0
    for organization_id in db.session.scalars(select(Organization.id)).all():
        is_own = usage.organization_id == organization_id
        old = select(usage.completed_at).where(is_own, usage.completed_at < before)
        ends = list(db.session.scalars(old.order_by(usage.completed_at).limit(limit)))
        if ends:
            gone = delete(usage).where(is_own, usage.completed_at <= ends[-1])
            db.session.execute(gone.execution_options(synchronize_session=False))
            count += len(ends)
    return min(count, limit)


def _kept() -> Iterator[tuple[UUID, int, int]]:
    """Every organization, and how many days it keeps executions and logs."""
    settings = get_settings()
    own = ExecutionRetention
    rows = db.session.execute(
        select(Organization.id, own.execution_days, own.log_days).outerjoin(
            own, own.organization_id == Organization.id
        )
    )
    for organization_id, execution_days, log_days in rows.all():
        yield (
            organization_id,
            execution_days or settings.execution_days,
            log_days or settings.log_days,
        )


def _select_old(
    organization_id: UUID, days: int, limit: int, *conditions: ColumnElement[bool]
) -> Sequence[Any]:
    """Ids and numbers of lines of those that ended before, oldest first, not too many lines."""
    found = db.session.execute(
        select(Execution.id, Execution.log_count)
        .where(
            Execution.organization_id == organization_id,
            Execution.completed_at < clock.now() - timedelta(days=days),
            *conditions,
        )
        .order_by(Execution.completed_at)
        .limit(limit)
    ).all()
    lines, taken = 0, 0
    for _, count in found:
        if lines >= LINES_AT_ONCE:
            break
        lines, taken = lines + count, taken + 1
    return found[:taken]


RETENTIONS = (
    Retention("executions", forget_executions, "execution_days"),
    Retention("execution logs", forget_logs, "log_days"),
    Retention("usage of executions", forget_usage, "audit_days"),
    Retention("pieces of output", forget_chunks, CHUNKS_KEPT),
)
