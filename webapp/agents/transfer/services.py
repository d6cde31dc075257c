"""Write agents into a portable file and read them back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID, uuid4

from pydantic import ValidationError
from sqlalchemy import or_, select

from webapp.agents.changes import Handles
from webapp.agents.figures import add_figures, refresh_list_statistics
from webapp.agents.models import (
    DEFINITION,
    Agent,
    AgentVersion,
    Deployment,
    Environment,
    Release,
    Status,
    handle_from,
    name_key,
)
from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.references import is_agent
from webapp.agents.schemas import AgentFilter
from webapp.agents.search import select_agents
from webapp.agents.transfer.schemas import ImportRequest, PortableAgent
from webapp.audit import services as audit
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.database.transactions import lock_name, snapshot
from webapp.core.errors import BadReference, Invalid, validation_errors
from webapp.core.extensions import db
from webapp.core.ids import uuid7

BATCH = 200
#: ids mean nothing elsewhere, so hand-offs leave only as handles and only when asked for
PORTABLE = tuple(name for name in DEFINITION if name != "handoff_targets")

Include = Literal["versions", "handoffs"]


@dataclass(frozen=True)
class ImportItem:
    """What an import does, or would do, with one agent of the file."""

    index: int
    name: str
    handle: str | None
    outcome: Literal["created", "skipped"]
    reason: str | None = None
    version_count: int = 0


@dataclass(frozen=True)
class ImportReport:
    is_dry_run: bool
    items: list[ImportItem] = field(default_factory=list)
    agents: list[Agent] = field(default_factory=list)

    @property
    def created(self) -> int:
        return sum(item.outcome == "created" for item in self.items)

    @property
    def skipped(self) -> int:
        return len(self.items) - self.created


def export_agents(
    query: AgentFilter,
    *,
    only: Sequence[str] = (),
    include: frozenset[Include] = frozenset(),
    actor: Actor,
) -> Iterator[str]:
    """The matching active agents, or `only` these, as a JSON array in pieces of a few hundred.

    All pieces show one state of the database (docs/contract/agents.md, 6.10).
    """
    actor.require(AGENTS_WRITE)
    snapshot()
    statement = select_agents(query.model_copy(update={"include_deleted": False}), actor=actor)
    if only:
        statement = statement.where(or_(*(is_agent(reference) for reference in only)))
    handles = _handles(actor) if "handoffs" in include else {}
    yield "["
    last: UUID | None = None
    while True:
        following = statement if last is None else statement.where(Agent.id > last)
        agents = list(db.session.scalars(following.order_by(Agent.id).limit(BATCH)))
        if not agents:
            break
        histories = _histories(agents) if "versions" in include else {}
        items = [_portable(agent, handles, histories.get(agent.id)) for agent in agents]
        text = ",\n".join(json.dumps(item, ensure_ascii=False) for item in items)
        yield text if last is None else ",\n" + text
        last = agents[-1].id
        db.session.expunge_all()
    yield "]\n"


def read_import(data: Any) -> list[PortableAgent]:
    """The agents of a parsed file; Invalid names every item that is wrong."""
    try:
        return ImportRequest.model_validate(data).agents
    except ValidationError as error:
        errors = validation_errors(error)
        raise Invalid(_first_flaw(data, errors), errors=errors) from error


def import_agents(
    agents: list[PortableAgent], *, actor: Actor, is_dry_run: bool = False
) -> ImportReport:
    """Create the agents whose names are new, with their history where the file has it.

    One transaction: all or nothing. An agent is skipped where an active one has exactly its name,
    or an earlier one of the file does. A handle that is taken gets a number.
    See docs/contract/agents.md, 6.10.
    Raises BadReference where a hand-off leads to nobody.
    """
    actor.require(AGENTS_WRITE)
    lock_name(f"handles of {actor.organization_id}")
    known = _known_names([item.name for item in agents], actor)
    bases = [item.handle or handle_from(item.name) for item in agents]
    taken = Handles(actor)
    taken.load([*bases, *(target for item in agents for target in item.handoff_targets)])
    handles = taken.find(target for item in agents for target in item.handoff_targets)
    report = ImportReport(is_dry_run)
    made: list[tuple[Agent, PortableAgent]] = []
    for index, item in enumerate(agents):
        if item.name in known:
            if item.handle:
                handles[item.handle] = known[item.name]
            reason = "an agent of this name is there already"
            report.items.append(ImportItem(index, item.name, item.handle, "skipped", reason))
            continue
        handle = taken.take(bases[index])
        agent = _agent_from(item, handle, actor)
        known[item.name] = handles[item.handle or handle] = agent.id
        made.append((agent, item))
        renamed = "its handle was taken" if item.handle not in (None, handle) else None
        report.items.append(
            ImportItem(index, item.name, handle, "created", renamed, len(item.versions))
        )
    for agent, item in made:
        agent.handoff_targets = _targets(item, handles)
    if is_dry_run:
        db.session.rollback()
        return report
    report.agents.extend(agent for agent, _ in made)
    _store(made, actor)
    db.session.commit()
    return report


def _portable(
    agent: Agent, handles: dict[UUID, str], history: dict[str, Any] | None
) -> dict[str, Any]:
    item: dict[str, Any] = {"handle": agent.handle}
    item |= {name: agent.definition[name] for name in PORTABLE}
    if handles:
        item["handoff_targets"] = [
            handles[target] for target in agent.handoff_targets if target in handles
        ]
    return item | (history or {})


def _histories(agents: list[Agent]) -> dict[UUID, dict[str, Any]]:
    """Versions and releases of a few agents, in two queries."""
    known = {agent.id: agent for agent in agents}
    histories: dict[UUID, dict[str, Any]] = {
        agent.id: {"current_version": agent.current_version, "versions": [], "releases": []}
        for agent in agents
    }
    versions = select(AgentVersion).where(AgentVersion.agent_id.in_(known))
    for version in db.session.scalars(versions.order_by(AgentVersion.version)):
        histories[version.agent_id]["versions"].append(
            {
                "version": version.version,
                "snapshot": {k: v for k, v in version.snapshot.items() if k in PORTABLE},
                "author": version.author,
                "note": version.note,
                "created_at": clock.iso(version.created_at),
            }
        )
    releases = select(Release).where(Release.agent_id.in_(known))
    for release in db.session.scalars(releases.order_by(Release.created_at)):
        histories[release.agent_id]["releases"].append(
            {
                "version": release.version,
                "semver": release.semver,
                "changelog": release.changelog,
                "status": release.status,
                "author": release.author,
                "created_at": clock.iso(release.created_at),
                "environments": known[release.agent_id].environments_of(release),
            }
        )
    return histories


def _handles(actor: Actor) -> dict[UUID, str]:
    """The handle of every agent of the organization, the deleted ones too."""
    rows = db.session.execute(
        select(Agent.id, Agent.handle).where(Agent.organization_id == actor.organization_id)
    )
    return {row.id: row.handle for row in rows}


def _known_names(names: list[str], actor: Actor) -> dict[str, UUID]:
    """The active agents that have exactly these names, found by the index of folded ones."""
    ids: dict[str, UUID] = {}
    keys = {name: name_key(name) for name in names}
    for start in range(0, len(names), 500):
        rows = db.session.execute(
            select(Agent.name, Agent.id).where(
                Agent.organization_id == actor.organization_id,
                Agent.is_active,
                Agent.name_key.in_({keys[name] for name in names[start : start + 500]}),
            )
        )
        ids |= {row.name: row.id for row in rows if row.name in keys}
    return ids


def _agent_from(item: PortableAgent, handle: str, actor: Actor) -> Agent:
    values = item.model_dump(mode="json", include=set(PORTABLE))
    agent = Agent(
        id=uuid7(),
        organization_id=actor.organization_id,
        handle=handle,
        **values,
        current_version=item.current_version,
        published_version=max((release.version for release in item.releases), default=None),
        environments=_environments(item),
        status=_status(item),
        version_author=actor.name,
        version_note="Imported",
        created_at=clock.now(),
    )
    agent.describe()
    return agent


def _environments(item: PortableAgent) -> dict[str, Any]:
    return {
        name: {"version": release.version, "semver": release.semver}
        for release in item.releases
        for name in release.environments
    }


def _status(item: PortableAgent) -> str:
    """As a release leaves it: production's, else staging's, else the newest one's."""
    for name in (Environment.PRODUCTION, Environment.STAGING):
        for release in item.releases:
            if name in release.environments:
                return release.status.value
    newest = max(item.releases, key=lambda release: release.created_at, default=None)
    return newest.status.value if newest else Status.DRAFT.value


def _targets(item: PortableAgent, handles: dict[str, UUID]) -> list[UUID]:
    references = item.handoff_targets
    missing = [reference for reference in references if reference not in handles]
    if missing:
        db.session.rollback()
        raise BadReference(
            f"{item.name} hands off to {', '.join(missing)}, which is neither in the file nor "
            "an agent of the organization.",
            code="bad_handoff_targets",
            field="handoff_targets",
            extras={"agent": item.name, "invalid": missing},
        )
    return [handles[reference] for reference in references]


def _store(made: list[tuple[Agent, PortableAgent]], actor: Actor) -> None:
    db.session.add_all(agent for agent, _ in made)
    db.session.flush()
    add_figures([agent for agent, _ in made])
    deployments = []
    for agent, item in made:
        db.session.add_all(_versions(agent, item))
        for release, environments in _releases(agent, item):
            db.session.add(release)
            deployments += [
                Deployment(
                    agent_id=agent.id,
                    release_id=release.id,
                    environment=name,
                    action="import",
                    author=actor.name,
                )
                for name in environments
            ]
        audit.record(actor, "import", agent)
    # A deployment points at its release, which has to be there first.
    db.session.flush()
    db.session.add_all(deployments)
    if len(made) >= BATCH:
        refresh_list_statistics(len(made))
    live.announce("agents:all", actor.organization_id)


def _versions(agent: Agent, item: PortableAgent) -> Iterator[AgentVersion]:
    for version in item.versions:
        values = version.snapshot.model_dump(mode="json") | {"handoff_targets": []}
        yield AgentVersion(
            agent_id=agent.id,
            version=version.version,
            snapshot={name: values[name] for name in DEFINITION},
            author=version.author,
            note=version.note,
            created_at=version.created_at,
        )


def _releases(agent: Agent, item: PortableAgent) -> Iterator[tuple[Release, list[str]]]:
    """The releases of the file, and the environments that run each."""
    for release in item.releases:
        values = release.model_dump(
            include={"version", "semver", "changelog", "author", "created_at"}
        )
        row = Release(id=uuid4(), agent_id=agent.id, **values, status=release.status.value)
        yield row, list(release.environments)


def _first_flaw(data: Any, errors: list[dict[str, str]]) -> str:
    """The first error, with the name of the agent that it is about."""
    first = errors[0]
    parts = first["field"].split(".")
    items = data if isinstance(data, list) else data.get("agents") if isinstance(data, dict) else []
    name = None
    if len(parts) > 1 and parts[1].isdigit() and isinstance(items, list):
        item = items[int(parts[1])]
        name = item.get("name") if isinstance(item, dict) else None
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    about = f"{str(name)[:80]!r}: " if name else ""
    return f"{about}{first['field']}: {first['message']}{more}. Nothing was imported."
