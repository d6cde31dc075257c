"""Create, find, change and copy agents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from webapp.agents.figures import add_figures, refuse_stale, select_page
from webapp.agents.models import (
    DEFAULT_MODEL,
    SCOPE,
    Agent,
    AgentVersion,
    handle_from,
)
from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.references import is_agent, refuse_itself, resolve_handoffs
from webapp.agents.schemas import AgentCreate, AgentPatch, AgentQuery, AgentSearch, AgentUpdate
from webapp.agents.search import count_all, matches_text, select_agents
from webapp.audit import services as audit
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.database import get_locked, lock_name
from webapp.core.errors import BadReference, Conflict, NotFound
from webapp.core.extensions import db
from webapp.core.lists import Page

#: models that a body may name with `model_config_id`
CATALOG = (DEFAULT_MODEL,)


def create_agent(body: AgentCreate, *, actor: Actor) -> Agent:
    """Create an agent in the actor's organization (docs/contract/agents.md, 6.4 and spawn).

    Raises Conflict where the handle is taken, also by a deleted agent, and BadReference on
    hand-off targets, a parent or a model that is not there.
    """
    agent = add_agent(body, actor=actor)
    db.session.commit()
    return agent


def add_agent(body: AgentCreate, *, actor: Actor, **values: Any) -> Agent:
    """Create an agent in the running transaction, with columns that no body sets as `values`.

    The caller commits. Refuses as `create_agent` does.
    """
    actor.require(AGENTS_WRITE)
    agent = new_agent(body, actor=actor)
    for name, value in values.items():
        setattr(agent, name, value)
    db.session.add(agent)
    try:
        db.session.flush()
        add_figures([agent])
    except IntegrityError as error:
        db.session.rollback()
        raise Conflict(
            f"The handle {agent.handle} is taken.",
            code="handle_taken",
            field="handle",
            suggestions=["Choose another handle; a deleted agent keeps its own."],
        ) from error
    audit.record(actor, "create", agent)
    announce(agent)
    return agent


def new_agent(body: AgentCreate, *, actor: Actor, handle: str | None = None) -> Agent:
    """An agent made from `body`, not stored yet."""
    values = body.model_dump(
        mode="json",
        exclude={"handle", "handoff_targets", "parent", "model_config_id", "activate"},
    )
    agent = Agent(
        organization_id=actor.organization_id,
        handle=handle or body.handle or _free_handle(handle_from(body.name), actor=actor),
        **values | {"model": _resolve_model(body)},
        handoff_targets=resolve_handoffs(body.handoff_targets, actor=actor),
        parent=_resolve_parent(body.parent, actor=actor),
        paused=not body.activate,
        version_author=actor.name,
    )
    agent.describe()
    return agent


def get_agent(
    reference: str | UUID, *, actor: Actor, lock: bool = False, deleted: bool = False
) -> Agent:
    """The agent with this UUID or handle; NotFound also for another organization's.

    `deleted` looks for a deleted one instead.
    """
    statement = select(Agent).where(
        Agent.organization_id == actor.organization_id,
        is_agent(reference),
        Agent.is_active.is_(not deleted),
    )
    agent: Agent | None = get_locked(statement) if lock else db.session.scalar(statement)
    if agent is None:
        if not deleted:
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
    statement = select_agents(query, actor=actor)
    rows = select_page(
        statement,
        query.sort,
        organization_id=actor.organization_id,
        limit=query.limit,
        offset=query.offset,
    )
    agents = list(db.session.scalars(rows))
    return Page(agents, count_all(statement), query.limit, query.offset)


def search_agents(query: AgentSearch, *, actor: Actor) -> tuple[list[Agent], int]:
    """Agents whose name, handle or description holds `q` literally, and how many there are.

    docs/contract/knowledge.md, U-REQ-003 and E-REQ-007: without `q`, all of them.
    """
    statement = select(Agent).where(Agent.organization_id == actor.organization_id, Agent.is_active)
    if query.q.strip():
        statement = statement.where(matches_text(query.q.strip()))
    rows = select_page(
        statement,
        "-created_at",
        organization_id=actor.organization_id,
        limit=query.max_results,
    )
    return list(db.session.scalars(rows)), count_all(statement)


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
        audit.record(actor, "update", agent, fields=changed, version=agent.current_version)
        announce(agent)
    db.session.commit()
    return agent


def change_agent(
    agent: Agent,
    body: AgentUpdate | AgentPatch,
    *,
    actor: Actor,
    targets: list[UUID] | None = None,
) -> list[str]:
    """Let the locked `agent` take over what the body gives; the names of what really changed.

    `targets` are the body's hand-off targets where they have been looked up already.
    """
    values = body.model_dump(exclude_unset=True, mode="json", exclude={"version_note", "paused"})
    if "handoff_targets" in values:
        values["handoff_targets"] = (
            resolve_handoffs(values["handoff_targets"], actor=actor, agent=agent)
            if targets is None
            else refuse_itself(targets, agent)
        )
    values = agent.differing(values)
    if values:
        note = body.version_note if isinstance(body, AgentUpdate) else None
        revise(agent, values, actor=actor, note=note)
    changed = list(values)
    if isinstance(body, AgentPatch) and "paused" in body.model_fields_set:
        changed += _pause(agent, body.paused)
    return changed


def revise(agent: Agent, values: dict[str, Any], *, actor: Actor, note: str | None = None) -> None:
    """Keep the present version of the locked `agent` and make the next one of it."""
    kept = None if agent.is_published else AgentVersion.of(agent)
    agent.revise(values, author=actor.name, note=note, at=clock.now())
    if kept is not None:
        db.session.add(kept)


def duplicate_agent(reference: str | UUID, *, actor: Actor) -> Agent:
    """A second agent with the same definition, " (Copy)" after its name.

    See docs/contract/agents.md, 6.8.
    It starts at version 1, has no history and no release.
    """
    actor.require(AGENTS_WRITE)
    source = get_agent(reference, actor=actor)
    name = f"{source.name[: 255 - len(' (Copy)')]} (Copy)"
    definition = {key: getattr(source, key) for key in (*source.definition, *SCOPE)}
    definition["name"] = name
    agent = Agent(
        organization_id=actor.organization_id,
        handle=_free_handle(handle_from(name), actor=actor),
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
    return count_all(
        select(Agent).where(Agent.organization_id == actor.organization_id, Agent.is_active)
    )


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


def announce(agent: Agent) -> None:
    live.announce(f"agent:{agent.id}", agent.organization_id)
    live.announce("agents:all", agent.organization_id)


def _pause(agent: Agent, paused: bool) -> list[str]:
    if agent.paused == paused:
        return []
    agent.paused = paused
    agent.touch(clock.now())
    return ["paused"]


def _resolve_model(body: AgentCreate) -> str:
    """The model of a new agent: the catalog's, else the overrides', else its own.

    See docs/contract/agents.md, spawn.
    """
    if body.model_config_id in CATALOG:
        return str(body.model_config_id)
    overridden = (body.model_overrides or {}).get("model")
    is_viable = isinstance(overridden, str) and overridden.strip()
    if body.model_config_id and not is_viable:
        raise BadReference(
            f"Model not found: {body.model_config_id}",
            code="unknown_model",
            field="model_config_id",
            extras={"field": "model_config_id", "available": list(CATALOG)},
            suggestions=["Name a model of the catalog, or one in model_overrides.model."],
        )
    if is_viable and "model" not in body.model_fields_set:
        return str(overridden).strip()[:255]
    return body.model


def _resolve_parent(reference: str | None, *, actor: Actor) -> str | None:
    if reference is None:
        return None
    handle = db.session.scalar(
        select(Agent.handle).where(
            Agent.organization_id == actor.organization_id, Agent.is_active, is_agent(reference)
        )
    )
    if handle is None:
        raise BadReference(
            f"Agent not found: {reference}",
            code="unknown_parent",
            field="parent",
            extras={"field": "parent"},
        )
    return handle


def _free_handle(handle: str, *, actor: Actor) -> str:
    lock_name(f"handles of {actor.organization_id}")
    taken = set(
        db.session.scalars(
            select(Agent.handle).where(
                Agent.organization_id == actor.organization_id,
                Agent.handle.startswith(handle, autoescape=True),
            )
        )
    )
    return free_handle(handle, taken)


def free_handle(handle: str, taken: set[str]) -> str:
    """`handle`, or the first of `handle-2`, `handle-3` … that nobody has."""
    candidates = (handle if n == 1 else f"{handle}-{n}" for n in range(1, len(taken) + 2))
    return next(candidate for candidate in candidates if candidate not in taken)
