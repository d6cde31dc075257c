"""What runs now, and what has failed of late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select

from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.core.ids import lowest_uuid7
from webapp.executions.models import Execution
from webapp.executions.permissions import EXECUTIONS_READ
from webapp.tasks.models import Status

#: how far back what has failed is counted
RECENT = timedelta(days=1)


@dataclass(frozen=True)
class Present:
    """How many executions run, wait, and have failed of those that came since yesterday."""

    running: int
    pending: int
    failed: int
    since: date

    @property
    def has_any(self) -> bool:
        return bool(self.running or self.pending or self.failed)


def count_present(*, actor: Actor) -> Present:
    """What there is to say now: each figure is a part of an index."""
    actor.require(EXECUTIONS_READ)
    since = clock.now() - RECENT
    newest = Execution.id >= lowest_uuid7(since)
    counts = {
        status: select(func.count())
        .where(Execution.organization_id == actor.organization_id, Execution.status == status)
        .where(*((newest,) if status == Status.FAILED else ()))
        .scalar_subquery()
        for status in (Status.RUNNING, Status.PENDING, Status.FAILED)
    }
    running, pending, failed = db.session.execute(select(*counts.values())).one()
    return Present(running, pending, failed, since.date())
