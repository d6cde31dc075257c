"""The topics of an agent's scope in SQL: the documents that each has and wants, and sums of them.

The database adds up: a scope may have tens of thousands of topics, of which a page shows some.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    Select,
    Subquery,
    and_,
    case,
    exists,
    func,
    select,
)

from webapp.agents.models import Agent
from webapp.core.database.sql import is_among
from webapp.core.errors import NotFound
from webapp.core.extensions import db
from webapp.coverage.models import DEFAULT_TARGET, CoverageTarget
from webapp.taxonomies.models import (
    NodeStat,
    Scope,
    ScopeRoot,
    Taxonomy,
    TaxonomyClosure,
    TaxonomyEdge,
)
from webapp.taxonomies.references import select_topics

#: Statements about these tables are made in a fraction of the time that those about classes take.
STATS, TARGETS, PAIRS, EDGES = (
    NodeStat.__table__,
    CoverageTarget.__table__,
    TaxonomyClosure.__table__,
    TaxonomyEdge.__table__,
)


@dataclass(frozen=True)
class ScopeTopics:
    """An agent's scope: its topics, and the documents and passages under them.

    `roots` are those that it was given, but for what is below another of them. In a tree no topic
    is below two. `taxonomy_size` counts the topics of the version, and `is_retargeted` says whether
    the agent has targets of its own, as few have.
    """

    agent_id: UUID
    organization_id: UUID
    roots: Sequence[UUID] = ()
    document_count: int = 0
    chunk_count: int = 0
    taxonomy_id: UUID | None = None
    taxonomy_size: int = 0
    is_tree: bool = False
    is_retargeted: bool = False

    @classmethod
    def of(cls, agent: Agent) -> ScopeTopics:
        own = exists().where(CoverageTarget.agent_id == agent.id)
        way, other = PAIRS.alias(), ScopeRoot.__table__.alias()
        is_below = exists().where(
            way.c.descendant_id == ScopeRoot.node_id,
            way.c.ancestor_id != ScopeRoot.node_id,
            other.c.node_id == way.c.ancestor_id,
            other.c.scope_id == ScopeRoot.scope_id,
        )
        rows = db.session.execute(
            select(
                ScopeRoot.node_id,
                is_below.label("is_below"),
                Scope.document_count,
                Scope.chunk_count,
                Taxonomy.id,
                Taxonomy.node_count,
                Taxonomy.is_tree,
                own,
            )
            .select_from(Scope)
            .join(Taxonomy, Taxonomy.id == Scope.taxonomy_id)
            .outerjoin(ScopeRoot, ScopeRoot.scope_id == Scope.id)
            .where(Scope.id == agent.scope_id)
        ).all()
        roots = [row.node_id for row in rows if row.node_id is not None and not row.is_below]
        return cls(agent.id, agent.organization_id, roots, *(rows[0][2:] if rows else ()))

    def select_all(self) -> Subquery:
        """`node_id`, `public_id`, `documents`, `wanted`, `covered` of topics, in scope or not."""
        stat, own = STATS.c, TARGETS.c
        targets: list[Any] = [stat.target, DEFAULT_TARGET]
        source: FromClause = STATS
        if self.is_retargeted:
            is_own = and_(own.agent_id == self.agent_id, own.node_id == stat.node_id)
            targets, source = [own.target, *targets], STATS.outerjoin(TARGETS, is_own)
        documents, wanted = stat.document_count, func.coalesce(*targets)
        return (
            select(
                stat.node_id,
                stat.public_id,
                documents.label("documents"),
                wanted.label("wanted"),
                case((documents < wanted, documents), else_=wanted).label("covered"),
            )
            .select_from(source)
            .subquery("topics")
        )

    def narrow(self, statement: Select[Any], node_id: Any) -> Select[Any]:
        """A statement about topics, of those in the scope, each once.

        PostgreSQL knows how much is below these very roots, and joins accordingly; of a scope it
        would expect a few topics.
        """
        closure = TaxonomyClosure
        if self.is_tree:
            joined = statement.join(closure, closure.descendant_id == node_id)
            return joined.where(closure.ancestor_id.in_(self.roots))
        below = select(closure.descendant_id).where(closure.ancestor_id.in_(self.roots))
        return statement.where(node_id.in_(below))

    def holds_one(self, node_id: Any) -> ColumnElement[bool]:
        """Whether a topic is in the scope, for a statement that asks it of a few topics."""
        way = PAIRS.alias()
        return exists().where(way.c.descendant_id == node_id, way.c.ancestor_id.in_(self.roots))

    def find(self, public_id: UUID) -> Row[Any]:
        """A topic of the scope, with the columns of `select_all`; NotFound where it is outside."""
        each = self.select_all()
        chosen = select_topics(self.organization_id, [public_id])
        found = db.session.execute(
            select(each).where(each.c.node_id.in_(chosen), self.holds_one(each.c.node_id))
        ).first()
        if found is None:
            raise NotFound(f"Topic not found: {public_id}")
        return found


def list_edges(parents: Iterable[UUID], *, limit: int | None = None) -> list[tuple[UUID, UUID]]:
    """The topics right below these, each with the one that it is below, as `(parent, child)`."""
    statement = select(EDGES.c.parent_id, EDGES.c.child_id).where(among(EDGES.c.parent_id, parents))
    return [(row[0], row[1]) for row in db.session.execute(statement.limit(limit))]


def among(column: Any, ids: Iterable[UUID]) -> is_among:
    """SQL for "this is one of these topics", of which there may be hundreds."""
    return is_among(column, [node_id.hex for node_id in ids])
