"""Create, find, change and copy agents."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from webapp.agents.changes import add_agent, announce, change_agent, find_free_handle, verb_of
from webapp.agents.figures import add_figures, count_narrowed, refuse_stale, select_page
from webapp.agents.models import (
    SCOPE,
    Agent,
    AgentText,
    handle_from,
)
from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.references import is_agent
from webapp.agents.schemas import AgentCreate, AgentPatch, AgentQuery, AgentSearch, AgentUpdate
from webapp.agents.search import (
    count_with_text,
    is_in_one_index,
    narrow_agents,
    seek_text,
    select_agents,
    select_called,
    select_described,
    select_names,
)
from webapp.audit import services as audit
from webapp.core import matching, tallies
from webapp.core.actor import Actor
from webapp.core.database.sql import is_among
from webapp.core.database.transactions import get_locked
from webapp.core.errors import NotFound
from webapp.core.extensions import db
from webapp.core.lists import Page, count_all, total_of
from webapp.core.texts import Sought

#: names that a suggestion compares
RECENT_COUNT = 500


def create_agent(body: AgentCreate, *, actor: Actor) -> Agent:
    """Create an agent in the actor's organization (docs/contract/agents.md, 6.4 and spawn).

    Raises Conflict where the handle is taken, also by a deleted agent, and BadReference on
    hand-off targets, a parent or a model that is not there.
    """
    agent = add_agent(body, actor=actor)
    db.session.commit()
    return agent


def get_agent(reference: str | UUID, *, actor: Actor, lock: bool = False) -> Agent:
    """The agent with this UUID or handle; NotFound also for another organization's."""
    statement = select(Agent).where(
        Agent.organization_id == actor.organization_id,
        is_agent(reference),
        Agent.is_active,
    )
    agent: Agent | None = get_locked(statement) if lock else db.session.scalar(statement)
    if agent is None:
        _refuse_deleted(reference, actor=actor)
        raise NotFound(f"Agent not found: {reference}")
    return agent


class AgentDeleted(NotFound):
    """The agent is not there because it was deleted; an admin can bring it back."""

    def __init__(self, agent: Agent, reference: str | UUID, *, can_restore: bool) -> None:
        way_back = (
            f"It was deleted. POST /api/v1/agents/{agent.id}/restore brings it back, and so does "
            "the list of agents with “deleted too”."
        )
        suggestions = [way_back] if can_restore else []
        super().__init__(f"Agent not found: {reference}", suggestions=suggestions)
        self.agent = agent


def _refuse_deleted(reference: str | UUID, *, actor: Actor) -> None:
    statement = select(Agent).where(
        Agent.organization_id == actor.organization_id, is_agent(reference)
    )
    agent = db.session.scalar(statement)
    if agent is not None:
        raise AgentDeleted(agent, reference, can_restore=actor.may(AGENTS_WRITE))


def list_agents(query: AgentQuery, *, actor: Actor) -> Page:
    """One page of the organization's agents that match the filters."""
    sought = seek_text(query, actor=actor, has_all=True)
    statement = select_agents(query, actor=actor, sought=sought)
    narrowings = narrow_agents(query, actor=actor, sought=sought)
    if sought and narrowings and len(narrowings) > 1 and all(of.is_long for of in narrowings):
        # Many of each: the agents are read, because PostgreSQL would look at each one's text first.
        narrowings = None
    rows = select_page(
        statement,
        query.sort,
        organization_id=actor.organization_id,
        limit=query.limit,
        offset=query.offset,
        narrowings=None if is_in_one_index(query, sought) else narrowings,
    )
    agents = list(db.session.scalars(rows))

    def count() -> int:
        if narrowings == []:
            return count_agents(actor=actor)
        if sought and sought.conditions:
            return sought.count()
        if narrowings is None:
            few = count_with_text(query, actor=actor, sought=sought) if sought else None
            return count_all(statement) if few is None else few
        return count_narrowed(narrowings, actor.organization_id)

    total = total_of(count, len(agents), limit=query.limit, offset=query.offset)
    return Page(agents, total, query.limit, query.offset)


def search_agents(query: AgentSearch, *, actor: Actor) -> tuple[list[Agent], int]:
    """Agents whose name, handle or description holds `q` literally, and how many there are.

    docs/contract/knowledge.md, U-REQ-003 and E-REQ-007: without `q`, all of them.
    """
    statement = select(Agent).where(Agent.organization_id == actor.organization_id, Agent.is_active)
    text = query.q.strip()
    narrowings = [Sought(AgentText, text, actor.organization_id)] if text else []
    rows = select_page(
        statement,
        "-created_at",
        organization_id=actor.organization_id,
        limit=query.max_results,
        narrowings=narrowings,
    )
    agents = list(db.session.scalars(rows))

    def count() -> int:
        if narrowings:
            return count_narrowed(narrowings, actor.organization_id)
        return count_agents(actor=actor)

    return agents, total_of(count, len(agents), limit=query.max_results)


def suggest_agents(typed: str, *, limit: int, actor: Actor) -> list[Agent]:
    """The agents that somebody may mean, best first, at the cost of a bounded look.

    Sought among those that changed last, however they are called, and among all by the handle and
    by the first letters of the name. Without words: those that changed last.
    """
    newest = select_names(actor).order_by(Agent.updated_at.desc(), Agent.id.desc())
    looks = [newest.limit(RECENT_COUNT if typed else limit)]
    if typed:
        looks += [called.limit(RECENT_COUNT) for called in select_called(typed, actor=actor)]
    rows = {row.id: row for look in looks for row in db.session.execute(look)}
    found = matching.best(typed, rows.values(), lambda row: (row.name, row.handle), limit=limit)
    chosen = select(Agent).where(is_among(Agent.id, [row.id.hex for row in found]))
    agents = {agent.id: agent for agent in db.session.scalars(chosen)}
    return [agents[row.id] for row in found if row.id in agents]


def suggest_described(typed: str, *, limit: int, actor: Actor) -> list[Agent]:
    """Of the agents that were made last, those whose description holds what is typed."""
    described = select_described(typed, RECENT_COUNT, actor=actor).limit(limit)
    ids = list(db.session.scalars(described))
    if not ids:
        return []
    found = select(Agent).where(is_among(Agent.id, [agent_id.hex for agent_id in ids]))
    return list(db.session.scalars(found.order_by(Agent.created_at.desc(), Agent.id)))


def update_agent(
    reference: str | UUID,
    body: AgentUpdate | AgentPatch,
    *,
    actor: Actor,
    if_match: str | None = None,
) -> Agent:
    """Change the fields that the body gives (docs/contract/agents.md, 6.4).

    A change of the definition makes a version; where nothing differs, nothing happens. Raises
    PreconditionFailed where `if_match` names another version than the present one.
    """
    actor.require(AGENTS_WRITE)
    agent = get_agent(reference, actor=actor, lock=True)
    refuse_stale(agent, if_match)
    changed = change_agent(agent, body, actor=actor)
    if changed:
        audit.record(
            actor, verb_of(changed, agent), agent, fields=changed, version=agent.current_version
        )
        announce(agent)
    db.session.commit()
    return agent


def duplicate_agent(reference: str | UUID, *, actor: Actor) -> Agent:
    """A second agent with the same definition, " (Copy)" after its name.

    See docs/contract/agents.md, 6.8.
    It starts at version 1, has no history and no release.
    """
    actor.require(AGENTS_WRITE)
    # Locked, so that it keeps its scope until the copy has it as well.
    source = get_agent(reference, actor=actor, lock=True)
    name = f"{source.name[: 255 - len(' (Copy)')]} (Copy)"
    definition = {key: getattr(source, key) for key in (*source.definition, *SCOPE)}
    definition["name"] = name
    agent = Agent(
        organization_id=actor.organization_id,
        handle=find_free_handle(handle_from(name), actor=actor),
        parent=source.parent,
        version_author=actor.name,
        version_note=f"Copied from {source.handle}, version {source.current_version}"[:500],
        **definition,
    )
    agent.describe()
    db.session.add(agent)
    db.session.flush()
    add_figures([agent])
    audit.record(actor, "create", agent, copied_from=str(source.id))
    announce(agent)
    db.session.commit()
    return agent


def count_agents(*, actor: Actor) -> int:
    """How many active agents there are; each has one status."""
    return tallies.total("agent.status", actor.organization_id)


def handoff_agents(agent: Agent) -> list[Agent]:
    """The targets of an agent that are still there, in the agent's own order."""
    targets = {
        target.id: target
        for target in db.session.scalars(
            select(Agent).where(
                Agent.organization_id == agent.organization_id,
                Agent.id.in_(agent.handoff_targets),
                Agent.is_active,
            )
        )
    }
    return [targets[target] for target in agent.handoff_targets if target in targets]
