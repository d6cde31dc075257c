"""The picture of a hand-off graph: where its boxes and arrows stand."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.agents.handoffs.services import Edge, Graph, Node
from webapp.core.graph.layered import lay_out, path_of

#: agents that are drawn; a picture of more would not be read by anybody
MAX_DRAWN = 120


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
    nodes = {node.id: node for node in graph.nodes}
    degrees = dict.fromkeys(nodes, 0)
    drawable = [edge for edge in graph.edges if edge.target in nodes]
    for edge in drawable:
        degrees[edge.source] += 1
        degrees[edge.target] += 1
    most = set(sorted(nodes, key=lambda key: -degrees[key])[:MAX_DRAWN])
    shown = [key for key in nodes if key in most]
    edges = [edge for edge in drawable if {edge.source, edge.target} <= most]
    layout = lay_out(shown, [(edge.source, edge.target) for edge in edges])
    circles = [set(circle) for circle in graph.cycles]
    looping = set().union(*circles)
    return Drawing(
        layout.width,
        layout.height,
        [Box(nodes[key], *layout.boxes[key], key in looping) for key in shown],
        [
            Arrow(
                edge,
                path_of(route),
                any({edge.source, edge.target} <= circle for circle in circles),
            )
            for edge, route in zip(edges, layout.routes, strict=True)
        ],
        len(nodes) - len(shown),
    )
