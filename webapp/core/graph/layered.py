"""Layered drawing of a directed graph: boxes in columns from left to right, routes between them.

An edge that leads over columns has a lane of its own in each, between the boxes, and between two
columns it bends in the gap: so it crosses no box. What leads back, because the graph has circles,
leaves a box on the left and comes in on the right. Units are those of an SVG's viewBox.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from typing import Any, Generic, TypeVar

BOX_WIDTH, BOX_HEIGHT = 168, 44
GAP_X, GAP_Y = 72, 18
LANE_HEIGHT = 16
MARGIN = 16
#: room for an arrow's head
TIP = 7
SWEEPS = 8

Point = tuple[float, float]
#: start, two controls and end of a cubic Bézier curve
Curve = tuple[Point, Point, Point, Point]
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Lane:
    """Where the edge with a number passes a column."""

    edge: int
    column: int


@dataclass(frozen=True)
class Layout(Generic[K]):
    """`boxes` has the upper left corner of each node, `routes` the way of each edge, in order."""

    width: float
    height: float
    boxes: dict[K, Point]
    routes: list[list[Curve]]


def lay_out(nodes: Sequence[K], edges: Sequence[tuple[K, K]]) -> Layout[K]:
    """Place the nodes, and lead every edge (source, target) round those that are not its ends."""
    column = _columns(nodes, edges)
    lanes = _lanes(column, edges)
    layers: list[list[Any]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for node in nodes:
        layers[column[node]].append(node)
    for lane in chain.from_iterable(lanes):
        layers[lane.column].append(lane)
    ways = [
        [source, *passed, target] for (source, target), passed in zip(edges, lanes, strict=True)
    ]
    corners = _corners(_order(layers, ways))
    ports = _ports(ways, column, corners)
    routes = [_route(way, ports[number], corners) for number, way in enumerate(ways)]
    tallest = max(map(_height, layers), default=0)
    width = 2 * MARGIN + max(len(layers) * (BOX_WIDTH + GAP_X) - GAP_X, 0)
    boxes = {node: corners[node] for node in nodes}
    return Layout(width, 2 * MARGIN + tallest, boxes, routes)


def path_of(route: Iterable[Curve]) -> str:
    """A route as the `d` of an SVG's path."""
    parts: list[str] = []
    for start, *rest in route:
        if not parts:
            parts.append(f"M{_point(start)}")
        parts.append("C" + " ".join(map(_point, rest)))
    return " ".join(parts)


def _point(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


def _columns(nodes: Sequence[K], edges: Sequence[tuple[K, K]]) -> dict[K, int]:
    """Longest paths from the left, as if the edges that close a circle led the other way."""
    import networkx

    flow = networkx.DiGraph()
    flow.add_nodes_from(nodes)
    flow.add_edges_from(edges)
    # A circle begins where most is led away from.
    first = sorted(nodes, key=lambda node: flow.in_degree(node) - flow.out_degree(node))
    ordered = networkx.DiGraph()
    ordered.add_nodes_from(first)
    ordered.add_edges_from(edges)
    # Who is left last comes first; an edge that leads up closes a circle.
    left = list(networkx.dfs_postorder_nodes(ordered))
    rank = {node: place for place, node in enumerate(reversed(left))}
    column = dict.fromkeys(nodes, 0)
    ahead: dict[K, set[K]] = defaultdict(set)
    for ends in edges:
        source, target = sorted(ends, key=rank.__getitem__)
        if source != target:
            ahead[source].add(target)
    for node in rank:
        for target in ahead[node]:
            column[target] = max(column[target], column[node] + 1)
    return column


def _lanes(column: dict[K, int], edges: Sequence[tuple[K, K]]) -> list[list[Lane]]:
    """What each edge passes on its way, in its own direction."""
    lanes = []
    for number, (source, target) in enumerate(edges):
        start, end = column[source], column[target]
        step = 1 if start < end else -1
        lanes.append([Lane(number, passed) for passed in range(start + step, end, step)])
    return lanes


def _order(layers: list[list[Any]], ways: list[list[Any]]) -> list[list[Any]]:
    """Bring each place near the middle of its neighbours, there and back a few times."""
    beside: dict[Any, set[Any]] = defaultdict(set)
    for way in ways:
        for one, next_one in pairwise(way):
            beside[one].add(next_one)
            beside[next_one].add(one)
    for sweep in range(SWEEPS):
        there = sweep % 2 == 0
        for index in range(1, len(layers)) if there else range(len(layers) - 2, -1, -1):
            before = layers[index - 1] if there else layers[index + 1]
            rank = {place: number for number, place in enumerate(before)}
            layers[index].sort(key=partial(_middle, rank=rank, beside=beside))
    return layers


def _middle(place: Any, rank: dict[Any, int], beside: dict[Any, set[Any]]) -> float:
    ranks = [rank[neighbour] for neighbour in beside[place] if neighbour in rank]
    return sum(ranks) / len(ranks) if ranks else len(rank) / 2


def _corners(layers: list[list[Any]]) -> dict[Any, Point]:
    """The upper left corner of every box; of a lane the point where it begins."""
    tallest = max(map(_height, layers), default=0)
    corners: dict[Any, Point] = {}
    for number, layer in enumerate(layers):
        y = MARGIN + (tallest - _height(layer)) / 2
        for place in layer:
            lift = LANE_HEIGHT / 2 if isinstance(place, Lane) else GAP_Y / 2
            corners[place] = (MARGIN + number * (BOX_WIDTH + GAP_X), y + lift)
            y += _height([place])
    return corners


def _height(layer: list[Any]) -> float:
    return sum(LANE_HEIGHT if isinstance(place, Lane) else BOX_HEIGHT + GAP_Y for place in layer)


def _ports(
    ways: list[list[Any]], column: dict[Any, int], corners: dict[Any, Point]
) -> list[tuple[Point, Point]]:
    """Where each edge leaves and where it comes in: apart, in the order of where they lead."""
    sides: dict[tuple[Any, bool], list[tuple[float, bool, int, bool]]] = defaultdict(list)
    for number, way in enumerate(ways):
        is_back = column[way[0]] > column[way[-1]]
        is_loop = column[way[0]] == column[way[-1]]
        # What leads back leaves on the left.
        sides[way[0], not is_back].append((_y(way[1], corners), is_back, number, False))
        sides[way[-1], is_back or is_loop].append((_y(way[-2], corners), is_back, number, True))
    found: dict[tuple[int, bool], Point] = {}
    for (node, is_right), side in sides.items():
        x, y = corners[node]
        for place, (_, _, number, is_end) in enumerate(sorted(side), 1):
            out = BOX_WIDTH if is_right else 0
            room = (TIP if is_right else -TIP) if is_end else 0
            found[number, is_end] = (x + out + room, y + BOX_HEIGHT * place / (len(side) + 1))
    return [(found[number, False], found[number, True]) for number in range(len(ways))]


def _y(place: Any, corners: dict[Any, Point]) -> float:
    return corners[place][1] + (0 if isinstance(place, Lane) else BOX_HEIGHT / 2)


def _route(way: list[Any], ports: tuple[Point, Point], corners: dict[Any, Point]) -> list[Curve]:
    at, end = ports
    if way[0] == way[-1]:
        out = at[0] + GAP_X / 4
        return [(at, (out, at[1]), (out, end[1]), end)]
    route = []
    is_back = end[0] < at[0]
    for lane in way[1:-1]:
        x, y = corners[lane]
        near, far = ((x + BOX_WIDTH, y), (x, y)) if is_back else ((x, y), (x + BOX_WIDTH, y))
        route += [_bend(at, near), _bend(near, far)]
        at = far
    return [*route, _bend(at, end)]


def _bend(start: Point, end: Point) -> Curve:
    """From one side of a gap to the other, level at both ends: it never leaves the gap."""
    middle = (start[0] + end[0]) / 2
    return start, (middle, start[1]), (middle, end[1]), end
