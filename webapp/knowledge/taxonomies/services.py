"""Make and grow taxonomies, read them as lists, trees and differences."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, func, insert, select

from webapp.audit import services as audit
from webapp.core import clock
from webapp.core.actor import Actor, Role
from webapp.core.database import fold, get_locked, like_pattern, lock_name
from webapp.core.errors import BadReference, Conflict, DomainError, Invalid, NotFound
from webapp.core.extensions import db
from webapp.core.web import Page
from webapp.knowledge.taxonomies.graph import MAX_DEPTH, Circle, Shape, TooDeep, arrange
from webapp.knowledge.taxonomies.models import (
    Taxonomy,
    TaxonomyClosure,
    TaxonomyEdge,
    TaxonomyNode,
)
from webapp.knowledge.taxonomies.schemas import MAX_NODES, NodeBody, NodeQuery, TaxonomyBody

#: pairs of a node and one above it, over all nodes of a version
MAX_PAIRS = 1_000_000
BATCH = 5_000


@dataclass(frozen=True)
class Node:
    """A node with the ids of its parents, as answers show it."""

    node_id: UUID
    label: str
    canonical_path: list[str]
    parent_ids: list[UUID]
    target_documents: int | None


@dataclass(frozen=True)
class Grown:
    """What a request came to: the nodes it names, with the parents that it made."""

    taxonomy: Taxonomy
    nodes: list[Node]
    created_count: int

    @property
    def version(self) -> str:
        return self.taxonomy.version


@dataclass(frozen=True)
class Branch:
    """A node in the tree; a reference where its children stand elsewhere."""

    node_id: UUID
    label: str
    canonical_path: list[str]
    target_documents: int | None
    is_reference: bool = False
    children: list[Branch] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many nodes stand below, references not counted."""
        return sum(1 + child.size for child in self.children if not child.is_reference)


@dataclass(frozen=True)
class Tree:
    taxonomy: Taxonomy
    roots: list[Branch]

    @property
    def version(self) -> str:
        return self.taxonomy.version


@dataclass(frozen=True)
class Comparison:
    """Two versions by their paths."""

    start: str
    end: str
    added: list[list[str]]
    removed: list[list[str]]
    kept_count: int


def grow_taxonomy(body: TaxonomyBody, *, actor: Actor) -> Grown:
    """Make a version, or add nodes and edges to one that is there (api.md, Knowledge).

    Nothing that is there changes its id. Raises BadReference on a circle and on edges to nodes
    that are not there, Conflict where a node's id is taken.
    """
    actor.require(Role.ADMIN)
    lock_name(f"taxonomies of {actor.organization_id}")
    taxonomy = _find(body.version, actor=actor)
    is_new = taxonomy is None
    if taxonomy is None:
        taxonomy = Taxonomy(organization_id=actor.organization_id, version=body.version)
        db.session.add(taxonomy)
        db.session.flush()
    draft = _Draft(taxonomy)
    try:
        for item in body.nodes:
            draft.add(item)
        for edge in body.edges:
            draft.connect(edge.parent, edge.child)
        created_count = draft.store()
    except DomainError:
        db.session.rollback()
        raise
    taxonomy.node_count = len(draft.nodes)
    taxonomy.updated_at = clock.now()
    audit.record(actor, "create" if is_new else "grow", taxonomy, nodes=created_count)
    db.session.commit()
    return Grown(taxonomy, [draft.node(node_id) for node_id in draft.named], created_count)


def list_taxonomies(*, actor: Actor) -> list[Taxonomy]:
    """The versions, the highest first; at most 1,000."""
    rows = db.session.scalars(
        select(Taxonomy).where(Taxonomy.organization_id == actor.organization_id).limit(1000)
    )
    return sorted(rows, key=lambda item: _numbers(item.version), reverse=True)


def get_taxonomy(version: str, *, actor: Actor) -> Taxonomy:
    taxonomy = _find(version, actor=actor)
    if taxonomy is None:
        raise NotFound(f"Taxonomy not found: {version}")
    return taxonomy


def list_nodes(version: str, query: NodeQuery, *, actor: Actor) -> Page:
    """Nodes whose path holds `q`, in the order of their paths."""
    taxonomy = get_taxonomy(version, actor=actor)
    statement = select(TaxonomyNode).where(TaxonomyNode.taxonomy_id == taxonomy.id)
    if query.q.strip():
        pattern = like_pattern(fold(query.q.strip()))
        statement = statement.where(TaxonomyNode.search_text.like(pattern, escape="\\"))
    total = db.session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    rows = list(
        db.session.scalars(
            statement.order_by(TaxonomyNode.path_key, TaxonomyNode.id)
            .limit(query.limit)
            .offset(query.offset)
        )
    )
    parents = _parents_of([row.id for row in rows])
    nodes = [
        Node(row.id, row.label, row.canonical_path, parents[row.id], row.target_documents)
        for row in rows
    ]
    return Page(nodes, total, query.limit, query.offset)


def get_tree(version: str, *, actor: Actor) -> Tree:
    """All nodes as a tree. One with several parents stands whole at its canonical path only."""
    taxonomy = get_taxonomy(version, actor=actor)
    nodes, parents = _load(taxonomy)
    children: dict[UUID, list[TaxonomyNode]] = defaultdict(list)
    roots = []
    for node in nodes.values():
        for parent in parents.get(node.id, ()):
            children[parent].append(node)
        if not parents.get(node.id):
            roots.append(node)

    def branch(node: TaxonomyNode, above: list[str]) -> Branch:
        is_reference = node.canonical_path[:-1] != above
        below = [] if is_reference else children[node.id]
        return Branch(
            node.id,
            node.label,
            node.canonical_path,
            node.target_documents,
            is_reference,
            [branch(child, node.canonical_path) for child in _by_label(below)],
        )

    return Tree(taxonomy, [branch(root, []) for root in _by_label(roots)])


def compare_taxonomies(start: str, end: str, *, actor: Actor) -> Comparison:
    """Which paths came and which went from one version to another."""
    before, after = (_paths(get_taxonomy(version, actor=actor)) for version in (start, end))
    return Comparison(
        start,
        end,
        added=[list(path) for path in sorted(after - before)],
        removed=[list(path) for path in sorted(before - after)],
        kept_count=len(before & after),
    )


def delete_taxonomy(version: str, *, actor: Actor) -> None:
    """Remove a version with its nodes."""
    actor.require(Role.ADMIN)
    taxonomy = get_locked(
        select(Taxonomy).where(
            Taxonomy.organization_id == actor.organization_id, Taxonomy.version == version
        )
    )
    if taxonomy is None:
        raise NotFound(f"Taxonomy not found: {version}")
    audit.record(actor, "delete", taxonomy, nodes=taxonomy.node_count)
    db.session.flush()
    db.session.execute(delete(Taxonomy).where(Taxonomy.id == taxonomy.id))
    db.session.commit()


class _Draft:
    """A version with what a request adds to it, before it is stored."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self.nodes, self.parents = _load(taxonomy)
        self.named: dict[UUID, None] = {}
        self._old_nodes = frozenset(self.nodes)
        self._old_edges = {(up, down) for down, ups in self.parents.items() for up in ups}
        self._old_shape = self._arrange()
        self._children: dict[tuple[UUID | None, str], UUID] = {}
        for node in self.nodes.values():
            for parent in self.parents.get(node.id) or [None]:
                self._children[parent, node.label] = node.id

    def add(self, item: NodeBody) -> None:
        if item.path is None:
            node = self._add_free(item)
        else:
            above: UUID | None = None
            for label in item.path[:-1]:
                above = self._child(above, label).id
            node = self._child(above, item.path[-1], item.node_id)
        if item.target_documents is not None:
            node.target_documents = item.target_documents

    def connect(self, parent: UUID, child: UUID) -> None:
        missing = [str(node) for node in (parent, child) if node not in self.nodes]
        if missing:
            raise BadReference(
                f"Invalid taxonomy node IDs: {', '.join(missing)}",
                code="unknown_nodes",
                field="edges",
                extras={"field": "edges", "invalid": missing},
            )
        self.parents[child].add(parent)
        self.named |= {parent: None, child: None}

    def node(self, node_id: UUID) -> Node:
        row = self.nodes[node_id]
        above = sorted(self.parents.get(node_id, ()), key=str)
        return Node(row.id, row.label, row.canonical_path, above, row.target_documents)

    def store(self) -> int:
        """Check the whole graph and write what is new; how many nodes are."""
        if len(self.nodes) > MAX_NODES:
            raise Conflict(f"A taxonomy has at most {MAX_NODES:,} nodes.", code="too_many_nodes")
        shape = self._arrange()
        if sum(len(ups) for ups in shape.ancestors.values()) > MAX_PAIRS:
            raise Conflict("The taxonomy has too many ways down.", code="too_many_pairs")
        for node_id, path in shape.paths.items():
            row = self.nodes[node_id]
            if row.canonical_path != path:
                row.canonical_path = path
                row.path_key = "\x1f".join(path)[:500]
                row.search_text = fold(" > ".join(path))
        created = [row for key, row in self.nodes.items() if key not in self._old_nodes]
        db.session.flush()
        columns = [column.key for column in TaxonomyNode.__table__.columns]
        _insert(TaxonomyNode, [{name: getattr(row, name) for name in columns} for row in created])
        edges = {(up, down) for down, ups in self.parents.items() for up in ups}
        _insert(
            TaxonomyEdge,
            [{"parent_id": up, "child_id": down} for up, down in edges - self._old_edges],
        )
        known = self._old_shape.ancestors
        pairs = [
            {"ancestor_id": up, "descendant_id": down}
            for down, ups in shape.ancestors.items()
            for up in ups - known.get(down, frozenset())
        ]
        _insert(TaxonomyClosure, pairs)
        return len(created)

    def _add_free(self, item: NodeBody) -> TaxonomyNode:
        assert item.node_id is not None  # noqa: S101 - the schema asks for it
        known = self.nodes.get(item.node_id)
        if known is None:
            return self._make(item.label or "", item.node_id)
        if known.label != item.label:
            raise Conflict(
                f"Node {known.id} is called {known.label} already.",
                code="node_taken",
                field="nodes",
            )
        self.named[known.id] = None
        return known

    def _child(self, parent: UUID | None, label: str, node_id: UUID | None = None) -> TaxonomyNode:
        found = self._children.get((parent, label))
        if found is None:
            node = self._make(label, node_id)
            self._children[parent, label] = node.id
            if parent is not None:
                self.parents[node.id].add(parent)
            return node
        if node_id not in (None, found):
            raise Conflict(f"{label} has the id {found} already.", code="node_taken", field="nodes")
        self.named[found] = None
        return self.nodes[found]

    def _make(self, label: str, node_id: UUID | None) -> TaxonomyNode:
        if node_id is not None and db.session.get(TaxonomyNode, node_id) is not None:
            raise Conflict(f"The node id {node_id} is taken.", code="node_taken", field="nodes")
        node = TaxonomyNode(
            id=node_id or uuid4(), taxonomy_id=self.taxonomy.id, label=label, canonical_path=[]
        )
        self.nodes[node.id] = node
        self.named[node.id] = None
        return node

    def _arrange(self) -> Shape:
        labels = {key: row.label for key, row in self.nodes.items()}
        try:
            return arrange(labels, self.parents)
        except Circle as circle:
            names = [labels[node] for node in circle.nodes]
            raise BadReference(
                f"{' > '.join(names)} would be a circle.",
                code="taxonomy_circle",
                field="edges",
                extras={"field": "edges", "circle": [str(node) for node in circle.nodes]},
            ) from circle
        except TooDeep as error:
            raise Invalid(f"A taxonomy has at most {MAX_DEPTH} levels.", field="nodes") from error


def _find(version: str, *, actor: Actor) -> Taxonomy | None:
    return db.session.scalar(
        select(Taxonomy).where(
            Taxonomy.organization_id == actor.organization_id, Taxonomy.version == version
        )
    )


def _load(taxonomy: Taxonomy) -> tuple[dict[UUID, TaxonomyNode], dict[UUID, set[UUID]]]:
    """All nodes of a version by id, and the parents of each."""
    rows = db.session.scalars(select(TaxonomyNode).where(TaxonomyNode.taxonomy_id == taxonomy.id))
    nodes = {row.id: row for row in rows}
    parents: dict[UUID, set[UUID]] = defaultdict(set)
    edges = (
        select(TaxonomyEdge.parent_id, TaxonomyEdge.child_id)
        .join(TaxonomyNode, TaxonomyNode.id == TaxonomyEdge.child_id)
        .where(TaxonomyNode.taxonomy_id == taxonomy.id)
    )
    for row in db.session.execute(edges):
        parents[row.child_id].add(row.parent_id)
    return nodes, parents


def _parents_of(ids: list[UUID]) -> dict[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = defaultdict(list)
    edges = select(TaxonomyEdge.parent_id, TaxonomyEdge.child_id).where(
        TaxonomyEdge.child_id.in_(ids)
    )
    for row in db.session.execute(edges.order_by(TaxonomyEdge.parent_id)):
        found[row.child_id].append(row.parent_id)
    return found


def _paths(taxonomy: Taxonomy) -> set[tuple[str, ...]]:
    rows = db.session.scalars(
        select(TaxonomyNode.canonical_path).where(TaxonomyNode.taxonomy_id == taxonomy.id)
    )
    return {tuple(path) for path in rows}


def _insert(model: Any, rows: list[dict[str, Any]]) -> None:
    """Many rows of one table, past the unit of work, which costs more than the database."""
    for start in range(0, len(rows), BATCH):
        db.session.connection().execute(insert(model.__table__), rows[start : start + BATCH])


def _by_label(nodes: list[TaxonomyNode]) -> list[TaxonomyNode]:
    return sorted(nodes, key=lambda node: (fold(node.label), str(node.id)))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
