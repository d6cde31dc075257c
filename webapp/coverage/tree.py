"""An agent's coverage as a tree of topics with sums over them.

It is read a level at a time, and of a level only what is drawn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    func,
    not_,
    or_,
    select,
    true,
    tuple_,
)

from webapp.core.extensions import db
from webapp.coverage.services import Pairs, Summary, share
from webapp.coverage.topics import EDGES, PAIRS, ScopeTopics, among, list_edges
from webapp.taxonomies.models import KEY_SEPARATOR, MAX_KEY, TaxonomyNode

#: topics of the tree that come with the page
MAX_DRAWN = 100

NODES = TaxonomyNode.__table__


@dataclass
class Branch:
    """A topic of the scope, with sums over it and those below it, each once.

    `covered` and `target_sum` are sums of `min(documents, target)` and of targets. Each topic
    stands at one place; `elsewhere` are those right below this one that stand below another.
    `child_count` has both, whether they are drawn or not.
    """

    id: UUID
    node_id: UUID
    label: str
    path: list[str]
    documents: int
    target: int
    covered: int
    target_sum: int
    topic_count: int
    child_count: int
    is_drawn: bool = False
    children: list[Branch] = field(default_factory=list)
    elsewhere: list[Branch] = field(default_factory=list)

    @property
    def is_branch(self) -> bool:
        return self.child_count > 0

    @property
    def percent(self) -> float:
        """Of the whole branch."""
        return share(self.covered, self.target_sum)

    @property
    def own_percent(self) -> float:
        return share(self.documents, self.target)


@dataclass(frozen=True)
class Level:
    """Some of the `total` topics that have their place below one; at the end, the others too."""

    shown: list[Branch]
    elsewhere: list[Branch]
    total: int
    next_offset: int | None


def draw_tree(topics: ScopeTopics, summary: Summary) -> list[Branch]:
    """The topics at the top of the scope; from there down, those for which there is room."""
    roots = _find_top(topics, summary)
    level, room = roots, MAX_DRAWN - len(roots)
    while level and room >= 0:
        opened = []
        for branch in level:
            room -= branch.child_count
            if room < 0:
                break
            branch.is_drawn = True
            opened.append(branch)
        _add_children(topics, summary, [branch for branch in opened if branch.is_branch])
        level = [child for branch in opened for child in branch.children]
    return roots


def list_level(topics: ScopeTopics, under: UUID, offset: int) -> Level:
    """The topics right below one of the scope, by the id that tables refer to, from `offset` on."""
    places = Places(topics)
    placed = places.below([under]).where(places.is_here)
    total = db.session.scalar(select(func.count()).select_from(placed.subquery())) or 0
    shown = db.session.execute(placed.limit(MAX_DRAWN).offset(offset)).all()
    end = offset + MAX_DRAWN
    is_end = end >= total
    others = db.session.execute(places.below([under]).where(not_(places.is_here))) if is_end else ()
    elsewhere = [row.child_id for row in others]
    described = describe(topics, [*(row.child_id for row in shown), *elsewhere], {})
    return Level(
        [described[row.child_id] for row in shown],
        [described[child_id] for child_id in elsewhere],
        total,
        None if is_end else end,
    )


class Places:
    """For statements: the topics right below others, in the order of their names, and whether they
    have their place here. One with several parents stands where its canonical path says."""

    def __init__(self, topics: ScopeTopics) -> None:
        # Aliases of tables, because those of classes take milliseconds to make.
        self.edge = EDGES.alias()
        self.child, self.parent = NODES.alias(), NODES.alias()
        self.is_here: ColumnElement[bool] = true() if topics.is_tree else self._is_here(topics)

    def below(self, parents: Sequence[UUID]) -> Select[UUID, UUID, str, bool]:
        """`parent_id`, `child_id`, its `label` and `is_here`."""
        edge, child, parent = self.edge, self.child, self.parent
        return (
            select(edge.c.parent_id, edge.c.child_id, child.c.label, self.is_here.label("is_here"))
            .join(child, child.c.id == edge.c.child_id)
            .join(parent, parent.c.id == edge.c.parent_id)
            .where(edge.c.parent_id.in_(parents))
            .order_by(child.c.label_key, child.c.public_id)
        )

    def find_elsewhere(self, edges: Sequence[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
        """Of these, as `(parent, child)`, those of which the child has its place below another."""
        parents, children = {edge[0] for edge in edges}, {edge[1] for edge in edges}
        statement = self.below(list(parents)).where(
            # Of topics that it knows, PostgreSQL does not read all others.
            among(self.child.c.id, children),
            among(self.parent.c.id, parents),
            not_(self.is_here),
        )
        return {(row.parent_id, row.child_id) for row in db.session.execute(statement)}

    def _is_here(self, topics: ScopeTopics) -> ColumnElement[bool]:
        edge, way = self.edge.c, EDGES.alias()
        parent, other = self.parent, NODES.alias()
        here, there = self._is_canonical(parent), self._is_canonical(other)
        order = tuple_(other.c.path_key, other.c.id) < tuple_(parent.c.path_key, parent.c.id)
        better = (
            select(way.c.child_id)
            .join(other, other.c.id == way.c.parent_id)
            .where(
                way.c.child_id == edge.child_id,
                way.c.parent_id != edge.parent_id,
                topics.holds_one(way.c.parent_id),
                or_(and_(there, not_(here)), and_(or_(there, not_(here)), order)),
            )
            .exists()
        )
        return not_(better)

    def _is_canonical(self, parent: FromClause) -> ColumnElement[bool]:
        path = parent.c.path_key + KEY_SEPARATOR + self.child.c.label_key
        is_same: ColumnElement[bool] = func.substr(path, 1, MAX_KEY) == self.child.c.path_key
        return is_same


def _find_top(topics: ScopeTopics, summary: Summary) -> list[Branch]:
    """The roots, in the order of their names."""
    return list(describe(topics, topics.roots, summary.pairs_below).values())


def sums_over(pairs: Pairs) -> tuple[int, int, int]:
    """`covered`, `target_sum` and `topic_count`."""
    return (
        sum(count * min(pair) for pair, count in pairs.items()),
        sum(count * target for (_, target), count in pairs.items()),
        sum(pairs.values()),
    )


def _add_children(topics: ScopeTopics, summary: Summary, branches: Sequence[Branch]) -> None:
    """Give these branches all of their children, and those that stand elsewhere."""
    if not branches:
        return
    by_id = {branch.id: branch for branch in branches}
    edges = _edges_below(topics, summary, list(by_id))
    parents: dict[UUID, list[UUID]] = defaultdict(list)
    for parent_id, child_id in edges:
        parents[child_id].append(parent_id)
    others = set() if topics.is_tree else Places(topics).find_elsewhere(edges)
    for child_id, child in describe(topics, list(parents), summary.pairs_below).items():
        for parent_id in parents[child_id]:
            above, is_here = by_id[parent_id], (parent_id, child_id) not in others
            (above.children if is_here else above.elsewhere).append(child)


def _edges_below(
    topics: ScopeTopics, summary: Summary, parents: Sequence[UUID]
) -> list[tuple[UUID, UUID]]:
    if summary.children.keys() >= set(parents):
        return [
            (parent_id, child_id)
            for parent_id in parents
            for child_id in summary.children[parent_id]
        ]
    return list_edges(parents)


def describe(
    topics: ScopeTopics, ids: Sequence[UUID], known: Mapping[UUID, Pairs]
) -> dict[UUID, Branch]:
    """These topics, in the order of their names; the sums of them may be known."""
    if not ids:
        return {}
    are_known = known.keys() >= set(ids)
    statement = _select_topics(topics, ids) if are_known else select_branches(topics, ids)
    rows = db.session.execute(statement.order_by(NODES.c.label_key, NODES.c.public_id))
    return {
        row.id: branch_of(row, *(sums_over(known[row.id]) if are_known else sums_of(row)))
        for row in rows
    }


def branch_of(row: Any, covered: int, target_sum: int, topic_count: int) -> Branch:
    """What a row of `select_branches` tells, with `sums_of` it."""
    return Branch(
        row.id,
        row.node_id,
        row.label,
        row.canonical_path,
        row.documents,
        row.wanted,
        covered,
        target_sum,
        topic_count,
        row.child_count,
    )


def sums_of(row: Any) -> tuple[int, int, int]:
    """`covered`, `target_sum` and `topic_count`."""
    return int(row.covered), int(row.target_sum), row.topic_count


def _select_topics(topics: ScopeTopics, ids: Sequence[UUID] | Select[UUID]) -> Select[Any]:
    """The fields of `Branch` but for the sums."""
    node, own = NODES.c, topics.select_all()
    child_count = select(func.count()).where(EDGES.c.parent_id == node.id).scalar_subquery()
    return (
        select(
            node.id,
            node.public_id.label("node_id"),
            node.label,
            node.canonical_path,
            own.c.documents,
            own.c.wanted,
            child_count.label("child_count"),
        )
        .join(own, own.c.node_id == node.id)
        # Both, or PostgreSQL reads all rows of one of them.
        .where(_is_one_of(node.id, ids), _is_one_of(own.c.node_id, ids))
    )


def select_branches(topics: ScopeTopics, ids: Sequence[UUID] | Select[UUID]) -> Select[Any]:
    """The fields of `Branch` for these topics, or for those of a select of ids."""
    closure, each = PAIRS.c, topics.select_all().alias("each")
    sums = (
        select(
            closure.ancestor_id,
            func.sum(each.c.covered).label("covered"),
            func.sum(each.c.wanted).label("target_sum"),
            func.count().label("topic_count"),
        )
        .select_from(PAIRS)
        .join(each, each.c.node_id == closure.descendant_id)
        .where(_is_one_of(closure.ancestor_id, ids))
        .group_by(closure.ancestor_id)
        .subquery("sums")
    )
    return (
        _select_topics(topics, ids)
        .add_columns(sums.c.covered, sums.c.target_sum, sums.c.topic_count)
        .join(sums, sums.c.ancestor_id == NODES.c.id)
    )


def _is_one_of(
    column: ColumnElement[UUID], ids: Sequence[UUID] | Select[UUID]
) -> ColumnElement[Any]:
    return column.in_(ids) if isinstance(ids, Select) else among(column, ids)
