"""Measuring that is kept: asked for, or by itself after documents have changed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select

from webapp import engine
from webapp.agents import services as agents
from webapp.agents.figures import Figures
from webapp.agents.models import Agent
from webapp.audit import services as audit
from webapp.audit.models import AuditEntry
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.counts import percent
from webapp.core.database.transactions import get_locked
from webapp.core.errors import NotFound
from webapp.core.extensions import db
from webapp.coverage.changes import record_coverage, write_figures
from webapp.coverage.figures import get_figures
from webapp.coverage.models import AgentCoverage
from webapp.coverage.services import Coverage, measure
from webapp.questions.unanswered.services import close_answered, count_open
from webapp.tasks import changes as tasks
from webapp.tasks.models import Task
from webapp.tasks.running import Run
from webapp.tasks.services import get_task
from webapp.taxonomies.models import Scope
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE
from webapp.webhooks.urls import check_reachable

TASK_TYPE = "coverage_refresh"
#: how long a change may have waited for its commit after it was made
SLACK = timedelta(minutes=1)
BATCH_AGENTS = 20


def start_refresh(
    reference: str | UUID,
    *,
    actor: Actor,
    is_background: bool = True,
    webhook_url: str | None = None,
) -> Task:
    """Measure an agent and keep the outcome (docs/contract/knowledge.md, E-REQ-008 and E-REQ-009).

    In the background by a task that is only started here, else at once by one that has ended.
    Raises Invalid on an address that is no webhook's or may not be called.
    """
    actor.require(KNOWLEDGE_WRITE)
    if webhook_url is not None:
        check_reachable(webhook_url, field="webhook_url")
    agent = agents.get_agent(reference, actor=actor, lock=not is_background)
    task = tasks.start_task(
        TASK_TYPE,
        title=f"Coverage of {agent.name}",
        input={},
        actor=actor,
        agent_id=agent.id,
        webhook_url=webhook_url,
        is_background=is_background,
    )
    if not is_background:
        tasks.finish_task(task, result_of(_measure_and_record(agent)))
    audit.record(actor, "start", task)
    live.announce(f"coverage:{agent.id}", agent.organization_id)
    db.session.commit()
    return task


def get_refresh(reference: str | UUID, task_id: str, *, actor: Actor) -> Task:
    """A task of this very agent (docs/contract/knowledge.md, refresh-status)."""
    agent = agents.get_agent(reference, actor=actor)
    task = get_task(task_id, actor=actor)
    if task.agent_id != agent.id:
        raise NotFound(f"Task not found: {task_id}")
    return task


def running_refresh(agent: Agent) -> Task | None:
    """The newest refresh of an agent that has not ended."""
    return db.session.scalar(
        select(Task)
        .where(
            Task.organization_id == agent.organization_id,
            Task.agent_id == agent.id,
            Task.task_type == TASK_TYPE,
            Task.status.in_(("pending", "running")),
        )
        .order_by(Task.created_at.desc())
        .limit(1)
    )


def is_awaited(agent: Agent, measured_at: datetime | None) -> bool:
    """Whether what was measured last is not what would be measured now, and soon will be.

    Its documents have changed since, and a job that is on its way measures it again.
    """
    if measured_at is None:
        return True
    changed = select(Scope.id).where(Scope.id == agent.scope_id, Scope.changed_at > measured_at)
    return db.session.scalar(changed) is not None


def revision_of(agent: Agent, figures: Figures) -> str:
    """Another text whenever the agent's page has something new to show."""
    task = running_refresh(agent)
    progress = task.progress_percent if task else "none"
    return f"{agent.revision + figures.revision}-{progress}-{count_open(agent.id)}"


def refresh_coverage(run: Run) -> None:
    """The task: what was measured and its row of history come with one commit, once."""
    if run.task.checkpoint.get("is_kept"):
        return
    agent_id = run.task.agent_id
    if db.session.scalar(_select_agent(agent_id)) is None:
        raise NotFound(f"Agent not found: {agent_id}")
    run.hold()
    live.announce(f"coverage:{agent_id}", run.task.organization_id)
    run.advance(0.25, {}, {})
    run.hold()
    agent = get_locked(_select_agent(agent_id))
    if agent is None:
        raise NotFound(f"Agent not found: {agent_id}")
    run.advance(1.0, {"is_kept": True}, result_of(_measure_and_record(agent)))
    close_answered([agent.id])


def _measure_and_record(agent: Agent) -> Coverage:
    measured = measure(agent)
    record_coverage(agent, measured)
    return measured


def result_of(measured: Coverage) -> dict[str, Any]:
    """What a finished task answers (docs/contract/knowledge.md, task-result)."""
    return {
        "coverage_percent": measured.overall_coverage,
        "total_documents": measured.total_documents,
        "total_chunks": measured.total_chunks,
    }


def refresh_changed(_key: str, *, organization_id: str) -> None:
    """The engine's job: measure the agents whose scope has changed since they were measured.

    An agent whose figures are the same gets no row of history.
    """
    after: UUID | None = None
    while True:
        statement = (
            select(Agent, AgentCoverage.revision)
            .join(Scope, Scope.id == Agent.scope_id)
            .join(AgentCoverage, AgentCoverage.agent_id == Agent.id)
            .where(
                Agent.organization_id == UUID(organization_id),
                Agent.is_active,
                or_(
                    AgentCoverage.last_coverage_update.is_(None),
                    Scope.changed_at > AgentCoverage.last_coverage_update,
                    Scope.changed_at > clock.now() - SLACK,
                ),
            )
            .order_by(Agent.id)
            .limit(BATCH_AGENTS)
        )
        if after is not None:
            statement = statement.where(Agent.id > after)
        batch = db.session.execute(statement).all()
        if not batch:
            db.session.rollback()
            return
        measured = [(measure(agent), revision) for agent, revision in batch]
        for coverage, revision in measured:
            _record_changed(coverage, revision)
        db.session.commit()
        agent_ids = [coverage.agent_id for coverage, _ in measured]
        close_answered(agent_ids)
        after = agent_ids[-1]
        engine.check_interrupted()


def _record_changed(coverage: Coverage, revision: int) -> None:
    """Keep what was measured, unless figures of another revision tell of a later measuring."""
    agent = get_locked(_select_agent(coverage.agent_id))
    if agent is None:
        return
    known = get_figures(agent)
    if known.revision != revision:
        return
    figures = (coverage.overall_coverage, coverage.total_documents, coverage.total_chunks)
    is_known = figures == (known.coverage_percent, known.total_documents, known.total_chunks)
    if known.last_coverage_update is None or not is_known:
        record_coverage(agent, coverage)
    else:
        write_figures(known, coverage)


def describe_fall(entry: AuditEntry) -> str:
    """By how much coverage fell, for the activity."""
    if entry.action != "coverage_fell":
        return ""
    return f"from {percent(entry.detail['from'])} to {percent(entry.detail['to'])}"


def _select_agent(agent_id: UUID | None) -> Any:
    return select(Agent).where(Agent.id == agent_id, Agent.is_active)
