"""Taxonomies: made, grown, read as trees and compared (docs/contract/knowledge.md)."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import networkx
import pytest
from apiflask import APIFlask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_document
from webapp.core.actor import Actor
from webapp.core.errors import BadReference, Conflict, Invalid
from webapp.core.extensions import db
from webapp.documents.models import DocumentNode
from webapp.taxonomies import editing, services
from webapp.taxonomies.graph import Circle, TooDeep, arrange
from webapp.taxonomies.models import (
    Taxonomy,
    TaxonomyClosure,
    TaxonomyEdge,
    TaxonomyNode,
    path_key,
)
from webapp.taxonomies.schemas import NodeQuery, TaxonomyRequest

PATHS = [
    ["Physics", "Aerodynamics", "Wings"],
    ["Physics", "Heat"],
    ["Machines", "Wings"],
]


def grow(actor: Actor, version: str = "1.0.0", **body: Any) -> services.Extension:
    return services.extend_taxonomy(TaxonomyRequest(version=version, **body), actor=actor)


def by_paths(actor: Actor, *paths: list[str], version: str = "1.0.0") -> services.Extension:
    return grow(actor, version, nodes=[{"path": path} for path in paths or PATHS])


@given(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20))
def test_the_closure_is_what_a_graph_library_finds(edges: set[tuple[int, int]]) -> None:
    ids = [UUID(int=number) for number in range(10)]
    parents: dict[UUID, set[UUID]] = {}
    for above, below in edges:
        parents.setdefault(ids[below], set()).add(ids[above])
    graph = networkx.DiGraph((ids[above], ids[below]) for above, below in edges)
    graph.add_nodes_from(ids)
    labels = {key: str(key.int) for key in ids}
    if not networkx.is_directed_acyclic_graph(graph):
        with pytest.raises(Circle) as refused:
            arrange(labels, parents)
        around = refused.value.nodes
        assert around[0] == around[-1]
        assert all(graph.has_edge(*pair) for pair in pairwise(around))
        return
    shape = arrange(labels, parents)
    for node in ids:
        assert shape.ancestors[node] == {node, *networkx.ancestors(graph, node)}
        path = [ids[int(label)] for label in shape.paths[node]]
        assert path[-1] == node
        assert not parents.get(path[0])
        assert all(graph.has_edge(*pair) for pair in pairwise(path))


def test_paths_make_their_missing_parents(cast: Cast) -> None:
    api = cast.api("alice")
    body = {"version": "1.0.0", "nodes": [{"path": path} for path in PATHS]}
    response = api.post("/taxonomies", body)
    assert response.status_code == 201
    nodes = {tuple(node["canonical_path"]): node for node in response.json["nodes"]}
    assert set(nodes) == {
        ("Physics",), ("Physics", "Aerodynamics"), ("Physics", "Aerodynamics", "Wings"),
        ("Physics", "Heat"), ("Machines",), ("Machines", "Wings"),
    }  # fmt: skip
    wings = nodes["Physics", "Aerodynamics", "Wings"]
    assert wings["label"] == "Wings"
    assert wings["parent_ids"] == [nodes["Physics", "Aerodynamics"]["node_id"]]
    assert nodes["Physics",]["parent_ids"] == []
    (listed,) = cast.api("vera").get("/taxonomies").json
    assert (listed["version"], listed["node_count"]) == ("1.0.0", 6)


def test_growing_keeps_every_id_and_makes_nothing_twice(alice: Actor) -> None:
    first = {tuple(node.canonical_path): node.node_id for node in by_paths(alice).nodes}
    again = by_paths(alice, *PATHS, ["Physics", "Sound"])
    assert again.created_count == 1
    later = {tuple(node.canonical_path): node.node_id for node in again.nodes}
    assert first.items() <= later.items()
    assert again.taxonomy.node_count == 7
    target = grow(alice, nodes=[{"path": ["Physics", "Heat"], "target_documents": 12}])
    assert target.created_count == 0
    (heat,) = services.list_nodes("1.0.0", NodeQuery(q="heat"), actor=alice).items
    assert heat.target_documents == 12


def test_topics_that_come_together_lie_together_in_every_index(alice: Actor) -> None:
    paths = [["Wings", f"Topic {number}"] for number in range(30)]
    by_paths(alice, *paths)
    ids = select(TaxonomyNode.label).order_by(TaxonomyNode.id)
    assert [*db.session.scalars(ids)] == ["Wings", *(path[1] for path in paths)]


def test_a_node_may_have_several_parents(cast: Cast, alice: Actor) -> None:
    a, b, c = (str(uuid4()) for _ in range(3))
    body = {
        "version": "2.0.0",
        "nodes": [{"node_id": a, "label": "Physics"}, {"node_id": b, "label": "Machines"},
                  {"node_id": c, "label": "Wings"}],
        "edges": [{"parent": a, "child": c}, {"parent": b, "child": c}],
    }  # fmt: skip
    nodes = {
        node["node_id"]: node for node in cast.api("alice").post("/taxonomies", body).json["nodes"]
    }
    assert sorted(nodes[c]["parent_ids"]) == sorted([a, b])
    assert nodes[c]["canonical_path"] == ["Machines", "Wings"]
    tree = cast.api("vera").get("/taxonomies/2.0.0/tree").json
    machines, physics = tree["roots"]
    assert [child["is_reference"] for child in machines["children"]] == [False]
    assert [child["is_reference"] for child in physics["children"]] == [True]
    pairs = db.session.scalar(select(func.count()).select_from(TaxonomyClosure))
    assert pairs == 5


def test_a_taxonomy_is_a_tree_while_no_topic_has_several_parents(alice: Actor) -> None:
    assert by_paths(alice).taxonomy.is_tree
    ids = {
        tuple(node.canonical_path): node.public_id
        for node in db.session.scalars(select(TaxonomyNode))
    }
    edge = {"parent": ids["Machines",], "child": ids["Physics", "Heat"]}
    assert not grow(alice, nodes=[], edges=[edge]).taxonomy.is_tree
    assert not by_paths(alice, ["Physics", "Light"]).taxonomy.is_tree
    editing.delete_node("1.0.0", ids["Machines",], actor=alice)
    assert db.session.scalars(select(Taxonomy)).one().is_tree


FREE = {"node_id": str(UUID(int=5)), "label": "Physics"}
BELOW = {"path": ["Physics", "Aero"]}


@pytest.mark.parametrize("nodes", [[FREE, BELOW], [BELOW, FREE]])
def test_a_path_goes_by_a_node_of_the_same_request(cast: Cast, nodes: list[Any]) -> None:
    body = {"version": "30.0.0", "nodes": nodes}
    for _ in range(2):
        answer = cast.api("alice").post("/taxonomies", body)
        assert answer.status_code == 201
        made = {tuple(node["canonical_path"]): node for node in answer.json["nodes"]}
        assert len(answer.json["nodes"]) == len(made) == 2
        assert made["Physics",]["node_id"] == FREE["node_id"]
        assert made["Physics", "Aero"]["parent_ids"] == [FREE["node_id"]]


def test_a_path_goes_by_nodes_where_the_edges_of_the_request_hang_them(alice: Actor) -> None:
    top, hung, late = (UUID(int=number) for number in (1, 2, 3))
    grown = grow(
        alice,
        nodes=[
            {"path": ["Physics", "Wings", "Tips"]},
            {"path": ["Wings"], "node_id": late},
            {"node_id": hung, "label": "Wings"},
            {"node_id": top, "label": "Physics"},
        ],
        edges=[{"parent": top, "child": hung}, {"parent": top, "child": late}],
    )
    by_id = {node.node_id: node for node in grown.nodes}
    assert len(by_id) == 4
    (tips,) = (node for node in grown.nodes if node.label == "Tips")
    assert tips.parent_ids == [hung]
    assert by_id[hung].canonical_path == by_id[late].canonical_path == ["Physics", "Wings"]


@pytest.mark.parametrize("order", [(7, 8), (8, 7)])
def test_of_siblings_with_one_name_a_path_names_the_lowest_id(
    alice: Actor, order: tuple[int, int]
) -> None:
    first = UUID(int=7)
    twins = [{"node_id": UUID(int=number), "label": "Physics"} for number in order]
    assert grow(alice, nodes=twins).created_count == 2
    assert services.find_paths("1.0.0", [["Physics"]], actor=alice) == [first]
    grown = grow(alice, nodes=[{"path": ["Physics", "Aero"]}])
    assert [node.parent_ids for node in grown.nodes if node.label == "Aero"] == [[first]]
    document = make_document(alice, title="Heat", nodes=[["Physics"]])
    links = select(DocumentNode).where(DocumentNode.document_id == document.id)
    assert [link.public_id for link in db.session.scalars(links)] == [first]


def test_a_circle_is_refused_by_name_and_changes_nothing(cast: Cast, alice: Actor) -> None:
    grown = by_paths(alice, ["A", "B", "C"])
    ids = {node.label: str(node.node_id) for node in grown.nodes}
    body = {"version": "1.0.0", "nodes": [{"path": ["New"]}],
            "edges": [{"parent": ids["C"], "child": ids["A"]}]}  # fmt: skip
    refused = cast.api("alice").post("/taxonomies", body)
    assert (refused.status_code, refused.json["code"]) == (400, "taxonomy_circle")
    assert "would be a circle" in refused.json["detail"]
    names = refused.json["detail"].split(" would")[0].split(" > ")
    assert names[0] == names[-1]
    assert "".join(names[:-1]) in ("ABC", "BCA", "CAB")
    assert services.get_taxonomy("1.0.0", actor=alice).node_count == 3
    itself = {"edges": [{"parent": ids["A"], "child": ids["A"]}], "nodes": []}
    with pytest.raises(BadReference, match="A > A"):
        grow(alice, **itself)
    assert db.session.scalar(select(func.count()).select_from(TaxonomyEdge)) == 2


def test_ids_that_are_taken_or_missing_are_refused(alice: Actor, charlie: Actor) -> None:
    foreign = by_paths(charlie, ["X"]).nodes[0].node_id
    mine = by_paths(alice, ["A"]).nodes[0].node_id
    with pytest.raises(Conflict, match="taken"):
        grow(alice, "2.0.0", nodes=[{"node_id": mine, "label": "A"}])
    with pytest.raises(Conflict, match="called A"):
        grow(alice, nodes=[{"node_id": mine, "label": "B"}])
    with pytest.raises(BadReference, match=str(foreign)):
        grow(alice, nodes=[], edges=[{"parent": foreign, "child": mine}])
    assert [item.version for item in services.list_taxonomies(actor=alice)] == ["1.0.0"]


@pytest.mark.parametrize(
    "body",
    [
        {"version": "1", "nodes": [{"path": ["A"]}]}, {"version": "1.0.0", "nodes": []},
        {"version": "01.0.0", "nodes": [{"path": ["A"]}]}, {"version": "1.0.0"},
        {"version": "1.0.0", "nodes": [{"path": []}]},
        {"version": "1.0.0", "nodes": [{"path": [" "]}]},
        {"version": "1.0.0", "nodes": [{"path": ["x" * 256]}]},
        {"version": "1.0.0", "nodes": [{"path": ["a"] * 21}]},
        {"version": "1.0.0", "nodes": [{"label": "A"}]}, {"version": "1.0.0", "nodes": [{}]},
        {"version": "1.0.0", "nodes": [{"path": ["A"], "target_documents": -1}]},
        {"version": "1.0.0", "nodes": [{"path": ["A"], "colour": "red"}]},
        {"version": "1.0.0", "nodes": [{"path": ["A"]}], "edges": [{"parent": "x", "child": "y"}]},
    ],
)  # fmt: skip
def test_a_wrong_shape_is_422(cast: Cast, body: dict[str, Any]) -> None:
    api = cast.api("alice")
    assert api.post("/taxonomies", body).status_code == 422
    assert api.get("/taxonomies").json == []


def test_edges_do_not_make_it_deeper_than_it_may_be(alice: Actor) -> None:
    first = by_paths(alice, [f"a{n}" for n in range(20)])
    second = by_paths(alice, ["b"])
    edge = {"parent": first.nodes[-1].node_id, "child": second.nodes[0].node_id}
    with pytest.raises(Invalid, match="20 levels"):
        grow(alice, nodes=[], edges=[edge])
    ids = [UUID(int=number) for number in range(21)]
    chain = {below: {above} for above, below in pairwise(ids)}
    with pytest.raises(TooDeep):
        arrange(dict.fromkeys(ids, "x"), chain)


def test_nodes_are_found_by_any_part_of_their_path(cast: Cast, alice: Actor) -> None:
    by_paths(alice, *PATHS, ["100%_Ärzte"])
    api = cast.api("vera")

    def found(query: str) -> list[list[str]]:
        return [node["canonical_path"] for node in api.get(f"/taxonomies/1.0.0/nodes{query}").json]

    assert found("?q=wings") == [["Machines", "Wings"], ["Physics", "Aerodynamics", "Wings"]]
    assert found("?q=ÄRZTE") == found("?q=%25_") == [["100%_Ärzte"]]
    assert found("?q=Physics %3E heat") == [["Physics", "Heat"]]
    assert len(found("?limit=3")) == 3
    assert api.get("/taxonomies/1.0.0/nodes").headers["X-Total-Count"] == "7"
    for path in ("/taxonomies/9.9.9/nodes", "/taxonomies/x/tree", "/taxonomies/1.0.0/compare/x"):
        assert api.get(path).status_code == 404
    assert cast.api("charlie").get("/taxonomies/1.0.0/tree").status_code == 404


def test_siblings_of_one_name_are_kept_and_told(cast: Cast, browser: Browser) -> None:
    top, first, second = (str(uuid4()) for _ in range(3))
    nodes = [
        {"node_id": top, "label": "Physics"},
        {"node_id": first, "label": "Sound"},
        {"node_id": second, "label": "SOUND"},
    ]
    edges = [{"parent": top, "child": child} for child in (first, second)]
    body = {"version": "1.0.0", "nodes": nodes, "edges": edges}
    answer = cast.api("alice").post("/taxonomies", body)
    assert answer.status_code == 201
    (warning,) = answer.json["warnings"]
    assert warning.casefold() == "several topics under physics are called sound."
    # Whoever adds something else hears nothing of it.
    other = {"version": "1.0.0", "nodes": [{"path": ["Physics", "Heat"]}]}
    assert cast.api("alice").post("/taxonomies", other).json["warnings"] == []
    alone = {"version": "2.0.0", "content": json.dumps({**body, "nodes": [
        {**node, "node_id": node["node_id"][:-4] + "beef"} for node in nodes], "edges": [
        {key: value[:-4] + "beef" for key, value in edge.items()} for edge in edges]})}  # fmt: skip
    page = browser.post("/taxonomies", alone)
    assert "3 topics at 2 levels added to 2.0.0. Several topics under Physics" in words_of(
        page.css_first("#toasts")
    )


def test_two_versions_are_compared_by_their_paths(cast: Cast, alice: Actor) -> None:
    by_paths(alice)
    by_paths(alice, ["Physics", "Heat"], ["Physics", "Sound"], version="1.10.0")
    by_paths(alice, ["Physics"], version="1.9.0")
    answer = cast.api("vera").get("/taxonomies/1.0.0/compare/1.10.0").json
    assert answer["added"] == [["Physics", "Sound"]]
    assert answer["removed"] == [
        ["Machines"], ["Machines", "Wings"], ["Physics", "Aerodynamics"],
        ["Physics", "Aerodynamics", "Wings"],
    ]  # fmt: skip
    assert answer["kept_count"] == 2
    versions = [item.version for item in services.list_taxonomies(actor=alice)]
    assert versions == ["1.10.0", "1.9.0", "1.0.0"]


def test_the_database_compares_versions_as_sets_of_their_paths_would(alice: Actor) -> None:
    """Long paths, whose keys are cut, namesakes, and one path that another's key spells as well."""
    long = ["a" * 255, "b" * 255]
    twins = [{"node_id": str(UUID(int=number)), "label": "Twin"} for number in (1, 2)]
    spelt = [["Salt", "Sea"], ["Salt\x1fSea"]]
    versions = {
        "1.0.0": [*twins, *({"path": path} for path in ([*long, "c"], ["Tea", "Green"], spelt[0]))],
        "1.1.0": [{"path": path} for path in (["Twin"], [*long, "d"], ["Tea", "Black"], spelt[1])],
    }
    for version, nodes in versions.items():
        body = TaxonomyRequest.model_validate({"version": version, "nodes": nodes})
        services.extend_taxonomy(body, actor=alice)
    before, after = (
        {tuple(node.canonical_path) for node in db.session.scalars(
            select(TaxonomyNode).join(Taxonomy).where(Taxonomy.version == version))}
        for version in versions
    )  # fmt: skip

    def in_order(paths: set[tuple[str, ...]]) -> list[list[str]]:
        return [list(path) for path in sorted(paths, key=lambda path: (path_key(path), path))]

    found = services.compare_taxonomies(*versions, actor=alice)
    assert found.added == in_order(after - before)
    assert found.removed == in_order(before - after)
    assert found.kept_count == len(before & after)
    counts = found.added_count, found.removed_count
    assert counts == (len(after - before), len(before - after))
    some = services.compare_taxonomies(*versions, actor=alice, limit=2)
    assert len(some.added) == len(some.removed) == 2
    assert (some.added_count, some.removed_count) == counts
    same = services.compare_taxonomies("1.0.0", "1.0.0", actor=alice)
    assert (same.added, same.removed, same.kept_count) == ([], [], len(before))


def test_two_who_grow_it_at_once_make_each_node_once(app: APIFlask, alice: Actor) -> None:
    def run(number: int) -> None:
        with app.app_context():
            by_paths(alice, ["Shared", f"Leaf {number % 3}"])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(run, range(12)))
    assert db.session.scalar(select(func.count()).select_from(TaxonomyNode)) == 4
    assert services.get_taxonomy("1.0.0", actor=alice).node_count == 4


def test_postgresql_counts_anew_after_many_topics(alice: Actor) -> None:
    """It takes tables that it last counted when they were empty for empty ones."""
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite plans well without")
    db.session.execute(text("ANALYZE"))
    db.session.commit()
    by_paths(alice, *(["All", f"Topic {number}"] for number in range(1_000)))
    tables = ["taxonomy_nodes", "node_stats", "taxonomy_edges", "taxonomy_closure"]
    counted = text("SELECT relname, reltuples FROM pg_class WHERE relname = ANY(:tables)")
    rows = db.session.execute(counted, {"tables": tables}).tuples()
    assert {name: int(count) for name, count in rows} == dict(
        zip(tables, (1_001, 1_001, 1_000, 2_001), strict=True)
    )


def test_deleting_takes_all_of_it(browser: Browser, alice: Actor) -> None:
    by_paths(alice)
    by_paths(alice, ["Other"], version="2.0.0")
    browser.post("/taxonomies/1.0.0/deletion")
    for model, count in ((TaxonomyNode, 1), (TaxonomyEdge, 0), (TaxonomyClosure, 1)):
        assert db.session.scalar(select(func.count()).select_from(model)) == count


def test_the_pages_import_csv_and_json_and_show_the_tree(browser: Browser, alice: Actor) -> None:
    assert "No taxonomy yet" in browser.get("/taxonomies").body.text()
    text = 'Physics,Aerodynamics,"Wings, tails"\nPhysics > Heat\n\nMachines,,\n'
    file = {"version": "1.0.0", "file": (io.BytesIO(text.encode()), "topics.csv")}
    page = browser.post("/taxonomies", file, content_type="multipart/form-data")
    assert "5 topics at 3 levels added to 1.0.0." in page.css_first("#toasts").text()
    leaves = page.css(".tree > li:not(:has(> ul)) .row-title")
    assert [node.text(strip=True) for node in leaves] == ["Machines"]
    assert "Wings, tails" in page.css_first(".tree li li li").text()
    text = json.dumps({"nodes": [{"path": ["Physics", "Sound"], "target_documents": 3}]})
    page = browser.post("/taxonomies", {"version": "1.0.0", "content": text})
    assert "target 3" in page.css_first(".tree").text()
    page = browser.get("/taxonomies/1.0.0?q=sound")
    assert words_of(page.css_first("#nodes li")).startswith("Physics › Sound")
    assert "No topic matches" in browser.get("/taxonomies/1.0.0?q=nothing").body.text()
    services.extend_taxonomy(
        TaxonomyRequest(version="1.1.0", nodes=[{"path": ["Physics"]}]), actor=alice
    )
    page = browser.get("/taxonomies")
    assert words_of(page.css_first(".head .button")) == "New version"
    assert words_of(browser.get("/taxonomies/new").css_first("h1")) == "New version of the taxonomy"
    page = browser.get("/taxonomies/1.1.0/compare?from=1.0.0")
    assert "Physics › Sound" in page.css_first("del").parent.parent.text()
    assert "0 added, 5 removed, 1 kept." in words_of(page.css_first("main"))
    assert "Nothing differs" in browser.get("/taxonomies/1.1.0/compare?from=1.1.0").body.text()
    # Without a word of it, with the version before; the first has none.
    page = browser.get("/taxonomies/1.1.0/compare")
    assert page.css_first("h1").text() == "Taxonomy 1.0.0 to 1.1.0"
    assert "Physics › Sound" in page.css_first("del").parent.parent.text()
    assert "Nothing differs" in browser.get("/taxonomies/1.0.0/compare").body.text()


def test_the_page_says_what_is_wrong(browser: Browser) -> None:
    for content, version, words in (
        ("", "1.0.0", "Choose a file"),
        ("A > B", "one", "version"),
        ("{", "1.0.0", "not JSON"),
        ('{"nodes": [{"path": ["A"], "target_documents": NaN}]}', "1.0.0", "not JSON"),
        ("A > > B", "1.0.0", "Line 1 has nothing above “B”."),
        ('[{"path": 3}]', "1.0.0", "nodes.0.path"),
    ):
        page = browser.post("/taxonomies", {"version": version, "content": content}, status=422)
        shown = " ".join(node.text() for node in page.css(".error, .notice.bad"))
        assert words in shown, (content, shown)


def test_a_new_version_is_proposed_that_is_not_there(browser: Browser, alice: Actor) -> None:
    def proposed(path: str = "/taxonomies/new") -> str | None:
        (field,) = browser.get(path).css("input[name=version]")
        return field.attributes["value"]

    assert proposed() == "1.0.0"
    grow(alice, "2.0.0", nodes=[{"path": ["Physics"]}])
    assert proposed() == "2.1.0"
    assert proposed("/taxonomies/new?version=2.0.0") == "2.0.0"
