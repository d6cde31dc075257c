"""The topics of an agent's scope in SQL: the documents that each has and wants, and sums of them.

The database adds up: a scope may have tens of thousands of topics, of which a page shows some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Subquery, and_, case, exists, func, select
from sqlalchemy.orm import aliased

from webapp.agents.models import Agent
from webapp.core.errors import NotFound
from webapp.core.extensions import db
from webapp.coverage.models import DEFAULT_TARGET, CoverageTarget
from webapp.taxonomies.models import NodeStat, Scope, ScopeRoot, TaxonomyClosure
from webapp.taxonomies.references import select_topics


@dataclass(frozen=True)
class ScopeTopics:
    """An agent's scope: the topics it was given, and the documents and passages under them.

    `is_retargeted` says whether the agent has targets of its own, as few have.
    """

    agent_id: UUID
    organization_id: UUID
    roots: Sequence[UUID] = ()
    document_count: int = 0
    chunk_count: int = 0
    is_retargeted: bool = False

    @classmethod
    def of(cls, agent: Agent) -> ScopeTopics:
        own = exists().where(CoverageTarget.agent_id == agent.id)
        rows = db.session.execute(
            select(ScopeRoot.node_id, Scope.document_count, Scope.chunk_count, own)
            .select_from(Scope)
            .outerjoin(ScopeRoot, ScopeRoot.scope_id == Scope.id)
            .where(Scope.id == agent.scope_id)
        ).all()
        roots = [row.node_id for row in rows if row.node_id is not None]
        return cls(agent.id, agent.organization_id, roots, *(rows[0][1:] if rows else ()))

    def select_all(self) -> Subquery:
        """`node_id`, `public_id`, `documents`, `wanted`, `covered` of topics, in scope or not."""
        targets = [NodeStat.target, DEFAULT_TARGET]
        source: Any = NodeStat
        if self.is_retargeted:
            own = and_(
                CoverageTarget.agent_id == self.agent_id,
                CoverageTarget.node_id == NodeStat.node_id,
            )
            targets = [CoverageTarget.target, *targets]
            source = NodeStat.__table__.outerjoin(CoverageTarget.__table__, own)
        documents, wanted = NodeStat.document_count, func.coalesce(*targets)
        return (
            select(
                NodeStat.node_id,
                NodeStat.public_id,
                documents.label("documents"),
                wanted.label("wanted"),
                case((documents < wanted, documents), else_=wanted).label("covered"),
            )
            .select_from(source)
            .subquery("topics")
        )

    def holds(self, node_id: Any) -> ColumnElement[bool]:
        """Whether a topic is in the scope.

        PostgreSQL knows how much is below these very roots, and joins accordingly; of a scope it
        would expect a few topics.
        """
        below = select(TaxonomyClosure.descendant_id).where(
            TaxonomyClosure.ancestor_id.in_(self.roots)
        )
        is_below: ColumnElement[bool] = node_id.in_(below)
        return is_below

    def holds_one(self, node_id: Any) -> ColumnElement[bool]:
        """The same, for a statement that asks it of a few topics."""
        way = aliased(TaxonomyClosure)
        return exists().where(way.descendant_id == node_id, way.ancestor_id.in_(self.roots))

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
