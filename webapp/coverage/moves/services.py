"""Moves: from one version of the taxonomy to another, agents with what they know.

They are shown and started here; `matching` says what becomes of topics, `changed` what of those
that do not keep their path, `moving` is the task.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, select

from webapp import index
from webapp.agents.models import Agent
from webapp.agents.permissions import AGENTS_WRITE
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.counts import counted
from webapp.core.database.sql import is_among, not_by_index
from webapp.core.errors import Conflict
from webapp.core.extensions import db
from webapp.core.lists import count_all, total_of
from webapp.coverage.moves.changed import (
    Changed,
    Renamed,
    Successor,
    count_documents,
    count_moving_documents,
    find_changed,
    find_renames,
)
from webapp.coverage.moves.matching import get_versions, select_agents
from webapp.coverage.moves.schemas import MoveRequest
from webapp.tasks import changes as tasks
from webapp.tasks.models import Task
from webapp.taxonomies.actions import Reason
from webapp.taxonomies.models import NodeStat, Taxonomy, TaxonomyNode
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE
from webapp.taxonomies.services import get_taxonomy

TASK_TYPE = "taxonomy_move"
#: agents a preview lists
MAX_AGENTS = 200
#: documents that a page counts each once; of more it tells the sum over their topics
MAX_COUNTED = 5_000
#: older versions that are looked at for agents, and for documents
MAX_OLDER, MAX_LOOKED_THROUGH = 100, 5


@dataclass(frozen=True)
class AgentMove:
    """What a move makes of an agent's topics; it stays where it is when none is left."""

    agent_id: UUID
    name: str
    handle: str
    kept_count: int
    lost: list[list[str]]

    @property
    def moves(self) -> bool:
        return self.kept_count > 0


@dataclass(frozen=True)
class Preview:
    """What a move would do; `changed` are topics that do not simply keep their path.

    Where `is_exact` is false, the documents are a sum over topics, for the page.
    """

    start: str
    end: str
    kept_count: int
    changed: list[Successor]
    changed_count: int
    document_count: int
    is_exact: bool
    agent_count: int
    agents: list[AgentMove]


def preview_move(
    version: str, body: MoveRequest, *, actor: Actor, limit: int | None = None
) -> Preview:
    """What moving from `body.start` to `version` would do; writes nothing.

    With a `limit` it lists so many changed topics, and of very many documents tells the sum over
    their topics. Raises Invalid where both are the same, BadReference on a renamed topic that is
    not there.
    """
    _require_both(actor)
    old, new = get_versions(version, body.start, actor=actor)
    renamed = find_renames(old, new, body.renames)
    statement = select_agents(old, body.agent_ids, actor.organization_id)
    columns = Agent.id, Agent.name, Agent.handle, Agent.taxonomy_node_ids
    agents = db.session.execute(
        statement.with_only_columns(*columns)
        # Few have topics of a version; by their names it would look at all agents.
        .order_by(not_by_index(Agent.name_key), Agent.id)
        .limit(MAX_AGENTS)
    ).all()
    topics = {node_id for agent in agents for node_id in agent.taxonomy_node_ids}
    changed = find_changed(old, new, renamed, limit=limit, besides=topics)
    document_count, is_exact = _count_documents(
        old, new, renamed, changed, is_page=limit is not None
    )
    paths = _paths_of(old, topics)
    return Preview(
        start=old.version,
        end=version,
        kept_count=old.node_count - changed.total,
        changed=changed.first,
        changed_count=changed.total,
        document_count=document_count,
        is_exact=is_exact,
        agent_count=total_of(lambda: count_all(statement), len(agents), limit=MAX_AGENTS),
        agents=[_move_of(agent, paths, changed) for agent in agents],
    )


def find_changed_topics(
    version: str, start: str, node_ids: Collection[UUID], *, actor: Actor
) -> dict[UUID, Successor]:
    """Those of these topics that do not keep their path in `version`, unless they are renamed."""
    old, new = get_versions(version, start, actor=actor)
    return find_changed(old, new, {}, limit=0, besides=node_ids).besides


def find_reason(taxonomy: Taxonomy, older: Sequence[Taxonomy]) -> Reason | None:
    """Who still uses the highest older version that agents use, or that documents wait in.

    Documents wait where none is about a topic of `taxonomy` yet. They stay in the older version
    when they move, and so are nothing to tell of afterwards.
    """
    organization_id = taxonomy.organization_id
    agents = select(Agent.taxonomy_version, func.count()).where(
        Agent.organization_id == organization_id,
        Agent.is_active,
        Agent.taxonomy_version.in_([item.version for item in older[:MAX_OLDER]]),
    )
    counts = {row[0]: row[1] for row in db.session.execute(agents.group_by(Agent.taxonomy_version))}
    is_waiting = not _has_documents(taxonomy)
    waiting = (item for item in older[:MAX_LOOKED_THROUGH] if is_waiting and _has_documents(item))
    first = next(waiting, None)
    old = next((item for item in older if item is first or item.version in counts), None)
    if old is None:
        return None
    documents = _sum_of_documents(old) if is_waiting else 0
    about = "About " if documents > MAX_COUNTED else ""
    if 0 < documents <= MAX_COUNTED:
        documents = count_documents(old)
    count = counts.get(old.version, 0)
    users = [
        counted(number, noun)
        for number, noun in ((documents, "document"), (count, "agent"))
        if number
    ]
    verb = "uses" if documents + count == 1 else "use"
    sentence = f"{about}{' and '.join(users)} still {verb} {old.version}."
    return Reason(sentence, {"start": old.version})


def start_move(version: str, body: MoveRequest, *, actor: Actor) -> Task:
    """Move agents and what documents are about from `body.start` to `version`, by a task.

    Raises what `preview_move` raises, and Conflict where such a move is under way.
    """
    _require_both(actor)
    find_renames(*get_versions(version, body.start, actor=actor), body.renames)
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


def _count_documents(
    old: Taxonomy, new: Taxonomy, renamed: Renamed, changed: Changed, *, is_page: bool
) -> tuple[int, bool]:
    """The documents that move, and whether each counts once: a page tells the sum of very many."""
    if is_page:
        number = _sum_of_documents(old) - changed.lost_document_count
        if number == 0 or number > MAX_COUNTED:
            return number, number == 0
    return count_moving_documents(old, new, renamed, changed.lost), True


def _sum_of_documents(taxonomy: Taxonomy) -> int:
    """Over its topics: who is about two of them counts twice."""
    statement = (
        select(func.sum(NodeStat.document_count))
        .join(TaxonomyNode, TaxonomyNode.id == NodeStat.node_id)
        .where(TaxonomyNode.taxonomy_id == taxonomy.id)
    )
    return int(db.session.scalar(statement) or 0)


def _has_documents(taxonomy: Taxonomy) -> bool:
    has_some = exists().where(
        TaxonomyNode.taxonomy_id == taxonomy.id,
        NodeStat.node_id == TaxonomyNode.id,
        NodeStat.document_count > 0,
    )
    return bool(db.session.scalar(select(has_some)))


def _paths_of(taxonomy: Taxonomy, node_ids: Collection[UUID]) -> dict[UUID, list[str]]:
    rows = db.session.execute(
        select(TaxonomyNode.public_id, TaxonomyNode.canonical_path).where(
            TaxonomyNode.organization_id == taxonomy.organization_id,
            TaxonomyNode.taxonomy_id == taxonomy.id,
            is_among(TaxonomyNode.public_id, [node_id.hex for node_id in node_ids]),
        )
    )
    return {row.public_id: row.canonical_path for row in rows}


def _move_of(agent: Any, paths: dict[UUID, list[str]], changed: Changed) -> AgentMove:
    def is_lost(node_id: UUID) -> bool:
        successor = changed.besides.get(node_id)
        return node_id not in paths or (successor is not None and successor.new_id is None)

    lost = [
        paths.get(node_id, [str(node_id)])
        for node_id in agent.taxonomy_node_ids
        if is_lost(node_id)
    ]
    kept_count = len(agent.taxonomy_node_ids) - len(lost)
    return AgentMove(agent.id, agent.name, agent.handle, kept_count, lost)
