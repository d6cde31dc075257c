"""Moves: from one version of the taxonomy to another, agents with what they know.

They are shown and started here; `matching` says what becomes of topics, `moving` is the task.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from webapp import index
from webapp.agents.models import Agent
from webapp.agents.permissions import AGENTS_WRITE
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.errors import Conflict
from webapp.core.extensions import db
from webapp.coverage.moves.matching import (
    Match,
    Reason,
    count_documents,
    match_topics,
    select_agents,
)
from webapp.coverage.moves.schemas import MoveRequest
from webapp.tasks import changes as tasks
from webapp.tasks.models import Task
from webapp.taxonomies.models import NodeStat, Taxonomy, TaxonomyNode
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE
from webapp.taxonomies.services import get_taxonomy

TASK_TYPE = "taxonomy_move"
#: agents a preview lists
MAX_AGENTS = 200


@dataclass(frozen=True)
class Successor:
    """A topic, what it becomes (None: nothing), and why."""

    node_id: UUID
    path: list[str]
    document_count: int
    new_id: UUID | None
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


def preview_move(version: str, body: MoveRequest, *, actor: Actor) -> Preview:
    """What moving from `body.start` to `version` would do; writes nothing.

    Raises Invalid where both are the same, BadReference on a renamed topic that is not there.
    """
    _require_both(actor)
    start, match = match_topics(version, body.start, body.renames, actor=actor)
    counts = _document_counts(start)
    changed = [
        Successor(
            match.public_ids[node_id],
            path,
            counts.get(node_id, 0),
            match.public_ids[new] if (new := match.successors.get(node_id)) else None,
            match.new_paths[new] if new else None,
            match.reasons.get(node_id),
        )
        for node_id, path in match.paths.items()
        if match.reasons.get(node_id) != "path"
    ]
    statement = select_agents(start, body.agent_ids, actor.organization_id)
    total = db.session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    listed = db.session.scalars(statement.order_by(Agent.name, Agent.id).limit(MAX_AGENTS))
    return Preview(
        start=start.version,
        end=version,
        kept_count=sum(1 for reason in match.reasons.values() if reason == "path"),
        # Those that lose documents first: they are what somebody has to decide about.
        changed=sorted(changed, key=lambda item: (bool(item.reason), -item.document_count)),
        document_count=count_documents(match, is_about=True),
        agent_count=total,
        agents=[_move_of(agent, match) for agent in listed],
    )


def start_move(version: str, body: MoveRequest, *, actor: Actor) -> Task:
    """Move agents and what documents are about from `body.start` to `version`, by a task.

    Raises what `preview_move` raises, and Conflict where such a move is under way.
    """
    _require_both(actor)
    match_topics(version, body.start, body.renames, actor=actor)
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


def _require_both(actor: Actor) -> None:
    """A move changes what documents are about, and what agents know about."""
    actor.require(KNOWLEDGE_WRITE)
    actor.require(AGENTS_WRITE)


def _document_counts(taxonomy: Taxonomy) -> dict[UUID, int]:
    rows = db.session.execute(
        select(NodeStat.node_id, NodeStat.document_count)
        .join(TaxonomyNode, TaxonomyNode.id == NodeStat.node_id)
        .where(TaxonomyNode.taxonomy_id == taxonomy.id, NodeStat.document_count > 0)
    )
    return {row.node_id: row.document_count for row in rows}


def _move_of(agent: Agent, match: Match) -> AgentMove:
    paths = {match.public_ids[node_id]: path for node_id, path in match.paths.items()}
    kept = {match.public_ids[node_id] for node_id in match.successors}
    lost = [
        paths.get(node_id, [str(node_id)])
        for node_id in agent.taxonomy_node_ids
        if node_id not in kept
    ]
    return AgentMove(agent, len(agent.taxonomy_node_ids) - len(lost), lost)
