"""Where the boxes and arrows of a hand-off graph stand: layers from left to right.

Agents that can reach each other in a circle share a layer's neighbourhood; an arrow that leads
back is drawn below the boxes. Units are those of the SVG's viewBox.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any
from uuid import UUID

from webapp.agents.handoffs.services import Edge, Graph, Node

BOX_WIDTH, BOX_HEIGHT = 168, 44
GAP_X, GAP_Y = 72, 18
MARGIN = 16
#: room for an arrow's head
TIP = 7
#: agents that are drawn; a picture of more would not be read by anybody
MAX_DRAWN = 120
SWEEPS = 8
LANE_HEIGHT = 16

#: the part of an arrow that passes a layer: source, target, layer
Lane = tuple[UUID, UUID, int]
Place = UUID | Lane


@dataclass(frozen=True)
class Box:
    node: Node
    x: float
    y: float
    is_in_cycle: bool


@dataclass(frozen=True)
class Arrow:
    edge: Edge
    path: str
    is_in_cycle: bool


@dataclass(frozen=True)
class Drawing:
    width: float
    height: float
    boxes: list[Box]
    arrows: list[Arrow]
    hidden_count: int


def draw(graph: Graph) -> Drawing:
    """Lay the graph out; edges to agents that are gone altogether have no box and no arrow."""
    import networkx

    nodes = {node.id: node for node in graph.nodes}
    flow = networkx.DiGraph()
    flow.add_nodes_from(nodes)
    flow.add_edges_from((edge.source, edge.target) for edge in graph.edges if edge.target in nodes)
    shown = _most_connected(flow)
    flow = flow.subgraph(shown)
    layers = _layers(flow)
    lanes = _lanes(flow, layers)
    places = _places(_order(layers, flow, lanes))
    circles = [set(circle) for circle in graph.cycles]
    looping = set().union(*circles) if circles else set()
    boxes = [Box(nodes[key], *places[key], key in looping) for key in nodes if key in places]
    bottom = max((y for _, y in places.values()), default=0) + BOX_HEIGHT + MARGIN
    arrows = [
        Arrow(
            edge,
            _path(
                [
                    places[edge.source],
                    *(places[lane] for lane in lanes[edge.source, edge.target]),
                    places[edge.target],
                ],
                bottom,
            ),
            any({edge.source, edge.target} <= circle for circle in circles),
        )
        for edge in graph.edges
        if (edge.source, edge.target) in lanes
    ]
    goes_back = any(places[a.edge.target][0] < places[a.edge.source][0] for a in arrows)
    width = max((x for x, _ in places.values()), default=0) + BOX_WIDTH + MARGIN
    height = bottom + (GAP_Y * 2 if goes_back else 0)
    return Drawing(width, height, boxes, arrows, len(nodes) - len(shown))


def _most_connected(flow: Any) -> list[UUID]:
    degrees = sorted(flow.degree, key=lambda item: -item[1])
    return [key for key, _ in degrees[:MAX_DRAWN]]


def _layers(flow: Any) -> list[list[Place]]:
    """Longest paths from the left, with every circle taken as one agent and then laid out."""
    import networkx

    condensed = networkx.condensation(flow)
    depth: dict[int, int] = {}
    for group in networkx.topological_sort(condensed):
        before = [
            depth[predecessor] + _span(condensed, predecessor)
            for predecessor in condensed.predecessors(group)
        ]
        depth[group] = max(before, default=0)
    layers: dict[int, list[Place]] = defaultdict(list)
    for group, level in depth.items():
        members = sorted(condensed.nodes[group]["members"], key=str)
        for offset, member in enumerate(members):
            layers[level + offset % _span(condensed, group)].append(member)
    return [layers[level] for level in sorted(layers)]


def _span(condensed: Any, group: int) -> int:
    """How many layers a group takes: one agent one, a circle two."""
    return 1 if len(condensed.nodes[group]["members"]) == 1 else 2


def _lanes(flow: Any, layers: list[list[Place]]) -> dict[tuple[UUID, UUID], list[Lane]]:
    """Give every arrow that passes over layers a free lane in each, so that it crosses no box."""
    level = {key: index for index, layer in enumerate(layers) for key in layer}
    lanes = {}
    for source, target in flow.edges:
        passed = range(level[source] + 1, level[target])
        lanes[source, target] = [(source, target, index) for index in passed]
        for index in passed:
            layers[index].append((source, target, index))
    return lanes


def _order(
    layers: list[list[Place]], flow: Any, lanes: dict[tuple[UUID, UUID], list[Lane]]
) -> list[list[Place]]:
    """Bring each place near the middle of its neighbours, there and back a few times."""
    beside: dict[Place, set[Place]] = defaultdict(set)
    for source, target in flow.edges:
        for above, below in pairwise([source, *lanes[source, target], target]):
            beside[above].add(below)
            beside[below].add(above)
    for sweep in range(SWEEPS):
        there = sweep % 2 == 0
        for index in range(1, len(layers)) if there else range(len(layers) - 2, -1, -1):
            before = layers[index - 1] if there else layers[index + 1]
            rank = {key: place for place, key in enumerate(before)}
            layers[index].sort(key=partial(_middle, rank=rank, beside=beside))
    return layers


def _middle(key: Place, rank: dict[Place, int], beside: dict[Place, set[Place]]) -> float:
    ranks = [rank[neighbour] for neighbour in beside[key] if neighbour in rank]
    return sum(ranks) / len(ranks) if ranks else len(rank) / 2


def _places(layers: list[list[Place]]) -> dict[Place, tuple[float, float]]:
    """The upper left corner of every box, and the same of every lane, as if it were a box."""
    tallest = max((_height(layer) for layer in layers), default=0)
    places: dict[Place, tuple[float, float]] = {}
    for column, layer in enumerate(layers):
        y = MARGIN + (tallest - _height(layer)) / 2
        for key in layer:
            lift = (BOX_HEIGHT - LANE_HEIGHT) / 2 if isinstance(key, tuple) else 0
            places[key] = (MARGIN + column * (BOX_WIDTH + GAP_X), y - lift)
            y += _height([key])
    return places


def _height(layer: list[Place]) -> float:
    return sum(LANE_HEIGHT if isinstance(key, tuple) else BOX_HEIGHT + GAP_Y for key in layer)


def _path(stops: list[tuple[float, float]], bottom: float) -> str:
    """A curve from the right side of the first box along the lanes to the left of the last one."""
    (start_x, start_y), (end_x, end_y) = stops[0], stops[-1]
    x1, y1 = start_x + BOX_WIDTH, start_y + BOX_HEIGHT / 2
    x2, y2 = end_x, end_y + BOX_HEIGHT / 2
    if end_x == start_x:
        # The same column: round the right side.
        out = x1 + GAP_X / 3
        return _curve((x1, y1), (out, y1), (out, y2), (x1 + TIP, y2))
    if end_x < start_x:
        # Back: below everything.
        x1, x2 = start_x + BOX_WIDTH / 2, end_x + BOX_WIDTH / 2
        y1, y2 = start_y + BOX_HEIGHT, end_y + BOX_HEIGHT
        low = bottom + GAP_Y
        return _curve((x1, y1), (x1, low), (x2, low), (x2, y2 + TIP))
    path, at = f"M{x1:.0f},{y1:.0f}", (x1, y1)
    for x, y in [*stops[1:-1], (x2 - TIP, end_y)]:
        y += BOX_HEIGHT / 2
        bend = (x - at[0]) / 2
        path += f" C{at[0] + bend:.0f},{at[1]:.0f} {x - bend:.0f},{y:.0f} {x:.0f},{y:.0f}"
        is_lane = x != x2 - TIP
        at = (x + BOX_WIDTH if is_lane else x, y)
        path += f" H{at[0]:.0f}" if is_lane else ""
    return path


def _curve(*points: tuple[float, float]) -> str:
    start, *rest = (f"{x:.0f},{y:.0f}" for x, y in points)
    return f"M{start} C{' '.join(rest)}"
