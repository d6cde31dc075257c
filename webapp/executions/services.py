"""Start, find, cancel and retry executions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, false, or_, select
from sqlalchemy.orm import load_only

from webapp import engine
from webapp.agents import services as agents
from webapp.agents.models import Agent, as_uuid
from webapp.agents.permissions import EXECUTIONS_RUN
from webapp.agents.references import is_agent
from webapp.audit import services as audit
from webapp.catalog import services as catalog
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.database.text import fold, like_pattern
from webapp.core.database.transactions import get_locked
from webapp.core.errors import BadReference, Conflict, NotFound
from webapp.core.extensions import db
from webapp.core.idempotency import Idempotency
from webapp.core.ids import lowest_uuid7
from webapp.core.lists import count_all
from webapp.executions import waiting
from webapp.executions.changes import announce, end_execution, enqueue, log, look_again
from webapp.executions.inputs import check_input, read_input
from webapp.executions.models import Execution, Level, Waiting
from webapp.executions.permissions import EXECUTIONS_READ
from webapp.executions.policy import timeout_of
from webapp.executions.schemas import (
    ExecuteRequest,
    ExecutionFilter,
    ExecutionQuery,
    Rerun,
    RetryRequest,
)
from webapp.executions.targets import Target, find_target
from webapp.tasks.models import Status

#: what starts executions
TRIGGERS = ("api", "manual")
#: characters of an input by which lists find it
SEARCHED = 1000
#: how far an id may be from the moment that the row has: both are read from the clock, in turn
ID_SLACK = timedelta(seconds=5)
_LISTED = (Agent.name, Agent.handle, Agent.is_active)


def execute_agent(
    reference: str | UUID,
    body: ExecuteRequest,
    *,
    actor: Actor,
    trigger: str = "api",
    idempotency: Idempotency | None = None,
) -> Execution:
    """Accept an execution: the row and its job are one commit.

    See docs/contract/executions.md, accept.

    Raises NotFound where there is no such agent, Invalid where the input is not what it asks for,
    BadReference on a version or model that is not there, Conflict where the version may not run.
    """
    actor.require(EXECUTIONS_RUN)
    agent = agents.get_agent(reference, actor=actor)
    target = find_target(agent, environment=body.environment, version=body.version)
    execution = _accept(
        agent, target, body, input=read_input(body.input), actor=actor, trigger=trigger
    )
    audit.record(actor, "execute", execution, agent=agent.handle, version=target.version)
    if idempotency is not None:
        idempotency.keep(execution.id)
    db.session.commit()
    return execution


def get_execution(
    execution_id: str | UUID, *, actor: Actor, lock: bool = False, explained: bool = False
) -> Execution:
    """One execution; NotFound also for another organization's."""
    actor.require(EXECUTIONS_READ)
    key = execution_id if isinstance(execution_id, UUID) else as_uuid(execution_id)
    statement = select(Execution).where(
        Execution.organization_id == actor.organization_id, Execution.id == key
    )
    execution: Execution | None = get_locked(statement) if lock else db.session.scalar(statement)
    if execution is None:
        raise NotFound(f"Execution not found: {execution_id}")
    if explained:
        waiting.explain([execution], with_position=True)
    return execution


def list_executions(query: ExecutionQuery, *, actor: Actor) -> tuple[list[Execution], UUID | None]:
    """Executions that match, newest first, and the cursor of the next part; None at the end."""
    actor.require(EXECUTIONS_READ)
    statement = select_executions(query, actor=actor)
    if query.cursor is not None:
        statement = statement.where(Execution.id < query.cursor)
    ordered = statement.order_by(Execution.id.desc()).limit(query.limit + 1)
    # The ids first: rows are long, and no database needs to carry those that it leaves out.
    ids = list(db.session.scalars(ordered.with_only_columns(Execution.id)))
    shown = ids[: query.limit]
    found = {
        row.id: row for row in db.session.scalars(select(Execution).where(Execution.id.in_(shown)))
    }
    executions = [found[key] for key in shown if key in found]
    waiting.explain(executions)
    return executions, shown[-1] if len(ids) > query.limit else None


def agents_of(executions: Sequence[Execution]) -> dict[UUID, Agent]:
    """The agents of some executions, deleted ones too, with what a list says of them."""
    ids = {execution.agent_id for execution in executions}
    statement = select(Agent).where(Agent.id.in_(ids)).options(load_only(*_LISTED))
    return {agent.id: agent for agent in db.session.scalars(statement)}


def select_executions(query: ExecutionFilter, *, actor: Actor) -> Select[Any]:
    """The organization's executions that match."""
    conditions: list[ColumnElement[bool]] = [Execution.organization_id == actor.organization_id]
    if query.agent:
        agent_id = find_agent_id(query.agent, actor=actor)
        conditions.append(false() if agent_id is None else Execution.agent_id == agent_id)
    if query.status:
        conditions.append(Execution.status == query.status)
    if query.trigger:
        conditions.append(Execution.trigger == query.trigger)
    if query.project:
        conditions.append(Execution.project_id == query.project)
    # An id says when it was made: the index that leads through the list ends where the time does.
    if query.since:
        conditions += [
            Execution.created_at >= query.since,
            Execution.id >= lowest_uuid7(clock.shift(query.since, -ID_SLACK)),
        ]
    if query.until:
        conditions += [
            Execution.created_at <= query.until,
            Execution.id < lowest_uuid7(clock.shift(query.until, ID_SLACK)),
        ]
    if sought := query.q.strip():
        conditions.append(_holds(sought))
    return select(Execution).where(*conditions)


def cancel_execution(execution_id: str | UUID, *, actor: Actor) -> Execution:
    """End an execution that waits or runs (docs/contract/executions.md, cancel).

    It has ended when this returns: whatever its worker still brings is refused by the row, and the
    worker is told to kill the runner. Conflict where it has ended already.
    """
    actor.require(EXECUTIONS_RUN)
    execution = get_execution(execution_id, actor=actor, lock=True)
    cancel_locked(execution, actor=actor)
    waiting.release_next_of(execution.agent_id)
    audit.record(actor, "cancel", execution)
    db.session.commit()
    engine.cancel(execution.job_key)
    return execution


def cancel_locked(execution: Execution, *, actor: Actor) -> None:
    """End a locked execution in the running transaction.

    Its job is cancelled after the commit, and its place beside others given away before.
    """
    execution.cancellation_requested = True
    end_execution(execution, Status.CANCELLED, f"Cancelled by {actor.name}.")


def retry_execution(
    execution_id: str | UUID,
    body: RetryRequest,
    *,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> Execution:
    """Start an ended execution again as a new one that names the old.

    It runs the same version, or what a new execution of the agent would. Conflict where the old one
    has not ended; else it refuses as `execute_agent` does.
    """
    actor.require(EXECUTIONS_RUN)
    old = get_execution(execution_id, actor=actor)
    execution = retry_in_transaction(old, body, actor=actor)
    if idempotency is not None:
        idempotency.keep(execution.id)
    db.session.commit()
    return execution


def retry_in_transaction(
    old: Execution, body: RetryRequest, *, actor: Actor, **detail: Any
) -> Execution:
    """The new execution, in the running transaction; `detail` is for the audit."""
    if not old.is_finished:
        raise Conflict(
            f"Execution {old.id} is {old.status}; there is nothing to retry.",
            code="not_retryable",
            suggestions=["Cancel it first, or wait for its end."],
        )
    agent = agents.get_agent(old.agent_id, actor=actor)
    if body.version == Rerun.NEWEST:
        target = find_target(agent)
    else:
        target = find_target(agent, version=old.agent_version)
    asked = ExecuteRequest(
        input=old.input,
        project_id=old.project_id,
        conversation_id=old.conversation_id,
        priority=old.priority,
        timeout_seconds=old.time_limit_seconds,
    )
    execution = _accept(
        agent, target, asked, input=old.input, actor=actor, trigger=old.trigger, retry_of=old.id
    )
    detail |= {"agent": agent.handle, "version": target.version, "execution": str(execution.id)}
    audit.record(actor, "retry", old, **detail)
    return execution


def _accept(
    agent: Agent,
    target: Target,
    body: ExecuteRequest,
    *,
    input: dict[str, Any],
    actor: Actor,
    trigger: str,
    retry_of: UUID | None = None,
) -> Execution:
    check_input(target.definition.get("input_schema"), input)
    _check_model(agent, target)
    execution = Execution(
        organization_id=agent.organization_id,
        agent_id=agent.id,
        agent_version=target.version,
        release=target.release,
        environment=target.environment,
        model=target.model[:255],
        input=input,
        retry_of=retry_of,
        trigger=trigger,
        project_id=body.project_id,
        conversation_id=body.conversation_id,
        priority=body.priority,
        time_limit_seconds=body.timeout_seconds or timeout_of(target.definition),
        created_by=actor.name,
        search_text=_searched(input, body),
        waiting_since=clock.now(),
    )
    db.session.add(execution)
    db.session.flush()
    if target.notice:
        log(execution, Level.WARN if target.release else Level.INFO, target.notice, step="accept")
    if agent.paused:
        execution.wait(Waiting.AGENT_PAUSED, clock.now())
        look_again(agent.id)  # it may be resumed before this is committed
    else:
        execution.job_number = 1
        enqueue(execution)
    announce(execution)
    return execution


def _check_model(agent: Agent, target: Target) -> None:
    """Raise BadReference where nobody knows the model: now, and not when it runs."""
    if catalog.find_model(agent.organization_id, target.model) is None:
        raise BadReference(
            f"Model not found: {target.model}",
            code="model_unknown",
            field="model",
            extras={"available": catalog.find_names(agent.organization_id)},
            suggestions=[f"Give {agent.handle} a model of the catalog."],
        )


def _searched(input: dict[str, Any], body: ExecuteRequest) -> str:
    """What lists find an execution by, beside its id."""
    prompt = input.get("prompt")
    said = prompt if isinstance(prompt, str) and len(input) == 1 else json.dumps(
        input, ensure_ascii=False
    )  # fmt: skip
    labels = [label for label in (body.project_id, body.conversation_id) if label]
    return fold("\n".join([*labels, said])[:SEARCHED])


def _holds(sought: str) -> ColumnElement[bool]:
    held: ColumnElement[bool] = Execution.search_text.like(like_pattern(fold(sought)), escape="\\")
    key = as_uuid(sought)
    return or_(held, Execution.id == key) if key else held


def find_agent_id(reference: str, *, actor: Actor) -> UUID | None:
    """The id of an agent, deleted or not; None where there is none."""
    found: UUID | None = db.session.scalar(
        select(Agent.id).where(Agent.organization_id == actor.organization_id, is_agent(reference))
    )
    return found


def count_executions_of(agent: Agent) -> int:
    """How many executions go with an agent."""
    return count_all(select(Execution).where(Execution.agent_id == agent.id))
