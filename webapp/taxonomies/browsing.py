"""Topics as people look for them: a branch at a time, by some letters, and by their ids.

Each costs the same however many topics a taxonomy has, up to one look at the paths of a version.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, not_, or_, select

from webapp.core.actor import Actor
from webapp.core.database.text import fold, like_pattern
from webapp.core.extensions import db
from webapp.core.lists import Page, Paging
from webapp.taxonomies.actions import DocumentCount, count_documents
from webapp.taxonomies.models import (
    KEY_SEPARATOR,
    Taxonomy,
    TaxonomyClosure,
    TaxonomyEdge,
    TaxonomyNode,
)
from webapp.taxonomies.references import read_newest_version
from webapp.taxonomies.services import get_taxonomy

#: topics that a search offers to choose from
MAX_FOUND = 20
#: words of a search that are looked for
MAX_WORDS = 8
#: topics of one branch that are drawn at once
BRANCH_TOPICS = 200


@dataclass(frozen=True)
class Topic:
    """A topic as it is chosen; `above` are the short ids of all above it, by any way."""

    node_id: UUID
    path: list[str]
    version: str
    above: list[str]


@dataclass(frozen=True)
class TreeTopic:
    """A topic in a tree; `above` are the short ids of all above it, by any way.

    `children` are drawn with it; of a branch without them, they are asked for when it is opened.
    """

    node_id: UUID
    label: str
    path: list[str]
    target_documents: int | None
    place_count: int
    is_branch: bool
    documents: DocumentCount
    above: list[str]
    children: list[TreeTopic] = field(default_factory=list)

    @property
    def short_id(self) -> str:
        return short_id(self.node_id)


def find_topics(q: str, version: str | None, *, actor: Actor) -> list[Topic]:
    """The best topics whose paths hold all words of `q`, of a version or else of the highest.

    First those that are called so, then those whose names begin so, then those that hold it in the
    name; among these, the highest in the tree. Without words, the first of the taxonomy.
    """
    name = version or read_newest_version(actor.organization_id)
    if name is None:
        return []
    taxonomy = get_taxonomy(name, actor=actor)
    statement = select(TaxonomyNode.id, TaxonomyNode.public_id, TaxonomyNode.canonical_path).where(
        TaxonomyNode.taxonomy_id == taxonomy.id
    )
    words = fold(q).replace(">", " ").replace("›", " ").split()[:MAX_WORDS]
    text = TaxonomyNode.search_text
    if words:
        holds = [text.like(like_pattern(word), escape="\\") for word in words]
        statement = statement.where(*holds).order_by(
            _rank(" ".join(words)), _rank(words[-1]), func.length(text), text
        )
    else:
        statement = statement.order_by(TaxonomyNode.path_key)
    rows = db.session.execute(statement.order_by(TaxonomyNode.id).limit(MAX_FOUND)).all()
    above = _short_ids_above([row.id for row in rows])
    return [Topic(row.public_id, row.canonical_path, name, above[row.id]) for row in rows]


def name_topics(node_ids: Collection[UUID], *, actor: Actor) -> list[Topic]:
    """The topics with these public ids that are there, in the order of their paths."""
    if not node_ids:
        return []
    rows = db.session.execute(
        select(
            TaxonomyNode.id,
            TaxonomyNode.public_id,
            TaxonomyNode.canonical_path,
            Taxonomy.version,
        )
        .join(Taxonomy, Taxonomy.id == TaxonomyNode.taxonomy_id)
        .where(
            TaxonomyNode.organization_id == actor.organization_id,
            TaxonomyNode.public_id.in_(node_ids),
        )
        .order_by(TaxonomyNode.path_key, TaxonomyNode.id)
    ).all()
    above = _short_ids_above([row.id for row in rows])
    return [Topic(row.public_id, row.canonical_path, row.version, above[row.id]) for row in rows]


def list_tree(version: str, *, actor: Actor) -> Page:
    """The topics at the top; where a taxonomy is small, with all below them."""
    taxonomy = get_taxonomy(version, actor=actor)
    if taxonomy.node_count > BRANCH_TOPICS:
        return list_branch(version, None, Paging(BRANCH_TOPICS), actor=actor)
    rows = db.session.scalars(
        select(TaxonomyNode)
        .where(TaxonomyNode.taxonomy_id == taxonomy.id)
        .order_by(TaxonomyNode.label_key, TaxonomyNode.id)
    ).all()
    return Page.of_all(_nest(rows))


def list_branch(version: str, under: UUID | None, paging: Paging, *, actor: Actor) -> Page:
    """The topics right below one, or at the top, as `TreeTopic`s in the order of their names.

    A topic with several parents stands below each of them.
    """
    taxonomy = get_taxonomy(version, actor=actor)
    statement = select(TaxonomyNode).where(TaxonomyNode.taxonomy_id == taxonomy.id)
    if under is None:
        statement = statement.where(not_(TaxonomyNode.path_key.contains(KEY_SEPARATOR)))
    else:
        above = select(TaxonomyNode.id).where(
            TaxonomyNode.taxonomy_id == taxonomy.id, TaxonomyNode.public_id == under
        )
        statement = statement.join(TaxonomyEdge, TaxonomyEdge.child_id == TaxonomyNode.id).where(
            TaxonomyEdge.parent_id.in_(above)
        )
    counted = select(func.count()).select_from(
        statement.with_only_columns(TaxonomyNode.id).subquery()
    )
    total = db.session.scalar(counted) or 0
    rows = db.session.scalars(
        statement.order_by(TaxonomyNode.label_key, TaxonomyNode.id)
        .limit(paging.limit)
        .offset(paging.offset)
    ).all()
    return Page(_describe(rows), total, paging.limit, paging.offset)


def short_id(public_id: UUID) -> str:
    """Half of an id, by which a page tells the topics of one taxonomy apart."""
    return public_id.hex[:16]


def _describe(rows: Sequence[TaxonomyNode]) -> list[TreeTopic]:
    ids = [row.id for row in rows]
    above, documents = _short_ids_above(ids), count_documents(ids)
    branches, places = _branches_among(ids), _places_of(ids)
    none = DocumentCount(0, is_exact=True)
    return [
        TreeTopic(
            row.public_id,
            row.label,
            row.canonical_path,
            row.target_documents,
            places.get(row.id, 0),
            row.id in branches,
            documents.get(row.id, none),
            above[row.id],
        )
        for row in rows
    ]


def _nest(rows: Sequence[TaxonomyNode]) -> list[TreeTopic]:
    """All topics of a small taxonomy below their parents; those at the top.

    One with several parents stands below each, and ways down can be many: what would be too much
    is left to be opened.
    """
    topics = {row.id: topic for row, topic in zip(rows, _describe(rows), strict=True)}
    below: dict[UUID, list[UUID]] = defaultdict(list)
    edges = db.session.execute(
        select(TaxonomyEdge.parent_id, TaxonomyEdge.child_id).where(
            TaxonomyEdge.child_id.in_(topics)
        )
    )
    parents_of: dict[UUID, list[UUID]] = defaultdict(list)
    for parent_id, child_id in edges:
        parents_of[child_id].append(parent_id)
    for child_id in topics:  # in the order of their names
        for parent_id in parents_of[child_id]:
            below[parent_id].append(child_id)
    room = 2 * BRANCH_TOPICS

    def with_children(node_id: UUID) -> TreeTopic:
        nonlocal room
        room -= len(below[node_id])
        children = [with_children(child) for child in below[node_id]] if room >= 0 else []
        return replace(topics[node_id], children=children)

    return [with_children(node_id) for node_id in topics if not parents_of[node_id]]


def _rank(words: str) -> ColumnElement[int]:
    """How well the last label of a path answers to some words; 0 is best."""
    text, plain = TaxonomyNode.search_text, like_pattern(words)[1:-1]

    def like(pattern: str) -> ColumnElement[bool]:
        return text.like(pattern, escape="\\")

    begins = or_(
        and_(like(f"{plain}%"), not_(like("%>%"))),
        and_(like(f"%> {plain}%"), not_(like(f"%> {plain}%>%"))),
    )
    return case(
        (or_(text == words, like(f"%> {plain}")), 0),
        (begins, 1),
        (and_(like(f"%{plain}%"), not_(like(f"%{plain}%>%"))), 2),
        else_=3,
    )


def _short_ids_above(ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    above: dict[UUID, list[str]] = defaultdict(list)
    rows = db.session.execute(
        select(TaxonomyClosure.descendant_id, TaxonomyNode.public_id)
        .join(TaxonomyNode, TaxonomyNode.id == TaxonomyClosure.ancestor_id)
        .where(
            TaxonomyClosure.descendant_id.in_(ids),
            TaxonomyClosure.ancestor_id != TaxonomyClosure.descendant_id,
        )
        .order_by(TaxonomyNode.public_id)
    )
    for descendant_id, public_id in rows:
        above[descendant_id].append(short_id(public_id))
    return above


def _branches_among(ids: Sequence[UUID]) -> set[UUID]:
    parents = select(TaxonomyEdge.parent_id).where(TaxonomyEdge.parent_id.in_(ids)).distinct()
    return set(db.session.scalars(parents))


def _places_of(ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many parents each has."""
    rows = db.session.execute(
        select(TaxonomyEdge.child_id, func.count())
        .where(TaxonomyEdge.child_id.in_(ids))
        .group_by(TaxonomyEdge.child_id)
    )
    return {child_id: int(count) for child_id, count in rows}
