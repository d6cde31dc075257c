"""An agent's coverage as a map: areas inside of areas, each as large as what its topics want.

It is read a level at a time, and of a level only the largest topics below those that have room.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import squarify
from sqlalchemy import func, select

from webapp.core.extensions import db
from webapp.coverage.services import Summary
from webapp.coverage.topics import EDGES, ScopeTopics, among
from webapp.coverage.tree import (
    NODES,
    Branch,
    Places,
    branch_of,
    describe,
    select_branches,
    sums_of,
    sums_over,
)

#: siblings drawn in the map; the smallest of more are one area
MAX_SIBLINGS = 40
#: an area is divided further from this size on, in units of the drawing
MIN_DIVIDED = 14_000.0
#: room that a part of a divided area has on average, so that it can be hit
MIN_PART = 1_200.0
HEADER = 17.0
PADDING = 3.0


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
        below = {branch.id: Siblings.of(branch.children) for branch in branches if branch.children}
        room = max(area.room for area in large)
        unknown = [branch.id for branch in branches if branch.id not in below]
        if unknown and level is areas and summary.children:
            below |= _take_largest(topics, summary, unknown, room)
        elif unknown:
            below |= _find_largest(topics, unknown, room)
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


def _take_largest(
    topics: ScopeTopics, summary: Summary, parents: Sequence[UUID], room: int
) -> dict[UUID, Siblings]:
    """What `_find_largest` finds, of roots in a tree: the sums of those below them are known."""
    count = min(room, MAX_SIBLINGS)
    sums = {
        child_id: sums_over(summary.pairs_below[child_id])[1]
        for parent_id in parents
        for child_id in summary.children[parent_id]
    }
    statement = select(NODES.c.id, NODES.c.label).where(among(NODES.c.id, sums))
    labels = {row.id: row.label for row in db.session.execute(statement)}
    ordered = {
        parent_id: sorted(children, key=lambda child_id: (-sums[child_id], labels[child_id]))
        for parent_id in parents
        if (children := summary.children[parent_id])
    }
    ids = [child_id for children in ordered.values() for child_id in children[:count]]
    described = describe(topics, ids, summary.pairs_below)
    return {
        parent_id: Siblings(
            [described[child_id] for child_id in children[:count]],
            len(children[count:]),
            sum(sums[child_id] for child_id in children[count:]),
        )
        for parent_id, children in ordered.items()
    }


def _find_largest(topics: ScopeTopics, parents: Sequence[UUID], room: int) -> dict[UUID, Siblings]:
    """By parents, the topics that have their place below them; of those without any, nothing.

    Of each parent's as many as `room`, and what the others come to.
    """
    places = Places(topics)
    placed = places.below(parents).where(places.is_here).order_by(None).subquery()
    below = select(EDGES.c.child_id).where(EDGES.c.parent_id.in_(parents))
    each = select_branches(topics, below).subquery()
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
        found[row.parent_id].append(branch_of(row, *sums_of(row)))
        totals[row.parent_id] = row.sibling_count, int(row.sibling_sum)
    return {
        parent_id: Siblings(
            sorted(shown, key=_largest_first),
            totals[parent_id][0] - len(shown),
            totals[parent_id][1] - sum(branch.target_sum for branch in shown),
        )
        for parent_id, shown in found.items()
    }
