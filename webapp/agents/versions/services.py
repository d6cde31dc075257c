"""Read, compare and put back the versions of an agent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from webapp.agents.models import DEFINITION, Agent, AgentVersion
from webapp.agents.services import announce, get_agent, revise
from webapp.agents.versions.diff import Change, diff
from webapp.audit import services as audit
from webapp.core.actor import Actor, Role
from webapp.core.conditional import check_version
from webapp.core.errors import NotFound
from webapp.core.extensions import db
from webapp.core.web import Page, Paging


@dataclass(frozen=True)
class Comparison:
    """What changed from one version of an agent to another; `states` are their snapshots."""

    agent: Agent
    start: int
    end: int
    states: tuple[dict[str, Any], dict[str, Any]]
    changes: list[Change]


def list_versions(reference: str | UUID, paging: Paging, *, actor: Actor) -> Page:
    """The kept versions of an agent, newest first (spec 2, 6.7)."""
    agent = get_agent(reference, actor=actor)
    of_agent = AgentVersion.agent_id == agent.id
    total = db.session.scalar(select(func.count()).select_from(AgentVersion).where(of_agent)) or 0
    rows = db.session.scalars(
        select(AgentVersion)
        .where(of_agent)
        .order_by(AgentVersion.version.desc())
        .limit(paging.limit)
        .offset(paging.offset)
    )
    return Page(list(rows), total, paging.limit, paging.offset)


def get_version(reference: str | UUID, version: int, *, actor: Actor) -> AgentVersion:
    """One kept version; NotFound also for the current one, until it is published."""
    agent = get_agent(reference, actor=actor)
    return find_version(agent, version)


def find_version(agent: Agent, version: int) -> AgentVersion:
    found: AgentVersion | None = None
    if version < agent.current_version or agent.is_published:
        found = db.session.scalar(
            select(AgentVersion).where(
                AgentVersion.agent_id == agent.id,
                AgentVersion.version == min(version, agent.current_version + 1),
            )
        )
    if found is None:
        is_current = version == agent.current_version
        raise NotFound(
            f"Version not found: {version}"
            + (f". It is the current one: agent {agent.handle} itself." if is_current else ""),
            code="version_is_current" if is_current else None,
            suggestions=[
                "Read the agent, or publish the version so that it is kept."
                if is_current
                else f"The current version is {agent.current_version}."
            ],
        )
    return found


def compare_versions(
    reference: str | UUID, start: int, end: int | None, *, actor: Actor
) -> Comparison:
    """What changed from version `start` to `end`; None is the current one."""
    agent = get_agent(reference, actor=actor)
    end = agent.current_version if end is None else end
    before, after = state_of(agent, start), state_of(agent, end)
    return Comparison(agent, start, end, (before, after), diff(before, after))


def state_of(agent: Agent, version: int) -> dict[str, Any]:
    """The definition as it was in `version`, or as it is where that is the current one."""
    if version == agent.current_version:
        return agent.definition
    return find_version(agent, version).snapshot


def roll_back(
    reference: str | UUID, version: int, *, actor: Actor, if_match: str | None = None
) -> Agent:
    """Put the state of `version` back, as a new version; nothing happens where it is the present.

    Spec 5, 6.3. References that have gone since are kept as they were.
    """
    actor.require(Role.ADMIN)
    agent = get_agent(reference, actor=actor, lock=True)
    check_version(agent.etag, if_match)
    values = agent.differing(values_of(state_of(agent, version)))
    if values:
        revise(agent, values, actor=actor, note=f"Back to version {version}")
        audit.record(actor, "roll back", agent, to=version, version=agent.current_version)
        announce(agent)
    db.session.commit()
    return agent


def values_of(snapshot: dict[str, Any]) -> dict[str, Any]:
    """A snapshot as values of an agent's columns."""
    values = {name: snapshot[name] for name in DEFINITION if name in snapshot}
    if "handoff_targets" in values:
        values["handoff_targets"] = [UUID(target) for target in values["handoff_targets"]]
    return values
