"""Create, find, change, delete and restore agents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.exc import IntegrityError

from webapp.agents.models import RESERVED_HANDLES, Agent, handle_from
from webapp.agents.schemas import AgentCreate, AgentQuery, AgentUpdate
from webapp.audit import services as audit
from webapp.core import clock, live
from webapp.core.actor import Actor, Role
from webapp.core.database import get_locked, like_pattern, list_contains
from webapp.core.errors import BadReference, Conflict, Forbidden, Invalid, NotFound
from webapp.core.extensions import db
from webapp.core.web import Page


def create_agent(body: AgentCreate, *, actor: Actor) -> Agent:
    """Create an agent in the actor's organization (spec 2, 6.4).

    Raises Conflict where the handle is taken, also by a deleted agent, and BadReference on
    hand-off targets that are not there.
    """
    actor.require(Role.ADMIN)
    if body.handle in RESERVED_HANDLES:
        raise Invalid(f"{body.handle} is a reserved word.", field="handle", code="reserved")
    agent = Agent(
        organization_id=actor.organization_id,
        handle=body.handle or _free_handle(handle_from(body.name), actor=actor),
        **body.model_dump(exclude={"handle", "handoff_targets"}, mode="json"),
        handoff_targets=_resolve_handoffs(body.handoff_targets, actor=actor),
    )
    db.session.add(agent)
    try:
        db.session.flush()
    except IntegrityError as error:
        db.session.rollback()
        raise Conflict(
            f"The handle {agent.handle} is taken.",
            code="handle_taken",
            field="handle",
            suggestions=["Choose another handle; a deleted agent keeps its own."],
        ) from error
    audit.record(actor, "create", agent)
    _announce(agent)
    db.session.commit()
    return agent


def get_agent(
    reference: str | UUID, *, actor: Actor, lock: bool = False, deleted: bool = False
) -> Agent:
    """The agent with this UUID or handle; NotFound also for another organization's.

    `deleted` looks for a deleted one instead.
    """
    statement = select(Agent).where(
        Agent.organization_id == actor.organization_id,
        _is(reference),
        Agent.is_active.is_(not deleted),
    )
    agent: Agent | None = get_locked(statement) if lock else db.session.scalar(statement)
    if agent is None:
        raise NotFound(f"Agent not found: {reference}")
    return agent


def list_agents(query: AgentQuery, *, actor: Actor) -> Page:
    """One page of the organization's agents that match the filters."""
    if query.include_deleted and not actor.can(Role.ADMIN):
        raise Forbidden("Only an admin sees deleted agents.")
    statement = _filtered(query, actor=actor)
    name = query.sort.removeprefix("-")
    column: ColumnElement[Any] = getattr(Agent, name)
    if name == "name":
        column = func.lower(column)
    order = column.desc() if query.sort.startswith("-") else column.asc()
    total = db.session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    rows = statement.order_by(order, Agent.id).limit(query.limit).offset(query.offset)
    return Page(list(db.session.scalars(rows)), total, query.limit, query.offset)


def update_agent(reference: str | UUID, body: AgentUpdate, *, actor: Actor) -> Agent:
    """Change the fields that the body gives (spec 2, 6.4); nothing happens when none differs."""
    actor.require(Role.ADMIN)
    agent = get_agent(reference, actor=actor, lock=True)
    values = body.model_dump(exclude_unset=True, mode="json")
    if "handoff_targets" in values:
        values["handoff_targets"] = _resolve_handoffs(
            body.handoff_targets, actor=actor, agent=agent
        )
    changed = agent.change(values, clock.now())
    if changed:
        audit.record(actor, "update", agent, fields=changed)
        _announce(agent)
    db.session.commit()
    return agent


def delete_agent(reference: str | UUID, *, actor: Actor) -> Agent:
    """Take an agent out of every read; `restore_agent` brings it back."""
    actor.require(Role.ADMIN)
    agent = get_agent(reference, actor=actor, lock=True)
    agent.is_active, agent.updated_at = False, clock.now()
    audit.record(actor, "delete", agent)
    _announce(agent)
    db.session.commit()
    return agent


def restore_agent(reference: str | UUID, *, actor: Actor) -> Agent:
    """Bring a deleted agent back as it was; Conflict where it is not deleted."""
    actor.require(Role.ADMIN)
    statement = select(Agent).where(Agent.organization_id == actor.organization_id, _is(reference))
    agent: Agent | None = get_locked(statement)
    if agent is None:
        raise NotFound(f"Agent not found: {reference}")
    agent.restore(clock.now())
    audit.record(actor, "restore", agent)
    _announce(agent)
    db.session.commit()
    return agent


def handoff_agents(agent: Agent) -> list[Agent]:
    """The targets of an agent that are still there, in the agent's own order."""
    found = {
        target.id: target
        for target in db.session.scalars(
            select(Agent).where(
                Agent.organization_id == agent.organization_id,
                Agent.id.in_(agent.handoff_targets),
                Agent.is_active,
            )
        )
    }
    return [found[target] for target in agent.handoff_targets if target in found]


def count_agents(*, actor: Actor) -> int:
    statement = select(func.count()).where(
        Agent.organization_id == actor.organization_id, Agent.is_active
    )
    return db.session.scalar(statement) or 0


def _filtered(query: AgentQuery, *, actor: Actor) -> Select[tuple[Agent]]:
    statement = select(Agent).where(Agent.organization_id == actor.organization_id)
    if not query.include_deleted:
        statement = statement.where(Agent.is_active)
    if query.q.strip():
        pattern = like_pattern(query.q.strip())
        statement = statement.where(
            or_(
                Agent.name.ilike(pattern, escape="\\"),
                Agent.handle.ilike(pattern, escape="\\"),
            )
        )
    if query.modality:
        statement = statement.where(Agent.modality == query.modality)
    if query.tool:
        statement = statement.where(list_contains(Agent.__table__.c.tools, query.tool))
    return statement


def _is(reference: str | UUID) -> ColumnElement[bool]:
    if isinstance(reference, UUID):
        return Agent.id == reference
    try:
        return or_(Agent.id == UUID(reference), Agent.handle == reference)
    except ValueError:
        return Agent.handle == reference


def _free_handle(handle: str, *, actor: Actor) -> str:
    taken = set(
        db.session.scalars(
            select(Agent.handle).where(
                Agent.organization_id == actor.organization_id,
                Agent.handle.like(f"{handle.replace('_', chr(92) + '_')}%", escape="\\"),
            )
        )
    )
    candidates = (handle if n == 1 else f"{handle}-{n}" for n in range(1, len(taken) + 2))
    return next(candidate for candidate in candidates if candidate not in taken)


def _resolve_handoffs(
    references: list[str], *, actor: Actor, agent: Agent | None = None
) -> list[UUID]:
    """The ids behind the references; BadReference names every one that is not allowed."""
    if not references:
        return []
    ids = [reference for reference in references if _is_uuid(reference)]
    rows = db.session.execute(
        select(Agent.id, Agent.handle).where(
            Agent.organization_id == actor.organization_id,
            Agent.is_active,
            or_(Agent.handle.in_(references), Agent.id.in_([UUID(item) for item in ids])),
        )
    ).all()
    known = {row.handle: row.id for row in rows} | {str(row.id): row.id for row in rows}
    keys = [str(UUID(item)) if item in ids else item for item in references]
    missing = [item for item, key in zip(references, keys, strict=True) if key not in known]
    if missing:
        raise BadReference(
            f"Invalid handoff targets: {', '.join(missing)}. "
            "Agents must exist in the same organization.",
            code="bad_handoff_targets",
            field="handoff_targets",
            extras={"field": "handoff_targets", "invalid": missing},
        )
    targets = list(dict.fromkeys(known[key] for key in keys))
    if agent is not None and agent.id in targets:
        raise BadReference(
            "Agent cannot hand off to itself",
            code="bad_handoff_targets",
            field="handoff_targets",
            extras={"field": "handoff_targets", "invalid": [str(agent.id)]},
        )
    return targets


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _announce(agent: Agent) -> None:
    live.announce(f"agent:{agent.id}", agent.organization_id)
    live.announce("overview:all", agent.organization_id)
