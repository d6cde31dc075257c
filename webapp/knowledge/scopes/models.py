from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.core import clock
from webapp.core.extensions import Model
from webapp.knowledge.taxonomies.models import TaxonomyNode

#: from this confidence on, a document is in the scope of a node (api.md, Knowledge)
MIN_CONFIDENCE = 0.7


class DocumentNode(Model):
    """A document is about a topic, how surely (0…1), and whether only a guess says so.

    `is_counted` is what search and coverage go by; `decide` keeps it true to the other two.
    """

    __tablename__ = "document_nodes"
    __table_args__ = (Index(None, "node_id", "is_counted", "document_id"),)

    document_id: Mapped[UUID] = mapped_column(
        ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True
    )
    node_id: Mapped[UUID] = mapped_column(
        ForeignKey("taxonomy_nodes.id", ondelete="CASCADE"), primary_key=True
    )
    confidence: Mapped[float]
    is_proposed: Mapped[bool] = mapped_column(default=False)
    is_counted: Mapped[bool] = mapped_column(default=True)

    node: Mapped[TaxonomyNode] = relationship(lazy="joined", innerjoin=True)

    @property
    def path(self) -> list[str]:
        return self.node.canonical_path

    @property
    def version(self) -> str:
        return self.node.taxonomy.version

    def decide(self) -> None:
        self.is_counted = not self.is_proposed and self.confidence >= MIN_CONFIDENCE


class NodeStat(Model):
    """How many documents a topic has by itself, and their passages; kept with every change.

    Made with its topic, whose `target_documents` it repeats: all that coverage reads is here.
    """

    __tablename__ = "node_stats"
    __table_args__ = {"sqlite_with_rowid": False}

    node_id: Mapped[UUID] = mapped_column(
        ForeignKey("taxonomy_nodes.id", ondelete="CASCADE"), primary_key=True
    )
    document_count: Mapped[int] = mapped_column(default=0)
    chunk_count: Mapped[int] = mapped_column(default=0)
    target: Mapped[int | None]


class Scope(Model):
    """A set of topics that agents know about, shared by all agents that have the same ones.

    `key` names the set; the counts are of the documents under any of its topics, each once.
    """

    __tablename__ = "scopes"
    __table_args__ = (UniqueConstraint("organization_id", "key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    taxonomy_id: Mapped[UUID] = mapped_column(
        ForeignKey("taxonomies.id", ondelete="CASCADE"), index=True
    )
    key: Mapped[str] = mapped_column(String(64))
    document_count: Mapped[int] = mapped_column(default=0)
    chunk_count: Mapped[int] = mapped_column(default=0)
    changed_at: Mapped[datetime] = mapped_column(default=clock.now)


class ScopeRoot(Model):
    """One of the topics of a scope; those below it belong to the scope as well."""

    __tablename__ = "scope_roots"

    scope_id: Mapped[UUID] = mapped_column(
        ForeignKey("scopes.id", ondelete="CASCADE"), primary_key=True
    )
    node_id: Mapped[UUID] = mapped_column(
        ForeignKey("taxonomy_nodes.id", ondelete="CASCADE"), primary_key=True, index=True
    )
