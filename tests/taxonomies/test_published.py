"""Two organizations load the same published taxonomy, with its ids, and see only their own."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from tests.cast import Api, Cast
from webapp.core.actor import Actor
from webapp.core.errors import Conflict
from webapp.core.extensions import db
from webapp.documents.bulk import services as bulk
from webapp.documents.bulk.schemas import BulkRequest
from webapp.documents.models import DocumentNode
from webapp.tasks import running
from webapp.taxonomies import services
from webapp.taxonomies.models import TaxonomyClosure, TaxonomyNode
from webapp.taxonomies.schemas import TaxonomyRequest

VERSION = "1.0.0"
LABELS = ("Drinks", "Tea", "Coffee", "Hot")
IDS = {label: str(uuid4()) for label in LABELS}
#: Drinks > Tea, Drinks > Coffee; Hot > Tea as well
PUBLISHED = {
    "nodes": [{"node_id": IDS[label], "label": label, "target_documents": 2} for label in LABELS],
    "edges": [
        {"parent": IDS[above], "child": IDS[below]}
        for above, below in (("Drinks", "Tea"), ("Drinks", "Coffee"), ("Hot", "Tea"))
    ],
}


@pytest.fixture
def both(cast: Cast) -> tuple[Api, Api]:
    """Alice has loaded it through the API and Charlie on the page; each has documents, an agent."""
    ours, theirs = cast.api("alice"), cast.api("charlie")
    assert ours.post("/taxonomies", {"version": VERSION, **PUBLISHED}).status_code == 201
    form = {"version": VERSION, "content": json.dumps(PUBLISHED)}
    cast.browser("charlie").post("/taxonomies", form)
    for api, titles in ((ours, ("Our sencha", "Our assam")), (theirs, ("Their oolong",))):
        for title in titles:
            body = {"title": title, "content": f"{title} is tea.", "nodes": [IDS["Tea"]]}
            assert api.post("/documents", body).status_code == 201
        agent = {"name": "Barista", "taxonomy_node_ids": [IDS["Drinks"]]}
        assert api.post("/agents/from-taxonomy", agent).status_code == 201
    return ours, theirs


def everything(api: Api) -> dict[str, Any]:
    """All that an organization is told of its topics, without the time of telling."""
    reads = (
        f"/taxonomies/{VERSION}/tree", f"/taxonomies/{VERSION}/nodes", "/taxonomies",
        "/agents/barista", "/agents/barista/coverage", "/agents/barista/gaps?threshold=1",
        "/documents", f"/documents?node={IDS['Drinks']}",
    )  # fmt: skip
    answers = {path: api.get(path).json for path in reads}
    del answers["/agents/barista/coverage"]["calculated_at"]
    del answers["/agents/barista/gaps?threshold=1"]["detected_at"]
    answers["scope"] = api.post("/knowledge/scope", {"taxonomy_node_ids": [IDS["Hot"]]}).json
    search = {"query": "tea", "nodes": [IDS["Hot"]]}
    answers["found"] = [
        hit["content"] for hit in api.post("/knowledge/search", search).json["results"]
    ]
    return answers


def test_each_sees_its_own_under_the_same_ids(both: tuple[Api, Api]) -> None:
    counts = {IDS["Drinks"]: 0, IDS["Coffee"]: 0}
    for api, tea_count, percent in ((both[0], 2, 33.33), (both[1], 1, 16.67)):
        answers = everything(api)
        assert {
            node["node_id"]: node["label"] for node in answers[f"/taxonomies/{VERSION}/nodes"]
        } == {key: label for label, key in IDS.items()}
        drinks, hot = answers[f"/taxonomies/{VERSION}/tree"]["roots"]
        assert [child["node_id"] for child in drinks["children"]] == [IDS["Coffee"], IDS["Tea"]]
        assert [child["node_id"] for child in hot["children"]] == [IDS["Tea"]]
        assert drinks["children"][1]["document_count"] == tea_count
        measured = answers["/agents/barista/coverage"]
        assert measured["document_counts"] == {**counts, IDS["Tea"]: tea_count}
        assert (measured["total_documents"], measured["overall_coverage"]) == (tea_count, percent)
        assert answers["scope"]["document_count"] == tea_count
        documents = answers[f"/documents?node={IDS['Drinks']}"]
        assert [document["nodes"][0]["node_id"] for document in documents] == [
            IDS["Tea"]
        ] * tea_count
        assert len(answers["found"]) == tea_count
    assert everything(both[1])["found"] == ["Their oolong is tea."]


def test_what_one_does_touches_nothing_of_the_other(
    cast: Cast, alice: Actor, both: tuple[Api, Api]
) -> None:
    ours, theirs = both
    before = everything(theirs)
    node = f"/taxonomies/{VERSION}/nodes/{IDS['Tea']}"
    target = {IDS["Tea"]: 50}
    newer = {"version": "2.0.0", "nodes": [{"path": ["Drinks", "Tea"]}, {"path": ["Drinks"]}]}
    move = {"start": VERSION}
    for method, path, body, status in (
        ("PUT", "/agents/barista/coverage/targets", target, 200),
        ("PATCH", node, {"label": "Chai", "target_documents": 9}, 200),
        ("PATCH", node, {"parent_ids": [IDS["Coffee"]]}, 200),
        ("PUT", "/agents/barista/scope", {"taxonomy_node_ids": [IDS["Hot"]]}, 200),
        (
            "POST",
            "/taxonomies",
            {"version": VERSION, "nodes": [{"path": ["Drinks", "Cocoa"]}]},
            201,
        ),
        ("POST", "/taxonomies", newer, 201),
        ("POST", "/taxonomies/2.0.0/moves", move, 202),
    ):
        answer = ours.request(method, path, body)
        assert answer.status_code == status, (path, answer.text)
        if path.endswith("/moves"):
            running.run_task(answer.json["task_id"])
        assert everything(theirs) == before, path
    for action in ("set_topics", "add_topics", "delete"):
        about = {} if action == "delete" else {"nodes": [IDS["Coffee"]]}
        change = BulkRequest.model_validate({"action": action, "filter": {"q": "o"}, **about})
        running.run_task(bulk.start_bulk(change, actor=alice).id)
        assert everything(theirs) == before, action
    for path in (node, f"/taxonomies/{VERSION}", "/taxonomies/2.0.0"):
        assert ours.delete(f"{path}?force=true").status_code == 204
        assert everything(theirs) == before, path
    # Every topic of theirs has still its place above and below, and its document.
    charlie = cast.actor("charlie")
    rows = {
        row.public_id: row.id
        for row in db.session.scalars(
            select(TaxonomyNode).where(TaxonomyNode.organization_id == charlie.organization_id)
        )
    }
    assert set(map(str, rows)) == set(IDS.values())
    pairs = select(TaxonomyClosure.ancestor_id, TaxonomyClosure.descendant_id)
    tea = next(key for public, key in rows.items() if str(public) == IDS["Tea"])
    above = {up for up, down in db.session.execute(pairs) if down == tea}
    assert above == {key for public, key in rows.items() if str(public) != IDS["Coffee"]}
    assert db.session.scalars(select(DocumentNode.node_id)).all() == [tea]


def test_an_id_is_taken_within_an_organization_only(alice: Actor, charlie: Actor) -> None:
    def load(actor: Actor, *nodes: dict[str, Any], version: str = VERSION) -> int:
        body = TaxonomyRequest.model_validate({"version": version, "nodes": nodes})
        return services.extend_taxonomy(body, actor=actor).created_count

    tea = {"node_id": IDS["Tea"], "label": "Tea"}
    assert load(alice, tea) == 1
    assert load(charlie, tea) == 1
    assert load(charlie, tea) == 0
    with pytest.raises(Conflict, match="is taken"):
        load(alice, tea, version="2.0.0")
    with pytest.raises(Conflict, match="is taken"):
        load(alice, {"path": ["Tea leaves"], "node_id": IDS["Tea"]})
    with pytest.raises(Conflict, match="is taken"):
        load(alice, *({"path": [label], "node_id": IDS["Hot"]} for label in ("Hot", "Warm")))


def test_a_topic_that_comes_back_is_known_once_the_scope_is_set_again(
    both: tuple[Api, Api],
) -> None:
    api, _ = both
    tea = {"taxonomy_node_ids": [IDS["Tea"]]}
    counts = lambda: [
        api.get("/agents/barista/coverage").json[name]
        for name in ("document_counts", "total_documents")
    ]
    assert api.put("/agents/barista/scope", tea).status_code == 200
    assert counts() == [{IDS["Tea"]: 2}, 2]
    assert api.delete(f"/taxonomies/{VERSION}/nodes/{IDS['Tea']}?force=true").status_code == 204
    assert counts() == [{}, 0]
    again = {"version": VERSION, "nodes": [{"node_id": IDS["Tea"], "label": "Tea"}]}
    assert api.post("/taxonomies", again).status_code == 201
    body = {"title": "Matcha", "content": "Matcha is tea.", "nodes": [IDS["Tea"]]}
    assert api.post("/documents", body).status_code == 201
    assert counts() == [{}, 0]
    assert api.put("/agents/barista/scope", tea).status_code == 200
    assert counts() == [{IDS["Tea"]: 1}, 1]
    found = api.post("/agents/barista/query", {"query": "tea"}).json["results"]
    assert [hit["content"] for hit in found] == ["Matcha is tea."]


def test_the_ids_of_tables_are_never_told(cast: Cast, both: tuple[Api, Api]) -> None:
    newer = {"version": "2.0.0", "nodes": [{"path": ["Tea"]}]}
    assert both[0].post("/taxonomies", newer).status_code == 201
    nodes = db.session.scalars(select(TaxonomyNode)).all()
    hidden = {form for node in nodes for form in (str(node.id), node.id.hex)}
    assert not hidden & {str(node.public_id) for node in nodes}
    browser = cast.browser("alice")
    told = json.dumps(everything(both[0]))
    told += both[0].post("/taxonomies/2.0.0/moves/preview", {"start": VERSION}).text
    (document, *_) = both[0].get("/documents").json
    for path in (
        "/taxonomies/1.0.0", f"/taxonomies/1.0.0/nodes/{IDS['Tea']}", "/agents/barista",
        "/agents/barista/coverage", f"/agents/barista/coverage/topics/{IDS['Tea']}",
        "/agents/barista/scope", f"/documents?node={IDS['Tea']}", f"/documents/{document['id']}",
        "/taxonomies/2.0.0/move",
    ):  # fmt: skip
        told += browser.get(path).html or ""
    assert IDS["Tea"] in told
    assert not [form for form in hidden if form in told]


def test_ids_of_others_answer_as_unknown_ones_do(cast: Cast, both: tuple[Api, Api]) -> None:
    """Wherever a topic can be named, a topic of another organization is one that is not there."""
    theirs = services.extend_taxonomy(
        TaxonomyRequest.model_validate({"version": VERSION, "nodes": [{"path": ["Secret"]}]}),
        actor=cast.actor("charlie"),
    )
    foreign, unknown = str(theirs.nodes[0].node_id), str(uuid4())
    (document, *_) = both[0].get("/documents").json

    def answers(node_id: str) -> list[tuple[int, str]]:
        node, ids = f"/taxonomies/{VERSION}/nodes/{node_id}", {"taxonomy_node_ids": [node_id]}
        about = {"nodes": [node_id]}
        edge = {
            "version": VERSION,
            "nodes": [],
            "edges": [{"parent": IDS["Tea"], "child": node_id}],
        }
        asked = (
            ("PATCH", node, {"label": "Mine"}),
            ("DELETE", f"{node}?force=true", None),
            ("PATCH", f"/taxonomies/{VERSION}/nodes/{IDS['Tea']}", {"parent_ids": [node_id]}),
            ("POST", "/taxonomies", edge),
            ("POST", "/agents/from-taxonomy", {"name": "Spy", **ids}),
            ("PUT", "/agents/barista/scope", ids),
            ("POST", "/knowledge/scope", ids),
            ("PUT", "/agents/barista/coverage/targets", {node_id: 1}),
            ("GET", f"/documents?node={node_id}", None),
            ("POST", "/documents", {"title": "t", "content": "c", **about}),
            ("PATCH", f"/documents/{document['id']}", about),
            ("POST", "/documents/bulk", {"action": "set_topics", "filter": {}, **about}),
            ("POST", "/documents/bulk/preview", {"action": "delete", "filter": {"node": node_id}}),
            ("POST", "/knowledge/search", {"query": "tea", **about}),
        )
        found = []
        for method, path, body in asked:
            answer = both[0].request(method, path, body)
            text = json.dumps(
                {**answer.json, "request_id": ""} if isinstance(answer.json, dict) else answer.json
            )
            found.append((answer.status_code, text.replace(node_id, "ID")))
        browser = cast.browser("alice")
        for path in (
            node,
            f"/agents/barista/coverage/topics/{node_id}",
            f"/documents?node={node_id}",
        ):
            browser.get(path, status=404)
        return found

    before = everything(both[1])
    told = answers(foreign)
    assert told == answers(unknown)
    assert {status for status, _ in told} <= {200, 400, 404}
    assert [status for status, _ in told].count(200) == 2
    assert everything(both[1]) == before
