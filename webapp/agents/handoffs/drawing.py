"""Where the boxes and arrows of a hand-off graph stand: layers from left to right.

Agents that can reach each other in a circle share a layer's neighbourhood; an arrow that leads
back is drawn below the boxes. Units are those of the SVG's viewBox.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from webapp.agents.handoffs.services import Edge, Graph, Node

BOX_WIDTH, BOX_HEIGHT = 168, 44
GAP_X, GAP_Y = 96, 18
MARGIN = 16
#: room for an arrow's head
TIP = 7
#: agents that are drawn; a picture of more would not be read by anybody
MAX_DRAWN = 120
SWEEPS = 8


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
    layers = _order(_layers(flow), flow)
    circles = [set(circle) for circle in graph.cycles]
    looping = set().union(*circles) if circles else set()
    places = _places(layers)
    boxes = [Box(nodes[key], x, y, key in looping) for key, (x, y) in places.items()]
    height = max((y for _, y in places.values()), default=0) + BOX_HEIGHT + MARGIN
    arrows = [
        Arrow(
            edge,
            _path(places[edge.source], places[edge.target], height),
            any({edge.source, edge.target} <= circle for circle in circles),
        )
        for edge in graph.edges
        if edge.source in places and edge.target in places
    ]
    goes_back = any(places[a.edge.target][0] <= places[a.edge.source][0] for a in arrows)
    width = max((x for x, _ in places.values()), default=0) + BOX_WIDTH + MARGIN
    bottom = height + (GAP_Y * 2 if goes_back else 0)
    return Drawing(width, bottom, boxes, arrows, len(nodes) - len(shown))


def _most_connected(flow: Any) -> list[UUID]:
    degrees = sorted(flow.degree, key=lambda item: -item[1])
    return [key for key, _ in degrees[:MAX_DRAWN]]


def _layers(flow: Any) -> list[list[UUID]]:
    """Longest paths from the left, with every circle taken as one agent and then laid out."""
    import networkx

    condensed = networkx.condensation(flow)
    depth: dict[int, int] = {}
    for group in networkx.topological_sort(condensed):
        before = [depth[other] + _span(condensed, other) for other in condensed.predecessors(group)]
        depth[group] = max(before, default=0)
    layers: dict[int, list[UUID]] = defaultdict(list)
    for group, level in depth.items():
        members = sorted(condensed.nodes[group]["members"], key=str)
        for offset, member in enumerate(members):
            layers[level + offset % _span(condensed, group)].append(member)
    return [layers[level] for level in sorted(layers)]


def _span(condensed: Any, group: int) -> int:
    """How many layers a group takes: one agent one, a circle two."""
    return 1 if len(condensed.nodes[group]["members"]) == 1 else 2


def _order(layers: list[list[UUID]], flow: Any) -> list[list[UUID]]:
    """Bring each agent near the middle of its neighbours, there and back a few times."""
    for sweep in range(SWEEPS):
        rows = range(1, len(layers)) if sweep % 2 == 0 else range(len(layers) - 2, -1, -1)
        for index in rows:
            beside = layers[index - 1] if sweep % 2 == 0 else layers[index + 1]
            rank = {key: place for place, key in enumerate(beside)}
            layers[index].sort(key=partial(_middle, rank=rank, flow=flow))
    return layers


def _middle(key: UUID, rank: dict[UUID, int], flow: Any) -> float:
    neighbours = {*flow.predecessors(key), *flow.successors(key)}
    ranks = [rank[other] for other in neighbours if other in rank]
    return sum(ranks) / len(ranks) if ranks else len(rank) / 2


def _places(layers: list[list[UUID]]) -> dict[UUID, tuple[float, float]]:
    tallest = max((len(layer) for layer in layers), default=0)
    places: dict[UUID, tuple[float, float]] = {}
    for column, layer in enumerate(layers):
        free = (tallest - len(layer)) * (BOX_HEIGHT + GAP_Y) / 2
        for row, key in enumerate(layer):
            places[key] = (
                MARGIN + column * (BOX_WIDTH + GAP_X),
                MARGIN + free + row * (BOX_HEIGHT + GAP_Y),
            )
    return places


def _path(start: tuple[float, float], end: tuple[float, float], bottom: float) -> str:
    """A curve from the right side of one box to the left side of another."""
    x1, y1 = start[0] + BOX_WIDTH, start[1] + BOX_HEIGHT / 2
    x2, y2 = end[0], end[1] + BOX_HEIGHT / 2
    if x2 > x1:
        bend = (x2 - x1) / 2
        return _curve((x1, y1), (x1 + bend, y1), (x2 - bend, y2), (x2 - TIP, y2))
    if x2 + BOX_WIDTH == x1:
        # The same column: round the right side.
        out = x1 + GAP_X / 3
        return _curve((x1, y1), (out, y1), (out, y2), (x1 + TIP, y2))
    x1, x2 = start[0] + BOX_WIDTH / 2, end[0] + BOX_WIDTH / 2
    y1, y2 = start[1] + BOX_HEIGHT, end[1] + BOX_HEIGHT
    low = bottom + GAP_Y
    return _curve((x1, y1), (x1, low), (x2, low), (x2, y2 + TIP))


def _curve(*points: tuple[float, float]) -> str:
    start, *rest = (f"{x:.0f},{y:.0f}" for x, y in points)
    return f"M{start} C{' '.join(rest)}"
