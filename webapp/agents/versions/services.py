"""Read, compare and put back the versions of an agent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from webapp.agents.changes import announce, revise
from webapp.agents.figures import refuse_stale
from webapp.agents.models import DEFINITION, Agent, AgentVersion, Release, is_same_value
from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.references import resolve_handoffs
from webapp.agents.schemas import AgentUpdate
from webapp.agents.services import get_agent
from webapp.agents.versions.diff import Change, diff
from webapp.agents.versions.merging import Merge, merge
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.errors import NotFound
from webapp.core.extensions import db
from webapp.core.lists import Page, Paging


@dataclass(frozen=True)
class Comparison:
    """What changed from one version of an agent to another; `states` are their snapshots."""

    agent: Agent
    start: int
    end: int
    states: tuple[dict[str, Any], dict[str, Any]]
    changes: list[Change]


@dataclass(frozen=True)
class Entry:
    """One line of an agent's history; `changed` are the fields that differ from `previous`."""

    version: int
    previous: int | None
    author: str
    note: str | None
    created_at: datetime
    changed: list[str]
    release: Release | None
    is_current: bool

    @property
    def day(self) -> date:
        return self.created_at.date()


@dataclass(frozen=True)
class History:
    agent: Agent
    entries: list[Entry]
    has_older: bool


@dataclass(frozen=True)
class EditConflict:
    """An edit that began at version `base` and met a newer one, brought together with it."""

    agent: Agent
    base: int
    since: list[Entry]
    merge: Merge


def list_versions(reference: str | UUID, paging: Paging, *, actor: Actor) -> Page:
    """The kept versions of an agent, newest first (docs/contract/agents.md, 6.7)."""
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
    kept: AgentVersion | None = None
    if version < agent.current_version or agent.is_published:
        kept = db.session.scalar(
            select(AgentVersion).where(
                AgentVersion.agent_id == agent.id,
                AgentVersion.version == min(version, agent.current_version + 1),
            )
        )
    if kept is None:
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
    return kept


def list_history(
    reference: str | UUID, *, before: int | None = None, limit: int = 20, actor: Actor
) -> History:
    """The versions below `before`, or from the current one, newest first, with what they changed.

    docs/contract/versions.md, 6.4.
    """
    agent = get_agent(reference, actor=actor)
    statement = select(AgentVersion).where(AgentVersion.agent_id == agent.id)
    if before is not None:
        statement = statement.where(AgentVersion.version < before)
    rows = list(
        db.session.scalars(statement.order_by(AgentVersion.version.desc()).limit(limit + 1))
    )
    if before is None and not agent.is_published:
        rows.insert(0, AgentVersion.of(agent))
    shown = rows[:limit]
    releases = {
        release.version: release
        for release in db.session.scalars(
            select(Release).where(
                Release.agent_id == agent.id, Release.version.in_([row.version for row in shown])
            )
        )
    }
    older: list[AgentVersion | None] = [*rows[1:], None]
    entries = [
        Entry(
            version=row.version,
            previous=None if previous is None else previous.version,
            author=row.author,
            note=row.note,
            created_at=row.created_at,
            changed=_changed(previous, row),
            release=releases.get(row.version),
            is_current=row.version == agent.current_version,
        )
        for row, previous in zip(shown, older, strict=False)
    ]
    return History(agent, entries, len(rows) > limit)


def merge_edits(
    reference: str | UUID, base: int, body: AgentUpdate, *, actor: Actor
) -> EditConflict:
    """An edit of version `base` merged with what others have changed since.

    Raises NotFound where `base` is no version of the agent.
    """
    agent = get_agent(reference, actor=actor)
    before = state_of(agent, base)
    edits = body.model_dump(
        exclude_unset=True, mode="json", exclude={"model_config_id", "version_note"}
    )
    if "handoff_targets" in edits:
        targets = resolve_handoffs(edits["handoff_targets"], actor=actor, agent=agent)
        edits["handoff_targets"] = [str(target) for target in targets]
    since = [entry for entry in list_history(agent.id, actor=actor).entries if entry.version > base]
    return EditConflict(agent, base, since, merge(before, before | edits, agent.definition))


def release_of(agent: Agent, version: int) -> Release | None:
    """The release that a version is, if it was published."""
    release: Release | None = db.session.scalar(
        select(Release).where(Release.agent_id == agent.id, Release.version == version)
    )
    return release


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

    docs/contract/versions.md, 6.3. References that have gone since are kept as they were.
    """
    actor.require(AGENTS_WRITE)
    agent = get_agent(reference, actor=actor, lock=True)
    refuse_stale(agent, if_match)
    values = agent.differing(values_of(state_of(agent, version)))
    if values:
        revise(agent, values, actor=actor, note=f"Back to version {version}")
        audit.record(actor, "roll back", agent, to=version, version=agent.current_version)
        announce(agent)
    db.session.commit()
    return agent


def _changed(before: AgentVersion | None, after: AgentVersion) -> list[str]:
    if before is None:
        return []
    old, new = before.snapshot, after.snapshot
    return [name for name in DEFINITION if not is_same_value(name, old.get(name), new.get(name))]


def values_of(snapshot: dict[str, Any]) -> dict[str, Any]:
    """A snapshot as values of an agent's columns."""
    values = {name: snapshot[name] for name in DEFINITION if name in snapshot}
    if "handoff_targets" in values:
        values["handoff_targets"] = [UUID(target) for target in values["handoff_targets"]]
    return values
