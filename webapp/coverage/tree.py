"""An agent's coverage as a person looks at it: a tree with sums, and a map of areas."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import squarify
from sqlalchemy import Select, select

from webapp.agents.models import Agent
from webapp.core.extensions import db
from webapp.coverage.services import Coverage, share
from webapp.taxonomies.models import TaxonomyClosure, TaxonomyEdge, TaxonomyNode
from webapp.taxonomies.references import select_below

#: topics of the tree that come with the page
MAX_DRAWN = 120
#: siblings drawn in the map; the smallest of more are one area
MAX_SIBLINGS = 40
#: an area is divided further from this size on, in units of the drawing
MIN_DIVIDED = 14_000.0
HEADER = 17.0
PADDING = 3.0


@dataclass
class Branch:
    """A topic of the scope with those below it, each at one place; `elsewhere` are the others.

    `covered` and `target_sum` are sums over the branch: of `min(documents, target)`, of targets.
    """

    node_id: UUID
    label: str
    path: list[str]
    documents: int
    target: int
    children: list[Branch] = field(default_factory=list)
    elsewhere: list[Branch] = field(default_factory=list)
    covered: int = 0
    target_sum: int = 0
    topic_count: int = 1

    @property
    def is_branch(self) -> bool:
        return bool(self.children or self.elsewhere)

    @property
    def percent(self) -> float:
        """Of the whole branch."""
        return share(self.covered, self.target_sum)

    @property
    def own_percent(self) -> float:
        return share(self.documents, self.target)


@dataclass(frozen=True)
class Area:
    """A rectangle of the map, in units of its drawing."""

    branch: Branch | None
    x: float
    y: float
    width: float
    height: float
    is_group: bool
    more: int = 0

    @property
    def label(self) -> str:
        """As much of the name as fits."""
        name = self.branch.label if self.branch else f"{self.more} more"
        room = int(self.width / 7.2) - 1
        if self.height < 15 or room < 5:
            return ""
        return name if len(name) <= room else f"{name[: room - 1]}…"


def draw_tree(agent: Agent, coverage: Coverage) -> list[Branch]:
    """The topics of the scope; one with several parents stands where its canonical path says."""
    below = select_below(agent.scope_id)
    branches = {}
    for row in db.session.execute(
        select(
            TaxonomyNode.id,
            TaxonomyNode.public_id,
            TaxonomyNode.label,
            TaxonomyNode.canonical_path,
        )
        .where(TaxonomyNode.id.in_(below))
        .order_by(TaxonomyNode.path_key, TaxonomyNode.public_id)
    ):
        key = str(row.public_id)
        if key in coverage.document_counts:  # else it has come since that was measured
            counts = coverage.document_counts[key], coverage.target_counts[key]
            branches[row.id] = Branch(row.public_id, row.label, row.canonical_path, *counts)
    parents: dict[UUID, list[UUID]] = defaultdict(list)
    for up, down in db.session.execute(
        select(TaxonomyEdge.parent_id, TaxonomyEdge.child_id).where(
            TaxonomyEdge.child_id.in_(below)
        )
    ):
        if up in branches:
            parents[down].append(up)
    roots = []
    for node_id, branch in branches.items():
        above = [branches[up] for up in parents[node_id]]
        canonical = [up for up in above if up.path == branch.path[:-1]]
        if above:
            place = (canonical or above)[0]
            place.children.append(branch)
            for other in above:
                if other is not place:
                    other.elsewhere.append(branch)
        else:
            roots.append(branch)
    for root in roots:
        _add_up(root)
    if any(branch.elsewhere for branch in branches.values()):
        _add_up_all_ways(branches, below)
    return roots


def find_branch(roots: Sequence[Branch], node_id: UUID) -> Branch | None:
    """The one of a topic; None where the tree has no such topic."""
    left = list(roots)
    while left:
        branch = left.pop()
        if branch.node_id == node_id:
            return branch
        left += branch.children
    return None


def choose_drawn(roots: Sequence[Branch]) -> set[UUID]:
    """The branches whose children are drawn with the page: from the top, while there is room."""
    drawn, room, left = set(), MAX_DRAWN - len(roots), deque(roots)
    while left:
        branch = left.popleft()
        room -= len(branch.children) + len(branch.elsewhere)
        if room < 0:
            break
        drawn.add(branch.node_id)
        left += branch.children
    return drawn


def _add_up_all_ways(branches: Mapping[UUID, Branch], below: Select[UUID]) -> None:
    """The sums where topics have several parents: each counts once in every branch above it."""
    for branch in branches.values():
        branch.covered = branch.target_sum = branch.topic_count = 0
    pairs = select(TaxonomyClosure.ancestor_id, TaxonomyClosure.descendant_id)
    for up, down in db.session.execute(pairs.where(TaxonomyClosure.descendant_id.in_(below))):
        if up in branches:
            above, topic = branches[up], branches[down]
            above.covered += min(topic.documents, topic.target)
            above.target_sum += topic.target
            above.topic_count += 1


def _add_up(branch: Branch) -> None:
    branch.covered, branch.target_sum = min(branch.documents, branch.target), branch.target
    for child in branch.children:
        _add_up(child)
        branch.covered += child.covered
        branch.target_sum += child.target_sum
        branch.topic_count += child.topic_count


def draw_map(roots: Sequence[Branch], width: float = 1000, height: float = 320) -> list[Area]:
    """Nested areas, each as large as the documents its branch wants; groups before their parts."""
    areas: list[Area] = []
    _divide(roots, 0, 0, width, height, areas)
    return areas


def _divide(
    branches: Sequence[Branch], x: float, y: float, width: float, height: float, areas: list[Area]
) -> None:
    ordered = sorted(branches, key=lambda branch: (-branch.target_sum, branch.label))
    shown, rest = ordered[:MAX_SIBLINGS], ordered[MAX_SIBLINGS:]
    weights = [max(branch.target_sum, 1) for branch in shown]
    if rest:
        weights.append(max(1, min(sum(branch.target_sum for branch in rest), weights[-1] * 4)))
    if not weights or width <= 0 or height <= 0:
        return
    sizes = squarify.normalize_sizes(weights, width, height)
    for at, place in enumerate(squarify.squarify(sizes, x, y, width, height)):
        branch = shown[at] if at < len(shown) else None
        is_group = bool(branch and branch.children and place["dx"] * place["dy"] >= MIN_DIVIDED)
        areas.append(
            Area(branch, place["x"], place["y"], place["dx"], place["dy"], is_group, len(rest))
        )
        if branch and is_group:
            _divide(
                branch.children,
                place["x"] + PADDING,
                place["y"] + HEADER,
                place["dx"] - 2 * PADDING,
                place["dy"] - HEADER - PADDING,
                areas,
            )
