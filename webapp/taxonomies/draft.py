"""A version of a taxonomy while it is changed: checked as a whole, written as differences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import defer, lazyload

from webapp import index
from webapp.core import clock
from webapp.core.database.text import fold
from webapp.core.database.transactions import refresh_statistics
from webapp.core.errors import BadReference, Conflict, Invalid
from webapp.core.extensions import db
from webapp.core.ids import uuid7
from webapp.taxonomies import signals
from webapp.taxonomies.graph import MAX_DEPTH, Circle, Shape, TooDeep, arrange
from webapp.taxonomies.models import (
    NodeStat,
    Taxonomy,
    TaxonomyClosure,
    TaxonomyEdge,
    TaxonomyNode,
    path_key,
)
from webapp.taxonomies.schemas import MAX_NODES, EdgeRequest, NodeRequest

#: pairs of a node and one above it, over all nodes of a version
MAX_PAIRS = 1_000_000
BATCH = 5_000
#: so many new topics change how the database should look them up
MANY = 1_000

Pair = tuple[UUID, UUID]


class Draft:
    """A version with what a request adds to it, before it is stored.

    Its graph is one of public ids, as requests and answers have them; `store` knows the others.
    """

    def __init__(self, taxonomy: Taxonomy, given: Collection[UUID] = ()) -> None:
        """`given` are the ids that the request has for its nodes."""
        self.taxonomy = taxonomy
        self.nodes, self.parents = load_nodes(taxonomy)
        self.named: dict[UUID, None] = {}
        self._ids = {node.public_id: node.id for node in self.nodes.values()}
        self._taken = _ids_of_others(taxonomy, given)
        self._retargeted: list[TaxonomyNode] = []
        self._old_nodes = frozenset(self.nodes)
        self._old_edges = {(up, down) for down, ups in self.parents.items() for up in ups}
        self._old_shape = self._arrange()
        self._children: dict[tuple[UUID | None, str], UUID] = {}

    def extend(self, items: Sequence[NodeRequest], edges: Sequence[EdgeRequest]) -> None:
        """Add nodes and edges. A path goes by topics of the same request, in whatever order."""
        free = [item for item in items if item.path is None]
        for item in free:
            self._add(item)
        for edge in edges:
            if {edge.parent, edge.child} <= self.nodes.keys():
                self._connect(edge)
        for node_id in self.nodes:
            self._register(node_id)
        for item in items:
            if item.path is not None:
                self._add(item)
        for edge in edges:
            self._connect(edge)

    def _add(self, item: NodeRequest) -> None:
        if item.path is None:
            node = self._add_free(item)
        else:
            above: UUID | None = None
            for label in item.path[:-1]:
                above = self._child(above, label).public_id
            node = self._child(above, item.path[-1], item.node_id)
        if item.target_documents is not None:
            self.set_target(node, item.target_documents)

    def set_target(self, node: TaxonomyNode, target: int | None) -> None:
        node.target_documents = target
        if node.public_id in self._old_nodes:
            self._retargeted.append(node)

    def _connect(self, edge: EdgeRequest) -> None:
        parent, child = edge.parent, edge.child
        missing = [str(node) for node in (parent, child) if node not in self.nodes]
        if missing:
            raise BadReference(
                f"Invalid taxonomy node IDs: {', '.join(missing)}",
                page_message=f"An edge names what is no topic here: {' and '.join(missing)}. "
                "Add the topic too, or correct the edge.",
                code="unknown_nodes",
                field="edges",
                extras={"field": "edges", "invalid": missing},
            )
        self.parents[child].add(parent)
        self.named |= {parent: None, child: None}

    def remove(self, node_id: UUID) -> None:
        """Take a node out; those below it move up to where it was."""
        above = self.parents.pop(node_id, set())
        for ups in self.parents.values():
            if node_id in ups:
                ups.remove(node_id)
                ups |= above
        db.session.delete(self.nodes.pop(node_id))

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
                row.path_key = path_key(path)
                row.search_text = fold(" > ".join(path))
        created = [row for key, row in self.nodes.items() if key not in self._old_nodes]
        db.session.flush()
        columns = [column.key for column in TaxonomyNode.__table__.columns]
        _insert(TaxonomyNode, [{name: getattr(row, name) for name in columns} for row in created])
        _insert(NodeStat, [_stat_of(row) for row in created])
        for row in self._retargeted:
            stat = update(NodeStat).where(NodeStat.node_id == row.id)
            db.session.execute(stat.values(target=row.target_documents))
        self._store_edges()
        self._store_pairs(shape)
        self.taxonomy.node_count = len(self.nodes)
        self.taxonomy.is_tree = all(len(above) < 2 for above in self.parents.values())
        self.taxonomy.updated_at = clock.now()
        if len(created) >= MANY:
            refresh_topic_statistics()
        return len(created)

    def _store_edges(self) -> None:
        edges = {(up, down) for down, ups in self.parents.items() for up in ups}
        self._delete_pairs(TaxonomyEdge, ("parent_id", "child_id"), self._old_edges - edges)
        self._insert_pairs(TaxonomyEdge, ("parent_id", "child_id"), edges - self._old_edges)

    def _store_pairs(self, shape: Shape) -> None:
        """Write who is above whom; where nodes that were there have moved, scopes follow."""
        none: frozenset[UUID] = frozenset()
        before, after = self._old_shape.ancestors, shape.ancestors
        gone = {(up, down) for down, ups in before.items() for up in ups - after.get(down, none)}
        come = {(up, down) for down, ups in after.items() for up in ups - before.get(down, none)}
        self._delete_pairs(TaxonomyClosure, ("ancestor_id", "descendant_id"), gone)
        self._insert_pairs(TaxonomyClosure, ("ancestor_id", "descendant_id"), come)
        if gone or any(down in self._old_nodes for _, down in come):
            index.move_scopes(self.taxonomy.organization_id)
            signals.shape_changed.send(taxonomy=self.taxonomy)

    def _insert_pairs(self, model: Any, columns: tuple[str, str], pairs: set[Pair]) -> None:
        first, second = columns
        _insert(model, [{first: self._ids[up], second: self._ids[down]} for up, down in pairs])

    def _delete_pairs(self, model: Any, columns: tuple[str, str], pairs: set[Pair]) -> None:
        """Delete pairs of nodes that stay; those of a node that goes have gone with it."""
        first, second = columns
        rows = [
            {"up": self._ids[up], "down": self._ids[down]}
            for up, down in pairs
            if up in self.nodes and down in self.nodes
        ]
        table = model.__table__
        pair = delete(table).where(
            table.c[first] == bindparam("up"), table.c[second] == bindparam("down")
        )
        for start in range(0, len(rows), BATCH):
            db.session.connection().execute(pair, rows[start : start + BATCH])

    def _add_free(self, item: NodeRequest) -> TaxonomyNode:
        assert item.node_id is not None  # noqa: S101 - the schema asks for it
        known = self.nodes.get(item.node_id)
        if known is None:
            return self._make(item.label or "", item.node_id)
        if known.label != item.label:
            raise Conflict(
                f"Node {known.public_id} is called {known.label} already.",
                code="node_taken",
                field="nodes",
            )
        self.named[known.public_id] = None
        return known

    def _child(self, parent: UUID | None, label: str, node_id: UUID | None = None) -> TaxonomyNode:
        child_id = self._children.get((parent, label))
        if child_id is None:
            node = self._make(label, node_id)
            self._children[parent, label] = node.public_id
            if parent is not None:
                self.parents[node.public_id].add(parent)
            return node
        if node_id not in (None, child_id):
            raise Conflict(
                f"{label} has the id {child_id} already.", code="node_taken", field="nodes"
            )
        self.named[child_id] = None
        return self.nodes[child_id]

    def _register(self, node_id: UUID) -> None:
        """Let paths go by a node where it hangs; of siblings with one label, by the lowest id."""
        label = self.nodes[node_id].label
        for parent in self.parents.get(node_id) or [None]:
            first = self._children.get((parent, label), node_id)
            self._children[parent, label] = min(first, node_id)

    def _make(self, label: str, node_id: UUID | None) -> TaxonomyNode:
        if node_id in self.nodes or node_id in self._taken:
            raise Conflict(f"The node id {node_id} is taken.", code="node_taken", field="nodes")
        node = TaxonomyNode(
            id=uuid7(),
            organization_id=self.taxonomy.organization_id,
            public_id=node_id or uuid4(),
            taxonomy_id=self.taxonomy.id,
            label=label,
            canonical_path=[],
        )
        self.nodes[node.public_id] = node
        self.named[node.public_id] = None
        self._ids[node.public_id] = node.id
        return node

    def twins(self) -> list[tuple[str, str]]:
        """Labels that named nodes share with siblings, with the label above ("" at the top)."""
        above = {parent for node in self.named for parent in self._above(node)}
        siblings: dict[tuple[UUID | None, str], list[UUID]] = defaultdict(list)
        for node, row in self.nodes.items():
            for parent in above.intersection(self._above(node)):
                siblings[parent, fold(row.label)].append(node)
        return sorted(
            (self.nodes[alike[0]].label, self.nodes[parent].label if parent else "")
            for (parent, _), alike in siblings.items()
            if len(alike) > 1 and not self.named.keys().isdisjoint(alike)
        )

    def _above(self, node: UUID) -> Collection[UUID | None]:
        return self.parents.get(node) or (None,)

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


def load_nodes(taxonomy: Taxonomy) -> tuple[dict[UUID, TaxonomyNode], dict[UUID, set[UUID]]]:
    """All nodes of a version by their public ids, and those of the parents of each."""
    # Of the taxonomy they all have the same, which thousands of rows need not repeat.
    rows = db.session.scalars(
        select(TaxonomyNode)
        .where(TaxonomyNode.taxonomy_id == taxonomy.id)
        .options(lazyload(TaxonomyNode.taxonomy), defer(TaxonomyNode.organization_id))
    )
    nodes = {row.id: row for row in rows}
    parents: dict[UUID, set[UUID]] = defaultdict(set)
    edges = (
        select(TaxonomyEdge.parent_id, TaxonomyEdge.child_id)
        .join(TaxonomyNode, TaxonomyNode.id == TaxonomyEdge.child_id)
        .where(TaxonomyNode.taxonomy_id == taxonomy.id)
    )
    for row in db.session.execute(edges):
        parents[nodes[row.child_id].public_id].add(nodes[row.parent_id].public_id)
    return {node.public_id: node for node in nodes.values()}, parents


def _ids_of_others(taxonomy: Taxonomy, given: Collection[UUID]) -> set[UUID]:
    """Those of the given ids that topics of the organization's other versions have."""
    ids, taken = list(given), set()
    for start in range(0, len(ids), BATCH):
        others = select(TaxonomyNode.public_id).where(
            TaxonomyNode.organization_id == taxonomy.organization_id,
            TaxonomyNode.public_id.in_(ids[start : start + BATCH]),
            TaxonomyNode.taxonomy_id != taxonomy.id,
        )
        taken |= set(db.session.scalars(others))
    return taken


def refresh_topic_statistics() -> None:
    """Let the database count anew what its plans rest on, after many topics have come.

    PostgreSQL 15 that has last counted an empty table takes it for empty still: one level of a
    tree of 20,000 topics took 40 s then.
    """
    for model in (TaxonomyNode, NodeStat, TaxonomyEdge, TaxonomyClosure):
        refresh_statistics(model.__tablename__)


def _insert(model: Any, rows: list[dict[str, Any]]) -> None:
    """Many rows of one table, past the unit of work, which costs more than the database."""
    for start in range(0, len(rows), BATCH):
        db.session.connection().execute(insert(model.__table__), rows[start : start + BATCH])


def _stat_of(node: TaxonomyNode) -> dict[str, Any]:
    return {
        "node_id": node.id,
        "public_id": node.public_id,
        "document_count": 0,
        "chunk_count": 0,
        "target": node.target_documents,
    }
