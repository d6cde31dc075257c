"""Why pending executions wait, and what lets those go on that something holds back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from webapp import engine
from webapp.agents.models import Agent
from webapp.core import clock
from webapp.core.database.sql import is_among
from webapp.core.database.transactions import lock_name
from webapp.core.extensions import db
from webapp.executions.changes import announce, enqueue, look_again
from webapp.executions.models import Execution, Waiting
from webapp.executions.policy import concurrency_of
from webapp.tasks.models import Status

#: executions that one transaction lets go on; a job goes on with the rest
AT_ONCE = 500
#: what an agent holds executions back for
HELD = (Waiting.AGENT_PAUSED, Waiting.AGENT_LIMIT)


def explain(executions: Sequence[Execution], *, with_position: bool = False) -> None:
    """Let the pending ones say what they wait for, since when, and how many are before them."""
    in_queue = [
        execution
        for execution in executions
        if execution.status == Status.PENDING and execution.waiting_for is None
    ]
    if not in_queue:
        return
    has_worker = any(not worker.is_silent for worker in engine.list_workers())
    for execution in in_queue:
        execution.found_waiting = Waiting.QUEUE if has_worker else Waiting.WORKER
        execution.queue_position = None
        if with_position and (job := engine.progress(execution.job_key)):
            execution.queue_position = job.position


def hold_back(execution: Execution, agent: Agent, at: datetime) -> bool:
    """Whether something keeps a locked execution from running now; it then waits for that.

    What takes a place beside others of its agent is decided one after the other.
    """
    if agent.paused:
        execution.wait(Waiting.AGENT_PAUSED, at)
        look_again(agent.id)  # it may be resumed before this is committed
        return True
    limit = concurrency_of(agent.features_config)
    if limit is None or execution.status == Status.RUNNING:
        return False
    lock_name(_lock_of(agent.id))
    if _count_running(agent) < limit:
        return False
    execution.wait(Waiting.AGENT_LIMIT, at)
    look_again(agent.id)
    return True


def release_held(key: str, agent_id: str) -> None:
    """The job: let those go on that nothing holds back any more."""
    agent = db.session.get(Agent, UUID(agent_id))
    if agent is not None and not agent.is_active:
        _release_all(agent.id)
    elif agent is not None:
        release_next(agent)
        if concurrency_of(agent.features_config) is None:
            _release(agent.id, Waiting.AGENT_LIMIT, AT_ONCE)
        if not agent.paused:
            _release(agent.id, Waiting.AGENT_PAUSED, AT_ONCE)
        if _find_held(agent.id, Waiting.AGENT_LIMIT, 1):
            look_again(agent.id)
    db.session.commit()


def release_paused(agent: Agent) -> None:
    """The agent's pause is over: what waited for that goes on, in the running transaction."""
    if _release(agent.id, Waiting.AGENT_PAUSED, AT_ONCE) == AT_ONCE:
        look_again(agent.id)


def release_deleted(agents: Sequence[Agent]) -> None:
    """Agents have been deleted: what they held back goes on, to its end, in the transaction."""
    statement = (
        select(Execution.agent_id)
        .where(
            is_among(Execution.agent_id, [agent.id.hex for agent in agents]),
            Execution.waiting_for.is_not(None),
            Execution.waiting_for.in_(HELD),
        )
        .distinct()
    )
    for agent_id in sorted(db.session.scalars(statement)):
        _release_all(agent_id)


def release_next_of(agent_id: UUID) -> None:
    """The same as `release_next`, for an agent that may be about to go."""
    agent = db.session.get(Agent, agent_id)
    if agent is not None:
        release_next(agent)


def release_next(agent: Agent) -> None:
    """Let as many go on as the agent's limit has room for, in the running transaction."""
    limit = concurrency_of(agent.features_config)
    if limit is None:
        return  # those that one has held back are looked after by `release_held`
    lock_name(_lock_of(agent.id))
    db.session.flush()
    _release(agent.id, Waiting.AGENT_LIMIT, min(AT_ONCE, max(0, limit - _count_running(agent))))


def _release_all(agent_id: UUID) -> None:
    """Let go what an agent held back that is not there any more."""
    released = [_release(agent_id, reason, AT_ONCE) for reason in HELD]
    if AT_ONCE in released:
        look_again(agent_id)


def _release(agent_id: UUID, reason: Waiting, limit: int) -> int:
    held = _find_held(agent_id, reason, limit) if limit else []
    now = clock.now()
    for execution in held:
        execution.release_from_wait(now)
        enqueue(execution)
        announce(execution)
    return len(held)


def _find_held(agent_id: UUID, reason: Waiting, limit: int) -> list[Execution]:
    """Those that wait for it, in the order in which they go on; who is at one now is left out."""
    statement = (
        select(Execution)
        .where(
            Execution.agent_id == agent_id,
            Execution.waiting_for.is_not(None),
            Execution.waiting_for == reason,
        )
        .order_by(Execution.priority, Execution.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(statement))


def _count_running(agent: Agent) -> int:
    statement = select(func.count()).where(
        Execution.organization_id == agent.organization_id,
        Execution.status == Status.RUNNING,
        Execution.agent_id == agent.id,
    )
    return db.session.scalar(statement) or 0


def _lock_of(agent_id: UUID) -> str:
    return f"running executions of {agent_id}"
