"""What is written about scopes inside of others' transactions; nothing here commits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select

from webapp import index
from webapp.agents.figures import revision_of
from webapp.agents.models import Agent
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.database.transactions import lock_name
from webapp.core.extensions import db
from webapp.coverage.changes import set_figures
from webapp.coverage.services import measure
from webapp.documents.topics.counts import count_under
from webapp.taxonomies.models import Scope, ScopeRoot, Taxonomy, TaxonomyNode
from webapp.taxonomies.references import select_topics, unknown_nodes


def find_or_create_scope(version: str, node_ids: Sequence[UUID], *, actor: Actor) -> Scope | None:
    """The scope of these topics, made and counted where nobody had it yet."""
    if not node_ids:
        return None
    # Meanwhile no topic goes, and the counts miss nothing that another transaction adds.
    index.lock(actor.organization_id)
    lock_name(f"scopes of {actor.organization_id}")
    taxonomy_id, topics = find_topics(version, node_ids, actor=actor)
    key = key_of(topics)
    scope = db.session.scalar(
        select(Scope).where(Scope.organization_id == actor.organization_id, Scope.key == key)
    )
    if scope is None:
        documents, chunks = count_under(topics)
        scope = Scope(
            organization_id=actor.organization_id,
            taxonomy_id=taxonomy_id,
            key=key,
            document_count=documents,
            chunk_count=chunks,
        )
        db.session.add(scope)
        db.session.flush()
        db.session.execute(
            insert(ScopeRoot), [{"scope_id": scope.id, "node_id": topic} for topic in topics]
        )
    return scope


def assign_scope(agent: Agent, scope: Scope | None, node_ids: list[UUID], version: str) -> None:
    """Give the locked agent a scope and measure it."""
    agent.taxonomy_node_ids = node_ids
    agent.taxonomy_version = version if node_ids else None
    agent.scope_id = scope.id if scope else None
    set_figures(agent, measure(agent))
    agent.touch(clock.now())
    agent.scope_revision = revision_of(agent)


def find_topics(version: str, node_ids: Sequence[UUID], *, actor: Actor) -> tuple[UUID, list[UUID]]:
    """The ids of the taxonomy and of its topics with these public ids.

    BadReference names the topics that it does not have.
    """
    topics = select_topics(actor.organization_id, node_ids)
    rows = db.session.execute(
        topics.add_columns(TaxonomyNode.public_id, TaxonomyNode.taxonomy_id)
        .join(Taxonomy, Taxonomy.id == TaxonomyNode.taxonomy_id)
        .where(Taxonomy.version == version)
    ).all()
    ids = {row.public_id: row.id for row in rows}
    missing = [str(node_id) for node_id in node_ids if node_id not in ids]
    if missing:
        raise unknown_nodes(missing, version)
    return rows[0].taxonomy_id, list(ids.values())


def key_of(topics: Sequence[UUID]) -> str:
    """What tells one set of topics from another in its organization."""
    text = ",".join(sorted(map(str, topics)))
    return hashlib.sha256(text.encode()).hexdigest()


def forget_unused(_before: datetime, limit: int) -> int:
    """Delete up to `limit` scopes of one organization that no agent has, deleted agents included.

    Whoever finds a scope to give it to an agent holds the same locks until the agent has it.
    """
    used = select(Agent.id).where(Agent.scope_id == Scope.id).exists()
    organization_id = db.session.scalar(select(Scope.organization_id).where(~used).limit(1))
    if organization_id is None:
        return 0
    index.lock(organization_id)
    lock_name(f"scopes of {organization_id}")
    unused = select(Scope.id).where(Scope.organization_id == organization_id, ~used).limit(limit)
    ids = db.session.scalars(unused).all()
    db.session.execute(delete(Scope).where(Scope.id.in_(ids)))
    return len(ids)
