"""Delete agents softly, restore them, and remove them for ever with all that belongs to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import delete, select, update

from webapp.agents import signals
from webapp.agents.changes import announce
from webapp.agents.figures import refuse_stale
from webapp.agents.handoffs.services import agents_handing_off_to
from webapp.agents.models import Agent, AgentVersion, Deployment, Release
from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.references import is_agent
from webapp.agents.services import get_agent
from webapp.agents.tabs import OwnedRows
from webapp.audit import services as audit
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.database.transactions import get_locked
from webapp.core.errors import Conflict, NotFound
from webapp.core.extensions import db
from webapp.core.feature import contributions
from webapp.core.lists import count_all


def delete_agent(
    reference: str | UUID, *, actor: Actor, force: bool = False, if_match: str | None = None
) -> Agent:
    """Take an agent out of every read; `restore_agent` brings it back.

    Raises Conflict where active sub-agents are under it, unless `force`.
    """
    actor.require(AGENTS_WRITE)
    agent = get_agent(reference, actor=actor, lock=True)
    refuse_stale(agent, if_match)
    if not force:
        refuse_parents([agent])
    agent.delete(clock.now())
    audit.record(actor, "delete", agent)
    announce(agent)
    signals.deleted.send(agents=[agent])
    db.session.commit()
    return agent


def restore_agent(reference: str | UUID, *, actor: Actor) -> Agent:
    """Bring a deleted agent back as it was; Conflict where it is not deleted."""
    actor.require(AGENTS_WRITE)
    agent = _get_any(reference, actor=actor)
    agent.restore(clock.now())
    audit.record(actor, "restore", agent)
    announce(agent)
    db.session.commit()
    return agent


@dataclass(frozen=True)
class Removal:
    """What goes for ever with an agent: rows by what they are, and who points at it."""

    agent: Agent
    rows: dict[str, int] = field(default_factory=dict)
    handed_off_by: list[Agent] = field(default_factory=list)
    children: list[Agent] = field(default_factory=list)


def preview_removal(reference: str | UUID, *, actor: Actor) -> Removal:
    """What `remove_agent` would take away, for the person who is about to say yes."""
    actor.require(AGENTS_WRITE)
    agent = _get_any(reference, actor=actor, lock=False)
    # The current version is the agent itself, and a row as well once it has been published.
    superseded = select(AgentVersion).where(
        AgentVersion.agent_id == agent.id, AgentVersion.version != agent.current_version
    )
    rows = {"versions": count_all(superseded) + 1}
    for label, model in (("releases", Release), ("deployments", Deployment)):
        rows[label] = count_all(select(model).where(model.agent_id == agent.id))
    rows |= {owned.label: owned.count(agent) for owned in contributions(OwnedRows)}
    return Removal(agent, rows, agents_handing_off_to(agent), _children_of([agent]))


def remove_agent(
    reference: str | UUID, *, actor: Actor, force: bool = False, if_match: str | None = None
) -> None:
    """Delete an agent, deleted softly before or not, with all that belongs to it, for ever."""
    actor.require(AGENTS_WRITE)
    agent = _get_any(reference, actor=actor)
    refuse_stale(agent, if_match)
    if not force:
        refuse_parents([agent])
    # Sub-agents that stay would otherwise come under whoever takes the handle next.
    db.session.execute(
        update(Agent)
        .where(Agent.organization_id == actor.organization_id, Agent.parent == agent.handle)
        .values(parent=None, revision=Agent.revision + 1)
    )
    audit.record(actor, "remove", agent)
    announce(agent)
    db.session.flush()
    db.session.execute(delete(Agent).where(Agent.id == agent.id))
    db.session.commit()


def refuse_parents(agents: list[Agent], *, besides: frozenset[str] = frozenset()) -> None:
    """Raise Conflict where sub-agents would be left without their parent.

    The sub-agents that go as well, `agents` and `besides` by handle, do not count.
    """
    leaving = besides | {agent.handle for agent in agents}
    children = [child for child in _children_of(agents) if child.handle not in leaving]
    if children:
        names = ", ".join(child.handle for child in children)
        raise Conflict(
            f"Agent {children[0].parent} has active sub-agents: {names}",
            code="has_sub_agents",
            suggestions=["Delete those first."],
            api_suggestions=["Or send force=true."],
            extras={"sub_agents": [child.handle for child in children]},
        )


def parents_among(agents: list[Agent]) -> set[str]:
    """The handles of those that have active sub-agents."""
    if not agents:
        return set()
    handles = db.session.scalars(
        select(Agent.parent)
        .where(
            Agent.organization_id == agents[0].organization_id,
            Agent.parent.in_([agent.handle for agent in agents]),
            Agent.is_active,
        )
        .distinct()
    )
    return {handle for handle in handles if handle}


def _get_any(reference: str | UUID, *, actor: Actor, lock: bool = True) -> Agent:
    """The agent, deleted or not."""
    statement = select(Agent).where(
        Agent.organization_id == actor.organization_id, is_agent(reference)
    )
    agent: Agent | None = get_locked(statement) if lock else db.session.scalar(statement)
    if agent is None:
        raise NotFound(f"Agent not found: {reference}")
    return agent


def _children_of(agents: list[Agent]) -> list[Agent]:
    """The active sub-agents, at most 100."""
    if not agents:
        return []
    # Sorted in Python: for an ORDER BY, SQLite would walk the index of all handles.
    children = db.session.scalars(
        select(Agent)
        .where(
            Agent.organization_id == agents[0].organization_id,
            Agent.parent.in_([agent.handle for agent in agents]),
            Agent.is_active,
        )
        .limit(100)
    )
    return sorted(children, key=lambda child: child.handle)
