"""An agent's coverage as a person looks at it: a tree with sums, and a map of areas.

Both are read a level at a time, and of a level only what is drawn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import squarify
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
from webapp.coverage.topics import ScopeTopics
from webapp.taxonomies.models import (
    KEY_SEPARATOR,
    MAX_KEY,
    TaxonomyClosure,
    TaxonomyEdge,
    TaxonomyNode,
)

#: topics of the tree that come with the page
MAX_DRAWN = 100
#: siblings drawn in the map; the smallest of more are one area
MAX_SIBLINGS = 40
#: an area is divided further from this size on, in units of the drawing
MIN_DIVIDED = 14_000.0
#: room that a part of a divided area has on average, so that it can be hit
MIN_PART = 1_200.0
HEADER = 17.0
PADDING = 3.0

EDGES, NODES = TaxonomyEdge.__table__, TaxonomyNode.__table__


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


@dataclass
class Area:
    """A rectangle of the map, in units of its drawing; a group has areas inside."""

    branch: Branch | None
    x: float
    y: float
    width: float
    height: float
    more: int
    is_group: bool = False
    parts: list[Area] = field(default_factory=list)

    @property
    def label(self) -> str:
        """As much of the name as fits."""
        name = self.branch.label if self.branch else f"{self.more} more"
        room = int(self.width / 7.2) - 1
        if self.height < 15 or room < 5:
            return ""
        return name if len(name) <= room else f"{name[: room - 1]}…"

    @property
    def inside(self) -> tuple[float, float, float, float]:
        """`x`, `y`, width and height of what its parts have."""
        return (
            self.x + PADDING,
            self.y + HEADER,
            self.width - 2 * PADDING,
            self.height - HEADER - PADDING,
        )

    @property
    def room(self) -> int:
        """Parts that can be hit inside."""
        *_, width, height = self.inside
        return int(max(width, 0) * max(height, 0) / MIN_PART)

    @property
    def may_be_divided(self) -> bool:
        return (
            self.branch is not None
            and self.branch.is_branch
            and self.width * self.height >= MIN_DIVIDED
            and self.room > 1
        )


@dataclass(frozen=True)
class Siblings:
    """The largest topics below one, and what the others come to."""

    shown: list[Branch]
    more: int = 0
    more_target_sum: int = 0

    @classmethod
    def of(cls, branches: Sequence[Branch]) -> Siblings:
        ordered = sorted(branches, key=_largest_first)
        rest = ordered[MAX_SIBLINGS:]
        return cls(ordered[:MAX_SIBLINGS], len(rest), sum(branch.target_sum for branch in rest))

    def within(self, room: int) -> Siblings:
        """The same as at most so many areas, of which one may be that of the others."""
        if len(self.shown) + (self.more > 0) <= room:
            return self
        rest = self.shown[room - 1 :]
        return Siblings(
            self.shown[: room - 1],
            self.more + len(rest),
            self.more_target_sum + sum(branch.target_sum for branch in rest),
        )


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
    places = _Places(topics)
    placed = places.below([under]).where(places.is_here)
    total = db.session.scalar(select(func.count()).select_from(placed.subquery())) or 0
    shown = db.session.execute(placed.limit(MAX_DRAWN).offset(offset)).all()
    end = offset + MAX_DRAWN
    is_end = end >= total
    others = db.session.execute(places.below([under]).where(not_(places.is_here))) if is_end else ()
    elsewhere = [row.child_id for row in others]
    described = _describe(topics, [*(row.child_id for row in shown), *elsewhere], {})
    return Level(
        [described[row.child_id] for row in shown],
        [described[child_id] for child_id in elsewhere],
        total,
        None if is_end else end,
    )


def draw_map(
    topics: ScopeTopics,
    summary: Summary,
    roots: Sequence[Branch],
    width: float = 1000,
    height: float = 320,
) -> list[Area]:
    """Nested areas, each as large as the documents its branch wants; groups before their parts."""
    areas = _divide(Siblings.of(roots), 0, 0, width, height)
    level = areas
    while large := [area for area in level if area.may_be_divided]:
        branches = [area.branch for area in large if area.branch]
        if level is areas and summary.has_children:
            _add_children(topics, summary, [branch for branch in branches if not branch.is_drawn])
        below = {branch.id: Siblings.of(branch.children) for branch in branches if branch.children}
        unknown = [branch.id for branch in branches if branch.id not in below]
        if unknown:
            below |= _find_largest(topics, unknown, max(area.room for area in large))
        for area in large:
            siblings = below.get(area.branch.id) if area.branch else None
            if siblings and siblings.shown:
                area.is_group = True
                area.parts = _divide(siblings.within(area.room), *area.inside)
        level = [part for area in large for part in area.parts]
    return list(_flatten(areas))


def _divide(siblings: Siblings, x: float, y: float, width: float, height: float) -> list[Area]:
    weights = [max(branch.target_sum, 1) for branch in siblings.shown]
    if siblings.more:
        weights.append(max(1, min(siblings.more_target_sum, weights[-1] * 4)))
    if not weights or width <= 0 or height <= 0:
        return []
    sizes = squarify.normalize_sizes(weights, width, height)
    branches = [*siblings.shown, None]
    return [
        Area(branch, place["x"], place["y"], place["dx"], place["dy"], siblings.more)
        for branch, place in zip(
            branches, squarify.squarify(sizes, x, y, width, height), strict=False
        )
    ]


def _flatten(areas: Sequence[Area]) -> Iterator[Area]:
    for area in areas:
        yield area
        yield from _flatten(area.parts)


def _largest_first(branch: Branch) -> tuple[int, str]:
    return -branch.target_sum, branch.label


class _Places:
    """For statements: the topics right below others, in the order of their names, and whether they
    have their place here. One with several parents stands where its canonical path says."""

    def __init__(self, topics: ScopeTopics) -> None:
        # Aliases of tables, because those of classes take milliseconds to make.
        self.edge = EDGES.alias()
        self.child, self.parent = NODES.alias(), NODES.alias()
        self.is_here: ColumnElement[bool] = true() if topics.is_tree else self._is_here(topics)

    def below(self, parents: Sequence[UUID]) -> Select[UUID, UUID, bool]:
        """`parent_id`, `child_id` and `is_here`."""
        edge, child, parent = self.edge, self.child, self.parent
        return (
            select(edge.c.parent_id, edge.c.child_id, self.is_here.label("is_here"))
            .join(child, child.c.id == edge.c.child_id)
            .join(parent, parent.c.id == edge.c.parent_id)
            .where(edge.c.parent_id.in_(parents))
            .order_by(child.c.label_key, child.c.public_id)
        )

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
    rows = db.session.execute(
        _select_topics(topics)
        .where(TaxonomyNode.id.in_(topics.roots))
        .order_by(TaxonomyNode.label_key, TaxonomyNode.public_id)
    )
    return [_branch_of(row, *_sums(summary.pairs_below[row.id])) for row in rows]


def _sums(pairs: Pairs) -> tuple[int, int, int]:
    """`covered`, `target_sum` and `topic_count`."""
    return (
        sum(count * min(pair) for pair, count in pairs.items()),
        sum(count * target for (_, target), count in pairs.items()),
        sum(pairs.values()),
    )


def _add_children(topics: ScopeTopics, summary: Summary, branches: Sequence[Branch]) -> None:
    if not branches:
        return
    by_id = {branch.id: branch for branch in branches}
    rows = db.session.execute(_Places(topics).below(list(by_id))).all()
    described = _describe(topics, [row.child_id for row in rows], summary.pairs_below)
    for row in rows:
        above, child = by_id[row.parent_id], described[row.child_id]
        (above.children if row.is_here else above.elsewhere).append(child)


def _find_largest(topics: ScopeTopics, parents: Sequence[UUID], room: int) -> dict[UUID, Siblings]:
    """By parents, the topics that have their place below them; of those without any, nothing.

    Of each parent's as many as `room`, and what the others come to.
    """
    edge = TaxonomyEdge
    places = _Places(topics)
    placed = places.below(parents).where(places.is_here).order_by(None).subquery()
    below = select(edge.child_id).where(edge.parent_id.in_(parents))
    each = _select_branches(topics, below).subquery()
    parent_id = placed.c.parent_id
    largest_first = (each.c.target_sum.desc(), each.c.label, each.c.node_id)
    ranked = (
        select(
            parent_id,
            each,
            func.row_number().over(partition_by=parent_id, order_by=largest_first).label("rank"),
            func.count().over(partition_by=parent_id).label("sibling_count"),
            func.sum(each.c.target_sum).over(partition_by=parent_id).label("sibling_sum"),
        )
        .join(each, each.c.id == placed.c.child_id)
        .subquery()
    )
    found: dict[UUID, list[Branch]] = defaultdict(list)
    totals: dict[UUID, tuple[int, int]] = {}
    for row in db.session.execute(select(ranked).where(ranked.c.rank <= min(room, MAX_SIBLINGS))):
        found[row.parent_id].append(_branch_of(row, *_sums_of(row)))
        totals[row.parent_id] = row.sibling_count, int(row.sibling_sum)
    return {
        parent_id: Siblings(
            sorted(shown, key=_largest_first),
            totals[parent_id][0] - len(shown),
            totals[parent_id][1] - sum(branch.target_sum for branch in shown),
        )
        for parent_id, shown in found.items()
    }


def _describe(
    topics: ScopeTopics, ids: Sequence[UUID], known: Mapping[UUID, Pairs]
) -> dict[UUID, Branch]:
    """These topics, the sums of which may be known."""
    if not ids:
        return {}
    if known.keys() >= set(ids):
        rows = db.session.execute(_select_topics(topics).where(TaxonomyNode.id.in_(ids)))
        return {row.id: _branch_of(row, *_sums(known[row.id])) for row in rows}
    rows = db.session.execute(_select_branches(topics, ids))
    return {row.id: _branch_of(row, *_sums_of(row)) for row in rows}


def _branch_of(row: Any, covered: int, target_sum: int, topic_count: int) -> Branch:
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


def _sums_of(row: Any) -> tuple[int, int, int]:
    return int(row.covered), int(row.target_sum), row.topic_count


def _select_topics(topics: ScopeTopics) -> Select[Any]:
    """The fields of `Branch` but for the sums."""
    node, edge, own = TaxonomyNode, TaxonomyEdge, topics.select_all()
    child_count = select(func.count()).where(edge.parent_id == node.id).scalar_subquery()
    return select(
        node.id,
        node.public_id.label("node_id"),
        node.label,
        node.canonical_path,
        own.c.documents,
        own.c.wanted,
        child_count.label("child_count"),
    ).join(own, own.c.node_id == node.id)


def _select_branches(topics: ScopeTopics, ids: Any) -> Select[Any]:
    """The fields of `Branch` for these topics, or for those of a select of ids."""
    closure, each = TaxonomyClosure, topics.select_all().alias("each")
    sums = (
        select(
            closure.ancestor_id,
            func.sum(each.c.covered).label("covered"),
            func.sum(each.c.wanted).label("target_sum"),
            func.count().label("topic_count"),
        )
        .join(each, each.c.node_id == closure.descendant_id)
        .where(closure.ancestor_id.in_(ids))
        .group_by(closure.ancestor_id)
        .subquery("sums")
    )
    return (
        _select_topics(topics)
        .add_columns(sums.c.covered, sums.c.target_sum, sums.c.topic_count)
        .join(sums, sums.c.ancestor_id == TaxonomyNode.id)
    )
