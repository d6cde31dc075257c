"""Agents as paths and bodies name them: by UUID or by handle."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import aliased

from webapp.agents.models import MAX_KEY, Agent, AgentFacet, AgentText, as_uuid
from webapp.catalog.signals import Use
from webapp.core.actor import Actor
from webapp.core.database.text import fold
from webapp.core.errors import BadReference
from webapp.core.extensions import db

#: of so many agents with one model it is told which they are
MAX_NAMING = 200


def is_agent(reference: str | UUID) -> ColumnElement[bool]:
    """SQL for "the agent with this UUID or handle"; what reads as a UUID is no handle."""
    agent_id = reference if isinstance(reference, UUID) else as_uuid(reference)
    return Agent.handle == reference if agent_id is None else Agent.id == agent_id


def is_below(
    reference: str, organization_id: UUID, of: type[Agent] | type[AgentText] = Agent
) -> ColumnElement[bool]:
    """SQL for "an agent whose parent is the organization's with this UUID or handle"."""
    above_id = as_uuid(reference)
    if above_id is None:
        return of.parent == reference
    above = aliased(Agent)
    handle = select(above.handle).where(
        above.id == above_id, above.organization_id == organization_id
    )
    return of.parent == handle.scalar_subquery()


def find_ids(
    references: Sequence[str | UUID], *, actor: Actor, include_deleted: bool = False
) -> dict[str, UUID]:
    """The ids of those agents that are there, by reference as given; else none that is deleted."""
    texts = [str(reference) for reference in references]
    uuids = {text: agent_id for text in texts if (agent_id := as_uuid(text)) is not None}
    rows = db.session.execute(
        select(Agent.id, Agent.handle).where(
            Agent.organization_id == actor.organization_id,
            *([] if include_deleted else [Agent.is_active]),
            or_(Agent.handle.in_(texts), Agent.id.in_(uuids.values())),
        )
    ).all()
    ids = {row.id for row in rows}
    known = {row.handle: row.id for row in rows}
    known |= {text: agent_id for text, agent_id in uuids.items() if agent_id in ids}
    return {text: known[text] for text in texts if text in known}


def handles_of(ids: Sequence[str | UUID], *, actor: Actor) -> dict[str, str]:
    """The handles of those agents that are still there, deleted or not, by id as text."""
    uuids = {agent_id for item in ids if (agent_id := as_uuid(str(item))) is not None}
    if not uuids:
        return {}
    rows = db.session.execute(
        select(Agent.id, Agent.handle).where(
            Agent.organization_id == actor.organization_id, Agent.id.in_(uuids)
        )
    )
    return {str(row.id): row.handle for row in rows}


def list_naming(*, organization_id: UUID, names: Sequence[str]) -> list[Use]:
    """The active agents whose model is called by one of these names, by their own."""
    keys = [fold(name)[:MAX_KEY] for name in names]
    ids = select(AgentFacet.agent_id).where(
        AgentFacet.organization_id == organization_id,
        AgentFacet.name == "model",
        AgentFacet.value.in_(keys),
    )
    rows = db.session.execute(
        select(Agent.name, Agent.handle)
        .where(Agent.id.in_(ids), Agent.model.in_(names))
        .order_by(Agent.name_key, Agent.id)
        .limit(MAX_NAMING)
    )
    return [Use(row.name, "agents.show", {"handle": row.handle}) for row in rows]


def resolve_handoffs(
    references: Sequence[str | UUID], *, actor: Actor, agent: Agent | None = None
) -> list[UUID]:
    """The ids behind the references, once each, in order (docs/contract/agents.md, 6.9).

    Raises BadReference that names every one which is unknown, deleted, another organization's
    or the agent itself.
    """
    if not references:
        return []
    known = find_ids(references, actor=actor)
    missing = [str(reference) for reference in references if str(reference) not in known]
    itself = [
        text for text, agent_id in known.items() if agent is not None and agent_id == agent.id
    ]
    if missing:
        raise _refusal(
            f"Invalid handoff targets: {', '.join(missing)}. "
            "Agents must exist in the same organization."
            + (" Agent cannot hand off to itself." if itself else ""),
            missing + itself,
        )
    targets = list(dict.fromkeys(known[str(reference)] for reference in references))
    return targets if agent is None else refuse_itself(targets, agent)


def refuse_itself(targets: list[UUID], agent: Agent) -> list[UUID]:
    """The targets, unless the agent itself is one of them."""
    if agent.id in targets:
        raise _refusal("Agent cannot hand off to itself", [str(agent.id)])
    return targets


def _refusal(message: str, invalid: list[str]) -> BadReference:
    return BadReference(
        message,
        code="bad_handoff_targets",
        field="handoff_targets",
        extras={"field": "handoff_targets", "invalid": invalid},
    )
