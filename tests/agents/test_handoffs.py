"""Hand-offs: the check when saving, the graph as JSON and as a page.

See docs/contract/agents.md, 6.9.
"""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent
from webapp.agents import deletion, services
from webapp.agents.handoffs.drawing import draw
from webapp.agents.handoffs.services import Edge, Graph, Node, get_graph
from webapp.agents.schemas import AgentUpdate
from webapp.core.actor import Actor
from webapp.core.graph.layered import BOX_HEIGHT, BOX_WIDTH


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_bad_targets_are_400_and_every_one_is_named(
    cast: Cast, alice: Actor, charlie: Actor, method: str
) -> None:
    foreign = make_agent(charlie, handle="foreign")
    make_agent(alice, handle="gone")
    deletion.delete_agent("gone", actor=alice)
    make_agent(alice, handle="there")
    make_agent(alice, handle="a")
    missing = str(uuid4())
    targets = ["there", missing, str(foreign.id), "foreign", "gone"]
    path, body = ("/agents", {"name": "N", "instructions": "I"})
    if method == "PUT":
        path, body = "/agents/a", {}
    refused = cast.api("alice").request(method, path, body | {"handoff_targets": targets})
    assert (refused.status_code, refused.json["code"]) == (400, "bad_handoff_targets")
    assert refused.json["extras"]["invalid"] == [missing, str(foreign.id), "foreign", "gone"]
    assert missing in refused.json["detail"]
    assert "same organization" in refused.json["detail"]
    assert len(cast.api("alice").get("/agents").json) == 2


def test_an_agent_cannot_hand_off_to_itself(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="a")
    for itself in ("a", str(agent.id)):
        refused = cast.api("alice").put("/agents/a", {"handoff_targets": [itself]})
        assert (refused.status_code, refused.json["detail"]) == (
            400, "Agent cannot hand off to itself"
        )  # fmt: skip


@pytest.mark.parametrize("nothing", [None, []])
def test_no_targets_pass(cast: Cast, nothing: object) -> None:
    body = {"name": "A", "instructions": "Do.", "handoff_targets": nothing}
    api = cast.api("alice")
    assert api.post("/agents", body).json["handoff_targets"] == []
    assert api.put("/agents/a", {"handoff_targets": nothing}).status_code == 200


def test_the_graph_tells_missing_and_deleted_targets_and_circles(
    cast: Cast, alice: Actor, charlie: Actor
) -> None:
    for handle in ("a", "b", "c", "alone", "gone", "removed"):
        make_agent(alice, handle=handle, name=handle.title())
    make_agent(charlie, handle="theirs")

    def hand(source: str, *targets: str) -> None:
        services.update_agent(source, AgentUpdate(handoff_targets=list(targets)), actor=alice)

    hand("a", "b")
    hand("b", "c", "gone", "removed")
    hand("c", "a")
    deletion.delete_agent("gone", actor=alice)
    deletion.remove_agent("removed", actor=alice)
    answer = cast.api("vera").get("/agents/handoffs").json
    handles = {node["id"]: node["handle"] for node in answer["nodes"]}
    assert sorted(handles.values()) == ["a", "b", "c", "gone"]
    edges = {
        (handles[edge["source"]], handles.get(edge["target"])): edge["state"]
        for edge in answer["edges"]
    }
    assert edges == {
        ("a", "b"): "ok", ("b", "c"): "ok", ("c", "a"): "ok",
        ("b", "gone"): "deleted", ("b", None): "missing",
    }  # fmt: skip
    assert [edge["state"] for edge in answer["broken"]] == ["deleted", "missing"]
    (circle,) = answer["cycles"]
    order = "".join(handles[key] for key in circle)
    assert order in ("abc", "bca", "cab")
    assert answer["unconnected_count"] == 1
    assert cast.api("charlie").get("/agents/handoffs").json["nodes"] == []


def test_thirty_agents_are_drawn_apart_and_every_arrow_has_its_ends() -> None:
    nodes = [Node(uuid4(), f"n{i}", f"Agent {i}", "draft", True, None) for i in range(30)]
    pairs = {(i, j) for i in range(30) for j in (i * 2 + 1, i * 2 + 2, i + 9) if j < 30} | {(7, 0)}
    edges = [Edge(nodes[i].id, nodes[j].id, "ok") for i, j in sorted(pairs)]
    drawing = draw(Graph(nodes, edges, [[nodes[0].id, nodes[3].id, nodes[7].id]], 0))
    assert len(drawing.boxes) == 30
    assert len(drawing.arrows) == len(edges)
    for index, one in enumerate(drawing.boxes):
        assert 0 <= one.x <= drawing.width - BOX_WIDTH
        assert 0 <= one.y <= drawing.height - BOX_HEIGHT
        for other in drawing.boxes[:index]:
            apart = abs(one.x - other.x) >= BOX_WIDTH or abs(one.y - other.y) >= BOX_HEIGHT
            assert apart, (one.node.name, other.node.name)
    assert sum(box.is_in_cycle for box in drawing.boxes) == 3


def test_the_page_draws_the_graph_and_lists_what_is_wrong(browser: Browser, alice: Actor) -> None:
    assert "No agent hands off" in browser.get("/agents/handoffs").body.text()
    make_agent(alice, handle="b", name="Beta")
    make_agent(alice, handle="a", name="Alpha <i>", handoff_targets=["b"])
    services.update_agent("b", AgentUpdate(handoff_targets=["a"]), actor=alice)
    page = browser.get("/agents/handoffs")
    assert [link.attributes["href"] for link in page.css("svg a")] == ["/agents/a", "/agents/b"]
    assert len(page.css("path.arrow.loop")) == 2
    assert "Circles" in page.body.text()
    deletion.delete_agent("b", actor=alice)
    page = browser.get("/agents/handoffs")
    assert "Leading nowhere" in page.body.text()
    restore = page.css_first("form[action$=restoration]").attributes["action"]
    assert "Beta is back" in browser.post(restore).body.text()


def test_the_graph_is_what_the_service_says(alice: Actor) -> None:
    make_agent(alice, handle="b")
    make_agent(alice, handle="a", handoff_targets=["b"])
    graph = get_graph(actor=alice)
    assert [node.handle for node in graph.nodes] == ["a", "b"]
    assert not graph.cycles
    assert not graph.is_cut


def test_the_graph_is_a_list_as_well(browser: Browser, alice: Actor) -> None:
    for handle in ("b", "c"):
        make_agent(alice, handle=handle, name=handle.upper())
    make_agent(alice, handle="a", name="A", handoff_targets=["b", "c"])
    deletion.delete_agent("c", actor=alice)
    page = browser.get("/agents/handoffs")
    listed = page.css_first("#handoff-list dl")
    assert [words_of(line) for line in listed.css("dt, dd")] == ["A", "B", "C deleted"]
    (source,) = {arrow.attributes["data-source"] for arrow in page.css(".graph path.arrow")}
    assert page.css_first(f".graph [data-node='{source}']").attributes["href"] == "/agents/a"
