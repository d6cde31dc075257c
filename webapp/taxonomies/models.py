from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from webapp.core import clock
from webapp.core.database.text import order_key
from webapp.core.extensions import Model
from webapp.core.ids import uuid7

MAX_LABEL_KEY, MAX_KEY = 255, 500
#: stands between the labels of a path's key, and comes before whatever is in them
KEY_SEPARATOR = "\x1f"


def label_key(label: str) -> str:
    """What labels are sorted by; others may have the same."""
    return order_key(label.replace(KEY_SEPARATOR, " "), MAX_LABEL_KEY)


def path_key(path: Sequence[str]) -> str:
    """What paths are found and sorted by; others may have the same, so compare the path as well."""
    return KEY_SEPARATOR.join(map(label_key, path))[:MAX_KEY]


def sort_versions(versions: Iterable[str]) -> list[str]:
    """Versions, the highest first."""
    return sorted(versions, key=lambda version: [*map(int, version.split("."))], reverse=True)


class Taxonomy(Model):
    """One version of an organization's topics. It grows; its node ids stay.

    Where it `is_tree`, no topic has several parents; where not, some may have.
    """

    __tablename__ = "taxonomies"
    __table_args__ = (UniqueConstraint("organization_id", "version"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    version: Mapped[str] = mapped_column(String(32))
    node_count: Mapped[int] = mapped_column(default=0)
    is_tree: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)

    @property
    def name(self) -> str:
        return self.version


class TaxonomyNode(Model):
    """A topic. `canonical_path` are the labels from a root: the shortest way, then the first.

    `public_id` is what the world calls it, given or made, and unique in its organization only:
    several may load the same published taxonomy. Tables refer to `id`, which nobody is told.
    `target_documents` is how many documents it should have; None leaves that to the default.
    """

    __tablename__ = "taxonomy_nodes"
    __table_args__ = (
        UniqueConstraint("organization_id", "public_id"),
        Index(None, "taxonomy_id", "path_key"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    public_id: Mapped[UUID] = mapped_column(default=uuid4)
    taxonomy_id: Mapped[UUID] = mapped_column(ForeignKey("taxonomies.id", ondelete="CASCADE"))
    label: Mapped[str] = mapped_column(String(255))
    label_key: Mapped[str] = mapped_column(String(MAX_LABEL_KEY), default="")
    canonical_path: Mapped[list[str]] = mapped_column(default=list)
    path_key: Mapped[str] = mapped_column(String(MAX_KEY), default="")
    search_text: Mapped[str] = mapped_column(default="")
    target_documents: Mapped[int | None]

    taxonomy: Mapped[Taxonomy] = relationship(lazy="joined", innerjoin=True)

    @validates("label")
    def _keep_key(self, _name: str, label: str) -> str:
        self.label_key = label_key(label)
        return label


class TaxonomyEdge(Model):
    """`child` is a part of `parent`; a node may have several parents."""

    __tablename__ = "taxonomy_edges"

    parent_id: Mapped[UUID] = mapped_column(
        ForeignKey("taxonomy_nodes.id", ondelete="CASCADE"), primary_key=True
    )
    child_id: Mapped[UUID] = mapped_column(
        ForeignKey("taxonomy_nodes.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class TaxonomyClosure(Model):
    """`descendant` can be reached from `ancestor`; every node is also its own descendant."""

    __tablename__ = "taxonomy_closure"

    ancestor_id: Mapped[UUID] = mapped_column(
        ForeignKey("taxonomy_nodes.id", ondelete="CASCADE"), primary_key=True
    )
    descendant_id: Mapped[UUID] = mapped_column(
        ForeignKey("taxonomy_nodes.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class NodeStat(Model):
    """How many documents a topic has by itself, and their passages; kept with every change.

    Made with its topic, whose `public_id` and `target_documents` it repeats: all that coverage
    reads is here.
    """

    __tablename__ = "node_stats"
    __table_args__ = {"sqlite_with_rowid": False}

    node_id: Mapped[UUID] = mapped_column(
        ForeignKey("taxonomy_nodes.id", ondelete="CASCADE"), primary_key=True
    )
    public_id: Mapped[UUID]
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
