"""A taxonomy's shape: the order without circles, the canonical paths, and who is above whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from uuid import UUID

#: levels from a root to a leaf
MAX_DEPTH = 20


class Circle(Exception):
    """Nodes that would each be a part of the next, and the last one of the first."""

    def __init__(self, nodes: list[UUID]) -> None:
        super().__init__(nodes)
        self.nodes = nodes


class TooDeep(Exception):
    """A way from a root to a leaf has more than MAX_DEPTH nodes."""


@dataclass(frozen=True)
class Shape:
    """By node: its canonical path, and all nodes above it with itself."""

    paths: dict[UUID, list[str]]
    ancestors: dict[UUID, frozenset[UUID]]


def arrange(labels: Mapping[UUID, str], parents: Mapping[UUID, set[UUID]]) -> Shape:
    """The shape of the graph; raises Circle or TooDeep."""
    try:
        order = list(
            TopologicalSorter({node: parents.get(node, ()) for node in labels}).static_order()
        )
    except CycleError as error:
        raise Circle(list(error.args[1])) from error
    paths: dict[UUID, list[str]] = {}
    ancestors: dict[UUID, frozenset[UUID]] = {}
    depth: dict[UUID, int] = {}
    for node in order:
        above = parents.get(node, set())
        depth[node] = 1 + max((depth[parent] for parent in above), default=0)
        if depth[node] > MAX_DEPTH:
            raise TooDeep
        ways = sorted((len(paths[parent]), paths[parent]) for parent in above)
        paths[node] = [*(ways[0][1] if ways else []), labels[node]]
        ancestors[node] = frozenset({node}).union(*(ancestors[parent] for parent in above))
    return Shape(paths, ancestors)
