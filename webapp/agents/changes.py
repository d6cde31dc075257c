"""What happens to agents inside of somebody else's transaction, who commits it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from webapp.agents import signals
from webapp.agents.figures import add_figures
from webapp.agents.models import (
    Agent,
    AgentVersion,
    handle_from,
)
from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.references import is_agent, refuse_itself, resolve_handoffs
from webapp.agents.schemas import AgentCreate, AgentPatch, AgentUpdate
from webapp.audit import services as audit
from webapp.catalog import services as catalog
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.database.transactions import lock_name
from webapp.core.errors import BadReference, Conflict
from webapp.core.extensions import db


def add_agent(body: AgentCreate, *, actor: Actor, **values: Any) -> Agent:
    """Create an agent in the running transaction, with columns that no body sets as `values`.

    Refuses as `services.create_agent` does.
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
        handle=handle or body.handle or find_free_handle(handle_from(body.name), actor=actor),
        **values | {"model": _resolve_model(body, actor.organization_id)},
        handoff_targets=resolve_handoffs(body.handoff_targets, actor=actor),
        parent=_resolve_parent(body.parent, actor=actor),
        paused=not body.activate,
        version_author=actor.name,
    )
    agent.describe()
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
    values = body.model_dump(
        exclude_unset=True, mode="json", exclude={"model_config_id", "version_note", "paused"}
    )
    if isinstance(body, AgentUpdate) and body.model_config_id:
        values["model"] = _find_model(body.model_config_id, agent.organization_id)
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


def verb_of(changed: list[str], agent: Agent) -> str:
    """What the audit calls a change of these fields: to pause alone has words of its own."""
    if changed != ["paused"]:
        return "update"
    return "pause" if agent.paused else "resume"


def announce(agent: Agent) -> None:
    live.announce(f"agent:{agent.id}", agent.organization_id)
    live.announce("agents:all", agent.organization_id)


def _pause(agent: Agent, paused: bool) -> list[str]:
    if agent.paused == paused:
        return []
    agent.paused = paused
    agent.touch(clock.now())
    if not paused:
        signals.resumed.send(agent=agent)
    return ["paused"]


def _resolve_model(body: AgentCreate, organization_id: UUID) -> str:
    """The model of a new agent: the catalog's, else the overrides', else its own or the default.

    See docs/contract/agents.md, spawn.
    """
    overridden = (body.model_overrides or {}).get("model")
    is_viable = isinstance(overridden, str) and overridden.strip()
    if body.model_config_id:
        try:
            return _find_model(body.model_config_id, organization_id)
        except BadReference:
            if not is_viable:
                raise
    if "model" in body.model_fields_set:
        return body.model
    if is_viable:
        return str(overridden).strip()[:255]
    return catalog.get_default(organization_id).name


def _find_model(name: str, organization_id: UUID) -> str:
    """What an agent keeps of a model of the catalog: the very name that it was called by."""
    if catalog.find_model(organization_id, name) is None:
        raise BadReference(
            f"Model not found: {name}",
            code="unknown_model",
            field="model_config_id",
            extras={"field": "model_config_id", "available": catalog.find_names(organization_id)},
            suggestions=["Name a model of the catalog, or one in model_overrides.model."],
        )
    return name


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


def find_free_handle(handle: str, *, actor: Actor) -> str:
    """`handle`, or the next one that is free; nobody else gets it meanwhile."""
    lock_name(f"handles of {actor.organization_id}")
    return Handles(actor).take(handle)


class Handles:
    """The handles of an organization, deleted agents' too, looked up as far as they are asked for.

    Whoever takes some holds the lock of their name.
    """

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._known: dict[str, UUID | None] = {}
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def load(self, handles: Iterable[str]) -> None:
        """Look these up together, those that have not been asked for yet."""
        new = [handle for handle in dict.fromkeys(handles) if handle not in self._known]
        self._known |= dict.fromkeys(new)
        for start in range(0, len(new), 500):
            some = new[start : start + 500]
            rows = db.session.execute(
                select(Agent.handle, Agent.id).where(
                    Agent.organization_id == self._actor.organization_id, Agent.handle.in_(some)
                )
            )
            self._known |= {row.handle: row.id for row in rows}

    def find(self, handles: Iterable[str]) -> dict[str, UUID]:
        """The agents that have these; a handle that nobody has is missing."""
        wanted = list(handles)
        self.load(wanted)
        return {handle: key for handle in wanted if (key := self._known[handle])}

    def take(self, handle: str) -> str:
        """`handle`, or the first of `handle-2`, `handle-3` … that nobody has; from now on taken."""
        number = self._next.get(handle, 1)
        while True:
            candidate = handle if number == 1 else f"{handle}-{number}"
            if candidate not in self._known:
                # Twice as many each time, because what has many may have thousands.
                self.load([candidate, *(f"{handle}-{number + n}" for n in range(1, number))])
            number += 1
            if self._known[candidate] is None and candidate not in self._taken:
                self._taken.add(candidate)
                self._next[handle] = number
                return candidate
