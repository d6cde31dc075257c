"""Change or delete the agents that are named, or all that a filter finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from webapp.agents import signals
from webapp.agents.bulk.schemas import BulkChanges, BulkSelection
from webapp.agents.changes import change_agent, verb_of
from webapp.agents.deletion import parents_among, refuse_parents
from webapp.agents.models import Agent
from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.references import find_ids, resolve_handoffs
from webapp.agents.search import select_agents
from webapp.audit import services as audit
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.database.transactions import lock_writes
from webapp.core.errors import Conflict, DomainError, NotFound
from webapp.core.extensions import db

#: agents that one request changes; what is more belongs into several
MAX_AGENTS = 1000


@dataclass(frozen=True)
class BulkResult:
    """What became of one agent: the status that a request for it alone would have had."""

    id: str
    status: int
    name: str | None = None
    changed: tuple[str, ...] = ()
    error: DomainError | None = None
    #: of the definition: each changed field with its value before and after
    differences: tuple[tuple[str, Any, Any], ...] = ()


def update_agents(
    selection: BulkSelection, changes: BulkChanges, *, actor: Actor, is_dry_run: bool = False
) -> list[BulkResult]:
    """Give all selected agents the same values; what is refused for one is told for that one."""

    targets = resolve_handoffs(changes.handoff_targets, actor=actor)

    def change(agent: Agent) -> BulkResult:
        before = agent.definition
        changed = change_agent(agent, changes.update, actor=actor, targets=targets)
        if changes.paused is not None:
            changed += change_agent(agent, changes.pause, actor=actor)
        if changed:
            audit.record(
                actor,
                verb_of(changed, agent),
                agent,
                fields=changed,
                version=agent.current_version,
                bulk=True,
            )
        after = agent.definition
        differences = [(name, before[name], after[name]) for name in changed if name in after]
        return BulkResult(
            str(agent.id), 200, agent.name, tuple(changed), differences=tuple(differences)
        )

    return _each(selection, change, actor=actor, is_dry_run=is_dry_run)


def select_only(selection: BulkSelection, *, actor: Actor) -> list[BulkResult]:
    """Which agents a change of the selection is about; nothing is done with them."""
    return _each(
        selection,
        lambda agent: BulkResult(str(agent.id), 200, agent.name),
        actor=actor,
        is_dry_run=True,
    )


def delete_agents(
    selection: BulkSelection,
    *,
    actor: Actor,
    force: bool = False,
    is_dry_run: bool = False,
    at: datetime | None = None,
) -> list[BulkResult]:
    """Delete all selected agents softly; a parent goes only together with its sub-agents.

    They have one moment of deletion, `at` or now, by which `restore_agents` finds them again.
    """

    deleted_at = at or clock.now()
    deleted: list[Agent] = []

    def delete(agent: Agent) -> BulkResult:
        agent.delete(deleted_at)
        audit.record(actor, "delete", agent, bulk=True)
        deleted.append(agent)
        return BulkResult(str(agent.id), 204, agent.name)

    return _each(
        selection,
        delete,
        actor=actor,
        is_dry_run=is_dry_run,
        keep_parents=not force,
        after=lambda: signals.deleted.send(agents=deleted),
    )


def restore_selected(
    selection: BulkSelection, *, actor: Actor, is_dry_run: bool = False
) -> list[BulkResult]:
    """Bring back the selected agents; one that is not deleted is refused for itself.

    A filter finds the deleted ones alone.
    """

    restored_at = clock.now()

    def restore(agent: Agent) -> BulkResult:
        agent.restore(restored_at)
        audit.record(actor, "restore", agent, bulk=True)
        return BulkResult(str(agent.id), 200, agent.name, ("is_active",))

    return _each(selection, restore, actor=actor, is_dry_run=is_dry_run, is_about_deleted=True)


def restore_agents(deleted_at: datetime, *, actor: Actor) -> list[Agent]:
    """Bring back all agents that were deleted together, where they are deleted still.

    Raises Conflict where none is.
    """
    actor.require(AGENTS_WRITE)
    lock_writes()
    deleted = select(Agent).where(
        Agent.organization_id == actor.organization_id,
        Agent.is_active.is_(False),
        Agent.updated_at == deleted_at,
    )
    agents = list(db.session.scalars(deleted.order_by(Agent.id).with_for_update()))
    if not agents:
        raise Conflict("None of these agents is deleted any more.", code="not_deleted")
    at = clock.now()
    for agent in agents:
        agent.restore(at)
        audit.record(actor, "restore", agent, bulk=True)
    _announce(agents, actor)
    db.session.commit()
    return agents


def _each(
    selection: BulkSelection,
    action: Callable[[Agent], BulkResult],
    *,
    actor: Actor,
    is_dry_run: bool,
    keep_parents: bool = False,
    is_about_deleted: bool = False,
    after: Callable[[], object] = lambda: None,
) -> list[BulkResult]:
    """Lock the agents in one order, do the action with each, in one transaction.

    `after` is done last in it, and left out of a dry run.
    """
    actor.require(AGENTS_WRITE)
    agents, missing = _select(selection, actor=actor, is_about_deleted=is_about_deleted)
    results = [
        _refused(
            reference,
            NotFound(f"Agent not found: {reference}", page_message="It is deleted, or not there."),
        )
        for reference in missing
    ]
    refused = _parents_left_behind(agents) if keep_parents else {}
    for agent in agents:
        if agent.id in refused:
            results.append(_refused(str(agent.id), refused[agent.id], agent.name))
            continue
        try:
            results.append(action(agent))
        except DomainError as error:
            results.append(_refused(str(agent.id), error, agent.name))
    if is_dry_run:
        db.session.rollback()
        return results
    db.session.flush()
    after()
    _announce(agents, actor)
    db.session.commit()
    return results


def _announce(agents: list[Agent], actor: Actor) -> None:
    for agent in agents:
        live.announce(f"agent:{agent.id}", actor.organization_id)
    live.announce("agents:all", actor.organization_id)


def _select(
    selection: BulkSelection, *, actor: Actor, is_about_deleted: bool
) -> tuple[list[Agent], list[str]]:
    """The selected agents, locked, and the references that lead to none."""
    known: dict[str, UUID] = {}
    if selection.ids is not None:
        known = find_ids(selection.ids, actor=actor, include_deleted=is_about_deleted)
        statement = select(Agent).where(
            Agent.organization_id == actor.organization_id,
            Agent.id.in_(set(known.values())),
            *([] if is_about_deleted else [Agent.is_active]),
        )
    else:
        assert selection.filter is not None  # noqa: S101 - the schema asks for one of both
        query = selection.filter.model_copy(update={"include_deleted": is_about_deleted})
        statement = select_agents(query, actor=actor)
        if is_about_deleted:
            statement = statement.where(Agent.is_active.is_(False))
        # Rows are long: too many are refused before any is read.
        ids = statement.with_only_columns(Agent.id).limit(MAX_AGENTS + 1)
        _refuse_many(db.session.scalar(select(func.count()).select_from(ids.subquery())) or 0)
    lock_writes()
    statement = statement.order_by(Agent.id).limit(MAX_AGENTS + 1).with_for_update()
    agents = list(db.session.scalars(statement.execution_options(populate_existing=True)))
    _refuse_many(len(agents))
    # Somebody else may have deleted one between the look and the lock.
    found = {agent.id for agent in agents}
    return agents, [text for text in selection.ids or [] if known.get(text) not in found]


def _refuse_many(count: int) -> None:
    if count > MAX_AGENTS:
        db.session.rollback()
        raise Conflict(
            f"More than {MAX_AGENTS:,} agents match.",
            code="too_many",
            suggestions=[f"Narrow the filter, so that at most {MAX_AGENTS:,} agents match."],
        )


def _parents_left_behind(agents: list[Agent]) -> dict[UUID, DomainError]:
    """The agents that may not go, because sub-agents outside of the selection need them."""
    refused: dict[UUID, DomainError] = {}
    leaving = frozenset(agent.handle for agent in agents)
    parents = parents_among(agents)
    for agent in agents:
        if agent.handle in parents:
            try:
                refuse_parents([agent], besides=leaving)
            except Conflict as error:
                refused[agent.id] = error
    return refused


def _refused(reference: str, error: DomainError, name: str | None = None) -> BulkResult:
    return BulkResult(reference, error.status, name, (), error)


def matched(results: list[BulkResult]) -> int:
    """How many agents the selection found."""
    return sum(result.name is not None for result in results)


def summary(results: list[BulkResult]) -> dict[str, Any]:
    """Counts for a person: changed, unchanged, refused."""
    done = [result for result in results if result.error is None]
    changed = [result for result in done if result.changed or result.status == 204]
    return {
        "changed": len(changed),
        "unchanged": len(done) - len(changed),
        "refused": len(results) - len(done),
    }
