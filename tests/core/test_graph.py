"""Layered drawing: boxes apart, and edges that cross no box."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.core.graph.layered import (
    BOX_HEIGHT,
    BOX_WIDTH,
    TIP,
    Curve,
    Layout,
    Point,
    lay_out,
    path_of,
)

STEPS = 24
graphs = st.integers(1, 14).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.lists(
            st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)),
            max_size=40,
            unique=True,
        ),
    )
)


@settings(deadline=None, max_examples=150)
@given(graphs)
def test_no_edge_crosses_a_box_and_boxes_stand_apart(
    graph: tuple[int, list[tuple[int, int]]],
) -> None:
    count, edges = graph
    layout = lay_out(range(count), edges)
    for one, other in combinations(layout.boxes.values(), 2):
        assert abs(one[0] - other[0]) >= BOX_WIDTH or abs(one[1] - other[1]) >= BOX_HEIGHT
    for x, y in layout.boxes.values():
        assert 0 <= x <= layout.width - BOX_WIDTH
        assert 0 <= y <= layout.height - BOX_HEIGHT
    for edge, route in zip(edges, layout.routes, strict=True):
        points = [point for curve in route for point in _walk(curve)]
        assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in points)
        for part in pairwise(points):
            for node, corner in layout.boxes.items():
                assert not _crosses(part, corner), (edge, "crosses", node)
        assert _touches(points[0], edge[0], layout, room=0)
        assert _touches(points[-1], edge[1], layout, room=TIP)
        for curve, following in pairwise(route):
            assert curve[-1] == following[0]


@given(graphs)
@settings(deadline=None, max_examples=30)
def test_no_two_edges_share_an_end_of_theirs(graph: tuple[int, list[tuple[int, int]]]) -> None:
    count, edges = graph
    routes = lay_out(range(count), edges).routes
    starts = [route[0][0] for route in routes]
    ends = [route[-1][-1] for route in routes]
    assert len(set(starts)) == len(set(ends)) == len(edges)


def test_a_circle_is_a_row_with_one_edge_that_leads_back() -> None:
    layout = lay_out("abc", [("a", "b"), ("b", "c"), ("c", "a")])
    assert layout.boxes["a"][0] < layout.boxes["b"][0] < layout.boxes["c"][0]
    start, end = layout.routes[2][0][0], layout.routes[2][-1][-1]
    assert start[0] == layout.boxes["c"][0]
    assert end[0] == layout.boxes["a"][0] + BOX_WIDTH + TIP


def test_a_longer_way_goes_round_the_box_between() -> None:
    layout = lay_out("abc", [("a", "b"), ("b", "c"), ("a", "c")])
    (_, _, _, near), (_, _, _, far), _ = layout.routes[2]
    x, y = layout.boxes["b"]
    assert (near[0], far[0]) == (x, x + BOX_WIDTH)
    assert near[1] == far[1]
    assert not y - 8 <= near[1] <= y + BOX_HEIGHT + 8


def test_a_path_is_one_line_of_curves() -> None:
    layout = lay_out("ab", [("a", "b")])
    assert path_of(layout.routes[0]) == "M184.0,47.0 C216.5,47.0 216.5,47.0 249.0,47.0"
    assert lay_out([], []) == Layout(32, 32, {}, [])


def _walk(curve: Curve) -> list[Point]:
    """Points along a curve."""
    points = []
    for step in range(STEPS + 1):
        t = step / STEPS
        shares = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        x = sum(share * point[0] for share, point in zip(shares, curve, strict=True))
        y = sum(share * point[1] for share, point in zip(shares, curve, strict=True))
        points.append((x, y))
    return points


def _crosses(part: tuple[Point, Point], corner: Point) -> bool:
    """Whether a line comes inside a box, its border left out (Liang and Barsky)."""
    (x, y), (end_x, end_y) = part
    enter, leave = 0.0, 1.0
    for start, way, low, high in (
        (x, end_x - x, corner[0] + 0.01, corner[0] + BOX_WIDTH - 0.01),
        (y, end_y - y, corner[1] + 0.01, corner[1] + BOX_HEIGHT - 0.01),
    ):
        if not way:
            if not low < start < high:
                return False
            continue
        first, last = sorted(((low - start) / way, (high - start) / way))
        enter, leave = max(enter, first), min(leave, last)
    return enter < leave


def _touches(point: Point, node: int, layout: Layout[int], *, room: float) -> bool:
    x, y = layout.boxes[node]
    is_beside = point[0] in (x - room, x + BOX_WIDTH + room)
    return is_beside and y < point[1] < y + BOX_HEIGHT
