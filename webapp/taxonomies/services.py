"""Make and grow taxonomies, read them as lists, trees and differences."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import case, exists, func, not_, select
from sqlalchemy.orm import aliased

from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.database.text import fold, like_pattern
from webapp.core.database.transactions import lock_name
from webapp.core.errors import BadReference, DomainError, NotFound
from webapp.core.extensions import db
from webapp.core.lists import Page
from webapp.taxonomies.draft import Draft, load_nodes
from webapp.taxonomies.models import (
    NodeStat,
    Taxonomy,
    TaxonomyEdge,
    TaxonomyNode,
    path_key,
    sort_versions,
)
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE
from webapp.taxonomies.references import read_newest_version, unknown_nodes
from webapp.taxonomies.schemas import NodeQuery, TaxonomyRequest


@dataclass(frozen=True)
class Node:
    """A node with the ids of its parents, as answers show it."""

    node_id: UUID
    label: str
    canonical_path: list[str]
    parent_ids: list[UUID]
    target_documents: int | None


#: of one request; who has more sees the first
MAX_WARNINGS = 20


@dataclass(frozen=True)
class Extension:
    """What a request came to: the nodes it names, with the parents that it made."""

    taxonomy: Taxonomy
    nodes: list[Node]
    created_count: int
    warnings: list[str]

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
    document_count: int = 0
    is_reference: bool = False
    children: list[Branch] = field(default_factory=list)


@dataclass(frozen=True)
class Tree:
    taxonomy: Taxonomy
    roots: list[Branch]

    @property
    def version(self) -> str:
        return self.taxonomy.version


@dataclass(frozen=True)
class Comparison:
    """Two versions by their paths; of many, the first."""

    start: str
    end: str
    added: list[list[str]]
    removed: list[list[str]]
    added_count: int
    removed_count: int
    kept_count: int


def extend_taxonomy(body: TaxonomyRequest, *, actor: Actor) -> Extension:
    """Make a version, or add nodes and edges to one that is there (docs/contract/knowledge.md).

    Nothing that is there changes its id. Raises BadReference on a circle and on edges to nodes
    that are not there, Conflict where a node's id is taken.
    """
    actor.require(KNOWLEDGE_WRITE)
    lock_name(f"taxonomies of {actor.organization_id}")
    taxonomy = _find(body.version, actor=actor)
    is_new = taxonomy is None
    if taxonomy is None:
        taxonomy = Taxonomy(organization_id=actor.organization_id, version=body.version)
        db.session.add(taxonomy)
        db.session.flush()
    draft = Draft(taxonomy, {item.node_id for item in body.nodes if item.node_id is not None})
    try:
        draft.extend(body.nodes, body.edges)
        created_count = draft.store()
    except DomainError:
        db.session.rollback()
        raise
    audit.record(actor, "create" if is_new else "grow", taxonomy, nodes=created_count)
    db.session.commit()
    warnings = [
        f"Several topics {f'under {above}' if above else 'at the top'} are called {label}."
        for label, above in draft.twins()[:MAX_WARNINGS]
    ]
    nodes = [node_of(draft, node_id) for node_id in draft.named]
    return Extension(taxonomy, nodes, created_count, warnings)


def node_of(draft: Draft, node_id: UUID) -> Node:
    """A node of a draft, as answers show it."""
    row = draft.nodes[node_id]
    above = sorted(draft.parents.get(node_id, ()), key=str)
    return Node(node_id, row.label, row.canonical_path, above, row.target_documents)


def next_version(*, actor: Actor) -> str:
    """What a new version would be called: 1.0.0, or the minor after the highest."""
    known = list_taxonomies(actor=actor)
    if not known:
        return "1.0.0"
    major, minor, _patch = known[0].version.split(".")
    return f"{major}.{int(minor) + 1}.0"


def list_taxonomies(*, actor: Actor) -> list[Taxonomy]:
    """The versions, the highest first; at most 1,000."""
    rows = db.session.scalars(
        select(Taxonomy).where(Taxonomy.organization_id == actor.organization_id).limit(1000)
    )
    by_version = {row.version: row for row in rows}
    return [by_version[version] for version in sort_versions(by_version)]


def get_taxonomy(version: str, *, actor: Actor) -> Taxonomy:
    taxonomy = _find(version, actor=actor)
    if taxonomy is None:
        told = audit.describe_deletion("taxonomy", subject_name=version, actor=actor)
        raise NotFound(f"Taxonomy not found: {version}", suggestions=told)
    return taxonomy


def find_paths(version: str, paths: list[list[str]], *, actor: Actor) -> list[UUID]:
    """The public ids at these canonical paths; of topics with one path, the lowest.

    BadReference names a path that is not there.
    """
    taxonomy = get_taxonomy(version, actor=actor)
    rows = db.session.execute(
        select(TaxonomyNode.public_id, TaxonomyNode.canonical_path)
        .where(
            TaxonomyNode.taxonomy_id == taxonomy.id,
            TaxonomyNode.path_key.in_([path_key(path) for path in paths]),
        )
        # The last of a path stays in the dictionary: the lowest id.
        .order_by(TaxonomyNode.public_id.desc())
    )
    known = {tuple(row.canonical_path): row.public_id for row in rows}
    for path in paths:
        if tuple(path) not in known:
            raise BadReference(
                f"There is no topic {' > '.join(path)} in {version}.", code="unknown_nodes"
            )
    return [known[tuple(path)] for path in paths]


def find_path(path: list[str], *, actor: Actor) -> UUID:
    """The public id at a canonical path of the highest version; BadReference where none is."""
    version = read_newest_version(actor.organization_id)
    if version is None:
        raise unknown_nodes([" > ".join(path)], None)
    return find_paths(version, [path], actor=actor)[0]


def parent_ids(node: TaxonomyNode) -> list[UUID]:
    """The public ids of the topics right above one."""
    return list(
        db.session.scalars(
            select(TaxonomyNode.public_id)
            .join(TaxonomyEdge, TaxonomyEdge.parent_id == TaxonomyNode.id)
            .where(TaxonomyEdge.child_id == node.id)
            .order_by(TaxonomyNode.path_key)
        )
    )


def get_node(node_id: UUID, *, actor: Actor) -> TaxonomyNode:
    """The topic with a public id."""
    node = db.session.scalar(
        select(TaxonomyNode).where(
            TaxonomyNode.organization_id == actor.organization_id, TaxonomyNode.public_id == node_id
        )
    )
    if node is None:
        raise NotFound(f"Topic not found: {node_id}")
    return node


def get_node_of(taxonomy: Taxonomy, node_id: UUID, *, actor: Actor) -> TaxonomyNode:
    """The topic of a version with a public id; NotFound where only another version has it."""
    node = get_node(node_id, actor=actor)
    if node.taxonomy_id != taxonomy.id:
        raise NotFound(
            f"{node.label} is a topic of another version, not of {taxonomy.version}.",
            suggestions=["Open it from the page of its own version."],
        )
    return node


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
        Node(row.public_id, row.label, row.canonical_path, parents[row.id], row.target_documents)
        for row in rows
    ]
    return Page(nodes, total, query.limit, query.offset)


def get_tree(version: str, *, actor: Actor) -> Tree:
    """All nodes as a tree. One with several parents stands whole at its canonical path only."""
    taxonomy = get_taxonomy(version, actor=actor)
    nodes, parents = load_nodes(taxonomy)
    counted = select(NodeStat.public_id, NodeStat.document_count).where(NodeStat.document_count > 0)
    counts = {
        row.public_id: row.document_count
        for row in db.session.execute(
            counted.join(TaxonomyNode, TaxonomyNode.id == NodeStat.node_id).where(
                TaxonomyNode.taxonomy_id == taxonomy.id
            )
        )
    }
    children: dict[UUID, list[TaxonomyNode]] = defaultdict(list)
    roots = []
    for node in nodes.values():
        for parent in parents.get(node.public_id, ()):
            children[parent].append(node)
        if not parents.get(node.public_id):
            roots.append(node)

    def branch(node: TaxonomyNode, above: list[str]) -> Branch:
        is_reference = node.canonical_path[:-1] != above
        below = [] if is_reference else children[node.public_id]
        return Branch(
            node.public_id,
            node.label,
            node.canonical_path,
            node.target_documents,
            counts.get(node.public_id, 0),
            is_reference,
            [branch(child, node.canonical_path) for child in _by_label(below)],
        )

    return Tree(taxonomy, [branch(root, []) for root in _by_label(roots)])


def version_before(version: str, *, actor: Actor) -> str:
    """The highest version below this one; itself where it is the lowest."""
    versions = [taxonomy.version for taxonomy in list_taxonomies(actor=actor)]
    below = versions[versions.index(version) + 1 :] if version in versions else []
    return below[0] if below else version


def compare_taxonomies(
    start: str, end: str, *, actor: Actor, limit: int | None = None
) -> Comparison:
    """Which paths came and which went from one version to another; of each at most `limit`."""
    before, after = (get_taxonomy(version, actor=actor) for version in (start, end))
    path = (TaxonomyNode.path_key, TaxonomyNode.canonical_path)
    is_before, is_after = (
        func.max(case((TaxonomyNode.taxonomy_id == taxonomy.id, 1), else_=0))
        for taxonomy in (before, after)
    )
    paths = (
        select(is_before.label("is_before"), is_after.label("is_after"))
        .where(TaxonomyNode.taxonomy_id.in_({before.id, after.id}))
        .group_by(*path)
        .subquery()
    )
    both = paths.c.is_before * paths.c.is_after
    counts = (func.sum(paths.c.is_before), func.sum(paths.c.is_after), func.sum(both))
    row = db.session.execute(select(*(func.coalesce(count, 0) for count in counts))).one()
    before_count, after_count, kept_count = map(int, row)
    return Comparison(
        start,
        end,
        added=_paths_only_in(after, before, limit) if after_count > kept_count else [],
        removed=_paths_only_in(before, after, limit) if before_count > kept_count else [],
        added_count=after_count - kept_count,
        removed_count=before_count - kept_count,
        kept_count=kept_count,
    )


def _find(version: str, *, actor: Actor) -> Taxonomy | None:
    return db.session.scalar(
        select(Taxonomy).where(
            Taxonomy.organization_id == actor.organization_id, Taxonomy.version == version
        )
    )


def _parents_of(ids: list[UUID]) -> dict[UUID, list[UUID]]:
    """By the ids of nodes, the public ids of those above them."""
    parents: dict[UUID, list[UUID]] = defaultdict(list)
    edges = (
        select(TaxonomyNode.public_id, TaxonomyEdge.child_id)
        .join(TaxonomyEdge, TaxonomyEdge.parent_id == TaxonomyNode.id)
        .where(TaxonomyEdge.child_id.in_(ids))
    )
    for row in db.session.execute(edges.order_by(TaxonomyNode.public_id)):
        parents[row.child_id].append(row.public_id)
    return parents


def _paths_only_in(taxonomy: Taxonomy, other: Taxonomy, limit: int | None) -> list[list[str]]:
    """The first paths of a version that another one does not have, in order."""
    same = aliased(TaxonomyNode)
    is_there = exists().where(
        same.taxonomy_id == other.id,
        same.path_key == TaxonomyNode.path_key,
        same.canonical_path == TaxonomyNode.canonical_path,
    )
    rows = db.session.execute(
        select(TaxonomyNode.path_key, TaxonomyNode.canonical_path)
        .where(TaxonomyNode.taxonomy_id == taxonomy.id, not_(is_there))
        .distinct()
        .order_by(TaxonomyNode.path_key)
        .limit(limit)
    )
    return sorted((path for _, path in rows), key=lambda path: (path_key(path), path))


def _by_label(nodes: list[TaxonomyNode]) -> list[TaxonomyNode]:
    return sorted(nodes, key=lambda node: (node.label_key, str(node.public_id)))
