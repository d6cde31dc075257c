"""Moves: from one version of the taxonomy to another, agents with what they know.

Topics are matched by their paths; one that only moved, by its label where nothing else has it; and
one that was renamed, by what the request says. Documents about a matched topic become documents
about its successor as well, and stay what they are in the old version.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, Select, delete, func, insert, select

from webapp import index
from webapp.agents import changes as agents
from webapp.agents.models import Agent
from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.search import count_all
from webapp.audit import services as audit
from webapp.core.actor import Actor, Role
from webapp.core.database.sql import is_among
from webapp.core.database.transactions import get_locked
from webapp.core.errors import BadReference, Conflict, Invalid
from webapp.core.extensions import db
from webapp.coverage import refresh
from webapp.coverage.models import CoverageTarget
from webapp.coverage.moves.schemas import MoveRequest, Rename
from webapp.coverage.scopes import services as scopes
from webapp.documents.models import DocumentNode
from webapp.documents.topics.changes import add_topics, recounting
from webapp.tasks import changes as tasks
from webapp.tasks.models import Task
from webapp.tasks.running import Run
from webapp.taxonomies.models import NodeStat, Taxonomy, TaxonomyNode
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE
from webapp.taxonomies.services import get_taxonomy

TASK_TYPE = "taxonomy_move"
BATCH_DOCUMENTS = 500
#: agents a preview lists
MAX_AGENTS = 200

Reason = Literal["path", "label", "request"]


@dataclass(frozen=True)
class Successor:
    """A topic, what it becomes (None: nothing), and why."""

    node_id: UUID
    path: list[str]
    document_count: int
    new_path: list[str] | None
    reason: Reason | None


@dataclass(frozen=True)
class AgentMove:
    """What a move makes of an agent's topics; it stays where it is when none is left."""

    agent: Agent
    kept_count: int
    lost: list[list[str]]

    @property
    def agent_id(self) -> UUID:
        return self.agent.id

    @property
    def name(self) -> str:
        return self.agent.name

    @property
    def handle(self) -> str:
        return self.agent.handle

    @property
    def moves(self) -> bool:
        return self.kept_count > 0


@dataclass(frozen=True)
class Preview:
    """What a move would do; `changed` are the topics that do not simply keep their path."""

    start: str
    end: str
    kept_count: int
    changed: list[Successor]
    document_count: int
    agent_count: int
    agents: list[AgentMove]


@dataclass
class _Match:
    """The topics of the old version, and those of them that have a successor.

    `public_ids` has those of both versions.
    """

    paths: dict[UUID, list[str]]
    new_paths: dict[UUID, list[str]]
    public_ids: dict[UUID, UUID]
    successors: dict[UUID, UUID] = field(default_factory=dict)
    reasons: dict[UUID, Reason] = field(default_factory=dict)

    def add(self, old: UUID, new: UUID, reason: Reason) -> None:
        self.successors[old], self.reasons[old] = new, reason


def preview_move(version: str, body: MoveRequest, *, actor: Actor) -> Preview:
    """What moving from `body.start` to `version` would do; writes nothing.

    Raises Invalid where both are the same, BadReference on a renamed topic that is not there.
    """
    _require_both(actor)
    start, match = _match(version, body.start, body.renames, actor=actor)
    counts = _document_counts(start)
    changed = [
        Successor(
            match.public_ids[node_id],
            path,
            counts.get(node_id, 0),
            match.new_paths.get(match.successors.get(node_id, node_id)),
            match.reasons.get(node_id),
        )
        for node_id, path in match.paths.items()
        if match.reasons.get(node_id) != "path"
    ]
    statement = _agents_of(start, body.agent_ids, actor.organization_id)
    total = db.session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    listed = db.session.scalars(statement.order_by(Agent.name, Agent.id).limit(MAX_AGENTS))
    return Preview(
        start=start.version,
        end=version,
        kept_count=sum(1 for reason in match.reasons.values() if reason == "path"),
        # Those that lose documents first: they are what somebody has to decide about.
        changed=sorted(changed, key=lambda item: (bool(item.reason), -item.document_count)),
        document_count=_count_documents(match, is_about=True),
        agent_count=total,
        agents=[_move_of(agent, match) for agent in listed],
    )


def start_move(version: str, body: MoveRequest, *, actor: Actor) -> Task:
    """Move agents and what documents are about from `body.start` to `version`, by a task.

    Raises what `preview_move` raises, and Conflict where such a move is under way.
    """
    _require_both(actor)
    _match(version, body.start, body.renames, actor=actor)
    index.lock(actor.organization_id)
    known = select(Task.id).where(
        Task.organization_id == actor.organization_id,
        Task.task_type == TASK_TYPE,
        Task.status.in_(("pending", "running")),
    )
    if db.session.scalar(known.limit(1)):
        db.session.rollback()
        raise Conflict("Another move is under way; wait for its end.", code="moving")
    task = tasks.start_task(
        TASK_TYPE,
        title=f"Move from taxonomy {body.start} to {version}",
        input={"version": version, "move": body.model_dump(mode="json")},
        actor=actor,
    )
    audit.record(actor, "move", get_taxonomy(version, actor=actor), start=body.start)
    db.session.commit()
    return task


def move_taxonomy(run: Run) -> None:
    """The task: documents first, so that no agent loses sight of them; then agent by agent.

    The result counts `documents` and `agents`, and lists the agents that stayed as
    `{agent_id, name}`. What was done before a kill is found done.
    """
    task = run.task
    actor = Actor(task.organization_id, Role.ADMIN, task.created_by)
    version, body = task.input["version"], MoveRequest.model_validate(task.input["move"])
    start, match = _match(version, body.start, body.renames, actor=actor)
    result: dict[str, Any] = task.result or {"documents": 0, "agents": 0, "stayed": []}
    checkpoint = task.checkpoint
    total = max(_count_documents(match), 1)
    while batch := _document_ids(match, checkpoint.get("document")):
        run.hold()
        _add_successors(actor.organization_id, batch, match)
        refresh.schedule_refresh(actor.organization_id)
        result = {**result, "documents": result["documents"] + _count_about(match, batch)}
        seen = checkpoint.get("seen", 0) + len(batch)
        checkpoint = {"document": str(batch[-1]), "seen": seen}
        run.advance(0.9 * min(seen / total, 1.0), checkpoint, result)
    chosen = _agents_of(start, body.agent_ids, actor.organization_id).order_by(Agent.id)
    agent_total = max(
        db.session.scalar(select(func.count()).select_from(chosen.subquery())) or 0, 1
    )
    while agent_id := _next_agent(chosen, checkpoint.get("agent")):
        run.hold()
        result = _move_agent(agent_id, version, match, result, actor=actor)
        checkpoint = {**checkpoint, "agent": str(agent_id)}
        done = result["agents"] + len(result["stayed"])
        run.advance(0.9 + 0.1 * done / max(agent_total, done), checkpoint, result)
    run.hold()
    run.advance(1.0, checkpoint, result)


def _require_both(actor: Actor) -> None:
    """A move changes what documents are about, and what agents know about."""
    actor.require(KNOWLEDGE_WRITE)
    actor.require(AGENTS_WRITE)


def _match(
    version: str, start: str, renames: Sequence[Rename], *, actor: Actor
) -> tuple[Taxonomy, _Match]:
    """The old version, and what its topics become in the new one."""
    if start == version:
        raise Invalid("Choose another version to move from.", field="start", code="same_version")
    old, new = (get_taxonomy(name, actor=actor) for name in (start, version))
    before, after = (_nodes_of(taxonomy) for taxonomy in (old, new))
    match = _Match(
        {node.id: node.canonical_path for node in before},
        {node.id: node.canonical_path for node in after},
        {node.id: node.public_id for node in (*before, *after)},
    )
    old_ids, new_ids = _by_path(match.paths), _by_path(match.new_paths)
    for rename in renames:
        node_id = _at(rename.start, old_ids, start)
        match.reasons[node_id] = "request"
        if rename.end is not None:
            match.successors[node_id] = _at(rename.end, new_ids, version)
    for node_id, path in match.paths.items():
        if node_id not in match.reasons and tuple(path) in new_ids:
            match.add(node_id, new_ids[tuple(path)], "path")
    olds = _by_label(
        (node_id, path) for node_id, path in match.paths.items() if node_id not in match.reasons
    )
    taken = set(match.successors.values())
    news = _by_label(
        (node_id, path) for node_id, path in match.new_paths.items() if node_id not in taken
    )
    for label in olds.keys() & news.keys():
        match.add(olds[label], news[label], "label")
    return old, match


def _at(path: list[str], ids: dict[tuple[str, ...], UUID], version: str) -> UUID:
    node_id = ids.get(tuple(path))
    if node_id is None:
        raise BadReference(
            f"There is no topic {' > '.join(path)} in {version}.",
            code="unknown_nodes",
            field="renames",
        )
    return node_id


def _nodes_of(taxonomy: Taxonomy) -> Sequence[Row[UUID, UUID, list[str]]]:
    return db.session.execute(
        select(TaxonomyNode.id, TaxonomyNode.public_id, TaxonomyNode.canonical_path)
        .where(TaxonomyNode.taxonomy_id == taxonomy.id)
        .order_by(TaxonomyNode.path_key, TaxonomyNode.public_id)
    ).all()


def _by_path(paths: dict[UUID, list[str]]) -> dict[tuple[str, ...], UUID]:
    """The topic that each path names: of several, the first (that with the lowest public id)."""
    return {tuple(path): node_id for node_id, path in reversed(paths.items())}


def _by_label(nodes: Iterable[tuple[UUID, list[str]]]) -> dict[str, UUID]:
    """The topics whose label no other one of them has."""
    labels = [(path[-1], node_id) for node_id, path in nodes]
    times = Counter(label for label, _ in labels)
    return {label: node_id for label, node_id in labels if times[label] == 1}


def _document_counts(taxonomy: Taxonomy) -> dict[UUID, int]:
    rows = db.session.execute(
        select(NodeStat.node_id, NodeStat.document_count)
        .join(TaxonomyNode, TaxonomyNode.id == NodeStat.node_id)
        .where(TaxonomyNode.taxonomy_id == taxonomy.id, NodeStat.document_count > 0)
    )
    return {row.node_id: row.document_count for row in rows}


def _documents_of(match: _Match, *, is_about: bool = False) -> Select[Any]:
    """The ids of documents with a link to a topic that has a successor.

    Where `is_about`, only of those that are about it: neither only proposed nor too unsure.
    """
    statement = (
        select(DocumentNode.document_id)
        .where(is_among(DocumentNode.node_id, [node_id.hex for node_id in match.successors]))
        .distinct()
    )
    return statement.where(DocumentNode.is_counted) if is_about else statement


def _count_documents(match: _Match, *, is_about: bool = False) -> int:
    return count_all(_documents_of(match, is_about=is_about))


def _count_about(match: _Match, document_ids: list[UUID]) -> int:
    statement = _documents_of(match, is_about=True)
    return count_all(statement.where(DocumentNode.document_id.in_(document_ids)))


def _document_ids(match: _Match, after: str | None) -> list[UUID]:
    statement = _documents_of(match).order_by(DocumentNode.document_id).limit(BATCH_DOCUMENTS)
    if after:
        statement = statement.where(DocumentNode.document_id > UUID(after))
    return list(db.session.scalars(statement))


def _agents_of(
    taxonomy: Taxonomy, agent_ids: Sequence[UUID] | None, organization_id: UUID
) -> Select[Any]:
    """The agents with topics of a version; of these ids only, where there are any."""
    statement = select(Agent).where(
        Agent.organization_id == organization_id,
        Agent.is_active,
        Agent.taxonomy_version == taxonomy.version,
    )
    return statement if agent_ids is None else statement.where(Agent.id.in_(agent_ids))


def _next_agent(chosen: Select[Any], after: str | None) -> UUID | None:
    statement = chosen.with_only_columns(Agent.id)
    if after:
        statement = statement.where(Agent.id > UUID(after))
    agent_id: UUID | None = db.session.scalar(statement.limit(1))
    return agent_id


def _move_of(agent: Agent, match: _Match) -> AgentMove:
    paths = {match.public_ids[node_id]: path for node_id, path in match.paths.items()}
    kept = {match.public_ids[node_id] for node_id in match.successors}
    lost = [
        paths.get(node_id, [str(node_id)])
        for node_id in agent.taxonomy_node_ids
        if node_id not in kept
    ]
    return AgentMove(agent, len(agent.taxonomy_node_ids) - len(lost), lost)


def _add_successors(organization_id: UUID, document_ids: list[UUID], match: _Match) -> None:
    """Let documents be about the successors of their topics as well.

    What somebody said of a document wins over what is only proposed, the surer over the less sure.
    """
    with recounting(organization_id, document_ids):
        rows = db.session.execute(
            select(
                DocumentNode.document_id,
                DocumentNode.node_id,
                DocumentNode.is_proposed,
                DocumentNode.confidence,
            ).where(DocumentNode.document_id.in_(document_ids))
        ).all()
        known = {(row.document_id, row.node_id): row.is_proposed for row in rows}
        successor_links: dict[tuple[UUID, UUID], tuple[bool, float]] = {}
        for row in rows:
            node_id = match.successors.get(row.node_id)
            if node_id is None or known.get((row.document_id, node_id)) in (False, row.is_proposed):
                continue
            link = (row.document_id, node_id)
            value = (not row.is_proposed, row.confidence)
            successor_links[link] = max(successor_links.get(link, value), value)
        for link in successor_links.keys() & known.keys():
            proposal = DocumentNode.document_id == link[0], DocumentNode.node_id == link[1]
            db.session.execute(delete(DocumentNode).where(*proposal))
        for is_proposed in (False, True):
            links = [
                (*link, sure)
                for link, (said, sure) in successor_links.items()
                if said != is_proposed
            ]
            add_topics(links, proposed=is_proposed)
        index.move_scopes(organization_id)


def _move_agent(
    agent_id: UUID, version: str, match: _Match, result: dict[str, Any], *, actor: Actor
) -> dict[str, Any]:
    """Give an agent the successors of its topics; one without any stays. Returns the new result."""
    index.lock(actor.organization_id)
    agent: Agent | None = get_locked(select(Agent).where(Agent.id == agent_id, Agent.is_active))
    if agent is None:
        return result
    successors = {
        match.public_ids[old]: match.public_ids[new] for old, new in match.successors.items()
    }
    moved_to = (successors.get(node_id) for node_id in agent.taxonomy_node_ids)
    node_ids = list(dict.fromkeys(node_id for node_id in moved_to if node_id))
    if not node_ids:
        stayed = {"agent_id": str(agent.id), "name": agent.name}
        return {**result, "stayed": [*result["stayed"], stayed]}
    _move_targets(agent, match)
    scope = scopes.find_or_create_scope(version, node_ids, actor=actor)
    scopes.assign_scope(agent, scope, node_ids, version)
    audit.record(actor, "scope", agent, topics=len(node_ids), version=version)
    agents.announce(agent)
    return {**result, "agents": result["agents"] + 1}


def _move_targets(agent: Agent, match: _Match) -> None:
    """Repeat the agent's own targets for the successors that have none yet."""
    rows = db.session.execute(
        select(CoverageTarget.node_id, CoverageTarget.target)
        .where(CoverageTarget.agent_id == agent.id)
        .order_by(CoverageTarget.target)
    ).all()
    known = {row.node_id for row in rows}
    targets = {
        match.successors[row.node_id]: row.target for row in rows if row.node_id in match.successors
    }
    values = [
        {"agent_id": agent.id, "node_id": node_id, "target": target}
        for node_id, target in targets.items()
        if node_id not in known
    ]
    if values:
        db.session.execute(insert(CoverageTarget), values)
