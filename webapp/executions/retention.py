"""How long an organization keeps its executions and their logs, and what a change would delete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select

from webapp.accounts.models import Organization
from webapp.accounts.permissions import ORGANIZATION_WRITE
from webapp.audit import services as audit
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.database.transactions import get_locked
from webapp.core.extensions import db
from webapp.core.settings import get_settings
from webapp.executions.models import Execution, ExecutionRetention
from webapp.executions.permissions import EXECUTIONS_READ
from webapp.executions.schemas import RetentionRequest


@dataclass(frozen=True)
class Kept:
    """Days that executions and logs are kept, and what is about to be deleted because of that.

    `own_execution_days` and `own_log_days` are the organization's own words; None: as everybody.
    """

    execution_days: int
    log_days: int
    own_execution_days: int | None
    own_log_days: int | None
    executions: int
    log_lines: int
    log_bytes: int


def get_retention(*, actor: Actor) -> Kept:
    """What holds for the actor's organization."""
    actor.require(EXECUTIONS_READ)
    return _measure(db.session.get(ExecutionRetention, actor.organization_id), actor)


def set_retention(body: RetentionRequest, *, actor: Actor, is_dry_run: bool = False) -> Kept:
    """Let the organization keep them for so many days; None: as long as everybody.

    What has served its time then is deleted by the workers, within hours; the answer counts it.
    """
    actor.require(ORGANIZATION_WRITE)
    statement = select(Organization).where(Organization.id == actor.organization_id)
    organization = get_locked(statement)
    own = db.session.get(ExecutionRetention, actor.organization_id)
    if own is None:
        own = ExecutionRetention(organization_id=actor.organization_id)
        db.session.add(own)
    own.execution_days, own.log_days = body.execution_days, body.log_days
    kept = _measure(own, actor)
    if is_dry_run:
        db.session.rollback()
        return kept
    audit.record(
        actor, "update", organization, execution_days=own.execution_days, log_days=own.log_days
    )
    live.announce("executions:all", actor.organization_id)
    db.session.commit()
    return kept


def _measure(own: ExecutionRetention | None, actor: Actor) -> Kept:
    settings, now = get_settings(), clock.now()
    own_execution_days = own.execution_days if own else None
    own_log_days = own.log_days if own else None
    execution_days = own_execution_days or settings.execution_days
    log_days = min(own_log_days or settings.log_days, execution_days)
    ended = Execution.organization_id == actor.organization_id, Execution.completed_at.is_not(None)
    is_old = Execution.completed_at < now - timedelta(days=execution_days)
    has_old_log = Execution.completed_at < now - timedelta(days=log_days), Execution.log_count > 0
    executions = db.session.scalar(select(func.count()).where(*ended, is_old)) or 0
    lines, size = db.session.execute(
        select(
            func.coalesce(func.sum(Execution.log_count), 0),
            func.coalesce(func.sum(Execution.log_bytes), 0),
        ).where(*ended, *has_old_log)
    ).one()
    return Kept(
        execution_days=execution_days,
        log_days=log_days,
        own_execution_days=own_execution_days,
        own_log_days=own_log_days,
        executions=executions,
        log_lines=int(lines),
        log_bytes=int(size),
    )
