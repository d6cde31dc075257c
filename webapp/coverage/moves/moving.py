"""Moving: the task that takes agents and what documents are about to another version.

Documents about a matched topic become documents about its successor as well, and stay what they
are in the old version.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, insert, select

from webapp import index
from webapp.agents import changes as agents
from webapp.agents.models import Agent
from webapp.audit import services as audit
from webapp.core.actor import Actor, Role
from webapp.core.database.transactions import get_locked
from webapp.core.extensions import db
from webapp.coverage.changes import schedule_refresh
from webapp.coverage.models import CoverageTarget
from webapp.coverage.moves.matching import (
    Match,
    count_documents,
    match_topics,
    select_agents,
    select_documents,
)
from webapp.coverage.moves.schemas import MoveRequest
from webapp.coverage.scopes import changes as scopes
from webapp.documents.models import DocumentNode
from webapp.documents.topics.changes import add_topics
from webapp.documents.topics.recounting import recounting
from webapp.tasks.running import Run

BATCH_DOCUMENTS = 500


def move_taxonomy(run: Run) -> None:
    """The task: documents first, so that no agent loses sight of them; then agent by agent.

    The result counts `documents` and `agents`, and lists the agents that stayed as
    `{agent_id, name}`. What was done before a kill is found done.
    """
    task = run.task
    actor = Actor(task.organization_id, Role.ADMIN, task.created_by)
    version, body = task.input["version"], MoveRequest.model_validate(task.input["move"])
    start, match = match_topics(version, body.start, body.renames, actor=actor)
    result: dict[str, Any] = task.result or {"documents": 0, "agents": 0, "stayed": []}
    checkpoint = task.checkpoint
    total = max(count_documents(select_documents(match)), 1)
    while batch := _document_ids(match, checkpoint.get("document")):
        run.hold()
        _add_successors(actor.organization_id, batch, match)
        schedule_refresh(actor.organization_id)
        result = {**result, "documents": result["documents"] + _count_about(match, batch)}
        seen = checkpoint.get("seen", 0) + len(batch)
        checkpoint = {"document": str(batch[-1]), "seen": seen}
        run.advance(0.9 * min(seen / total, 1.0), checkpoint, result)
    chosen = select_agents(start, body.agent_ids, actor.organization_id).order_by(Agent.id)
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


def _count_about(match: Match, document_ids: list[UUID]) -> int:
    statement = select_documents(match, is_about=True)
    return count_documents(statement.where(DocumentNode.document_id.in_(document_ids)))


def _document_ids(match: Match, after: str | None) -> list[UUID]:
    statement = select_documents(match).order_by(DocumentNode.document_id).limit(BATCH_DOCUMENTS)
    if after:
        statement = statement.where(DocumentNode.document_id > UUID(after))
    return list(db.session.scalars(statement))


def _next_agent(chosen: Select[Any], after: str | None) -> UUID | None:
    statement = chosen.with_only_columns(Agent.id)
    if after:
        statement = statement.where(Agent.id > UUID(after))
    agent_id: UUID | None = db.session.scalar(statement.limit(1))
    return agent_id


def _add_successors(organization_id: UUID, document_ids: list[UUID], match: Match) -> None:
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
            add_topics(links, is_proposed=is_proposed)
        index.move_scopes(organization_id)


def _move_agent(
    agent_id: UUID, version: str, match: Match, result: dict[str, Any], *, actor: Actor
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


def _move_targets(agent: Agent, match: Match) -> None:
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
