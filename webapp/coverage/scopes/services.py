"""What agents know about: chosen, changed, and made into an agent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from webapp.agents import services as agents
from webapp.agents.changes import add_agent, announce
from webapp.agents.figures import etag_of, refuse_stale
from webapp.agents.models import Agent
from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.schemas import AgentCreate
from webapp.audit import services as audit
from webapp.core import tallies
from webapp.core.actor import Actor
from webapp.core.errors import PreconditionFailed
from webapp.core.extensions import db
from webapp.core.http.preconditions import newest_revision
from webapp.coverage import services as coverage
from webapp.coverage.changes import set_figures
from webapp.coverage.scopes.changes import assign_scope, find_or_create_scope, find_topics, key_of
from webapp.coverage.scopes.schemas import FromTaxonomyRequest, ScopeRequest
from webapp.documents.models import Document
from webapp.documents.topics.counts import count_under
from webapp.taxonomies.models import Scope, TaxonomyClosure, TaxonomyNode
from webapp.taxonomies.references import select_topics


@dataclass(frozen=True)
class Extent:
    """What a set of topics comes to."""

    taxonomy_version: str | None
    node_count: int
    document_count: int
    chunk_count: int


def create_agent(body: FromTaxonomyRequest, *, actor: Actor) -> Agent:
    """Make an agent that knows about these topics, and measure what it knows.

    See docs/contract/knowledge.md, from-taxonomy.
    Raises BadReference where a topic is not in that version of the taxonomy.
    """
    actor.require(AGENTS_WRITE)
    scope = find_or_create_scope(body.taxonomy_version, body.taxonomy_node_ids, actor=actor)
    given = body.model_dump(
        exclude_unset=True, exclude={"taxonomy_node_ids", "taxonomy_version", "instructions"}
    )
    instructions = body.instructions.strip() or _instructions(body.taxonomy_node_ids, actor=actor)
    agent = add_agent(
        AgentCreate(**given, instructions=instructions),
        actor=actor,
        taxonomy_node_ids=body.taxonomy_node_ids,
        taxonomy_version=body.taxonomy_version,
        scope_id=scope.id if scope else None,
    )
    set_figures(agent, coverage.measure(agent))
    db.session.commit()
    return agent


def set_scope(
    reference: str | UUID,
    body: ScopeRequest,
    *,
    actor: Actor,
    if_match: str | None = None,
    base: int | None = None,
) -> Agent:
    """Let an agent know about other topics; its coverage is measured at once.

    A scope is no part of a version. No topics at all means all documents.
    Raises PreconditionFailed where the topics were chosen anew since the revision in `if_match`, or
    where `base` is not the agent's `scope_revision`.
    """
    actor.require(AGENTS_WRITE)
    scope = find_or_create_scope(body.taxonomy_version, body.taxonomy_node_ids, actor=actor)
    agent = agents.get_agent(reference, actor=actor, lock=True)
    refuse_stale(agent, if_match)
    revision = newest_revision(if_match)
    if (base is not None and base != agent.scope_revision) or (
        revision is not None and revision < agent.scope_revision
    ):
        etag = f'"{etag_of(agent)}"'
        raise PreconditionFailed(
            "Someone else has chosen topics for this agent since you read it.",
            code="stale_scope",
            headers={"ETag": etag},
            extras={"current_version": agent.current_version, "etag": etag},
            suggestions=["Read it again, look at its topics, and send your choice once more."],
        )
    assign_scope(agent, scope, body.taxonomy_node_ids, body.taxonomy_version)
    audit.record(actor, "scope", agent, topics=len(body.taxonomy_node_ids))
    announce(agent)
    db.session.commit()
    return agent


def measure_topics(body: ScopeRequest, *, actor: Actor) -> Extent:
    """What an agent with these topics would know; writes nothing.

    Without topics that is every document of the organization.
    """
    if not body.taxonomy_node_ids:
        return Extent(None, 0, *_count_all(actor))
    _, topics = find_topics(body.taxonomy_version, body.taxonomy_node_ids, actor=actor)
    below = select(func.count(TaxonomyClosure.descendant_id.distinct())).where(
        TaxonomyClosure.ancestor_id.in_(topics)
    )
    known = db.session.scalar(
        select(Scope).where(
            Scope.organization_id == actor.organization_id,
            Scope.key == key_of(topics),
        )
    )
    counts = (known.document_count, known.chunk_count) if known else count_under(topics)
    return Extent(body.taxonomy_version, db.session.scalar(below) or 0, *counts)


def count_all(*, actor: Actor) -> int:
    """The documents that an agent without topics knows; passages would take a look at each."""
    return tallies.total("document.status", actor.organization_id, ["ready"])


def list_users(scope_ids: Any, limit: int) -> Sequence[str]:
    """Handles of the first agents with one of these scopes (a select of their ids)."""
    return db.session.scalars(
        select(Agent.handle)
        .where(Agent.scope_id.in_(scope_ids), Agent.is_active)
        .order_by(Agent.handle)
        .limit(limit)
    ).all()


def _count_all(actor: Actor) -> tuple[int, int]:
    row = db.session.execute(
        select(func.count(), func.coalesce(func.sum(Document.chunk_count), 0)).where(
            Document.organization_id == actor.organization_id, Document.status == "ready"
        )
    ).one()
    return int(row[0]), int(row[1])


def _instructions(node_ids: Sequence[UUID], *, actor: Actor) -> str:
    labels = db.session.scalars(
        select(TaxonomyNode.label)
        .where(TaxonomyNode.id.in_(select_topics(actor.organization_id, node_ids)))
        .order_by(TaxonomyNode.path_key)
        .limit(20)
    )
    return f"Answer questions about {', '.join(labels)} from the documents."
