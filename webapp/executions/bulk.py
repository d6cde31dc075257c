"""Cancel or retry the executions that are named, or all that a filter finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from webapp import engine
from webapp.agents.permissions import EXECUTIONS_RUN
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.database.transactions import lock_writes
from webapp.core.errors import Conflict, DomainError, NotFound
from webapp.core.extensions import db
from webapp.executions.models import ENDED, Execution
from webapp.executions.schemas import ExecutionSelection, RetryRequest
from webapp.executions.services import (
    cancel_locked,
    get_execution,
    retry_in_transaction,
    select_executions,
)
from webapp.executions.waiting import release_next_of

#: executions that one request cancels or retries; what is more belongs into several
MAX_EXECUTIONS = 1000
#: of these, those that one transaction holds
AT_ONCE = 50


@dataclass(frozen=True)
class BulkResult:
    """What became of one: the status that a request for it alone would have had.

    `made` is the new execution of one that was retried.
    """

    id: UUID
    status: int
    made: UUID | None = None
    error: DomainError | None = None


def cancel_executions(
    selection: ExecutionSelection, *, actor: Actor, is_dry_run: bool = False
) -> list[BulkResult]:
    """Cancel all that are selected and have not ended; what is refused is told for that one."""
    actor.require(EXECUTIONS_RUN)
    ended: list[str] = []
    agents: set[UUID] = set()

    def cancel(execution_id: UUID) -> BulkResult:
        execution = get_execution(execution_id, actor=actor, lock=True)
        cancel_locked(execution, actor=actor)
        audit.record(actor, "cancel", execution, bulk=True)
        ended.append(execution.job_key)
        agents.add(execution.agent_id)
        return BulkResult(execution_id, 200)

    def give_places_away() -> None:
        # After all rows are locked: a worker that waits for this lock may hold one of them.
        for agent_id in sorted(agents):
            release_next_of(agent_id)
        agents.clear()

    results = _for_each(
        selection, cancel, actor=actor, is_dry_run=is_dry_run, after=give_places_away
    )
    for key in ended if not is_dry_run else ():
        engine.cancel(key)
    return results


def retry_executions(
    selection: ExecutionSelection, body: RetryRequest, *, actor: Actor, is_dry_run: bool = False
) -> list[BulkResult]:
    """Make a new execution of each selected one that has ended."""
    actor.require(EXECUTIONS_RUN)

    def retry(execution_id: UUID) -> BulkResult:
        old = get_execution(execution_id, actor=actor)
        made = retry_in_transaction(old, body, actor=actor, bulk=True)
        return BulkResult(execution_id, 201, made=made.id)

    return _for_each(selection, retry, actor=actor, is_dry_run=is_dry_run)


def count_ended(selection: ExecutionSelection, *, actor: Actor) -> tuple[int, int]:
    """How many of the selected ones have ended, and how many have not; Conflict on too many."""
    actor.require(EXECUTIONS_RUN)
    ours = Execution.organization_id == actor.organization_id
    statement = (
        select(Execution.status, func.count().label("executions"))
        .where(ours, Execution.id.in_(_select(selection, actor=actor)))
        .group_by(Execution.status)
    )
    counts = {row.status: row.executions for row in db.session.execute(statement)}
    ended = sum(count for status, count in counts.items() if status in ENDED)
    return ended, sum(counts.values()) - ended


def matched(results: list[BulkResult]) -> int:
    """How many of the selected ones there are."""
    return sum(result.status != NotFound.status for result in results)


def _for_each(
    selection: ExecutionSelection,
    act: Callable[[UUID], BulkResult],
    *,
    actor: Actor,
    is_dry_run: bool,
    after: Callable[[], None] = lambda: None,
) -> list[BulkResult]:
    """Some in each transaction, so that workers and others get their turn in between.

    A dry run does the same and takes it back.
    """
    ids = _select(selection, actor=actor)
    results: list[BulkResult] = []
    for start in range(0, len(ids), AT_ONCE):
        lock_writes()
        for execution_id in ids[start : start + AT_ONCE]:
            try:
                with db.session.begin_nested():
                    results.append(act(execution_id))
            except DomainError as error:
                results.append(BulkResult(execution_id, error.status, error=error))
        if is_dry_run:
            db.session.rollback()
        else:
            after()
            db.session.commit()
    return results


def _select(selection: ExecutionSelection, *, actor: Actor) -> list[UUID]:
    """The ids that are named, or those that the filter finds, oldest first."""
    if selection.ids is not None:
        return sorted(set(selection.ids))
    assert selection.filter is not None  # noqa: S101 - the schema asks for one of both
    found = select_executions(selection.filter, actor=actor).with_only_columns(Execution.id)
    ids = list(db.session.scalars(found.order_by(Execution.id).limit(MAX_EXECUTIONS + 1)))
    if len(ids) > MAX_EXECUTIONS:
        raise Conflict(
            f"More than {MAX_EXECUTIONS:,} executions match.",
            code="too_many",
            suggestions=["Narrow the filter, for example by time, and do it in parts."],
        )
    return ids
