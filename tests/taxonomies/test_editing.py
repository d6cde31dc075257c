"""Topics are renamed, moved and deleted one by one; what agents use is not lost by accident."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import func, select

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent, make_document
from tests.meanwhile import meanwhile
from tests.statements import noted
from webapp.core.actor import Actor
from webapp.core.errors import Conflict
from webapp.core.extensions import db
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.schemas import FromTaxonomyRequest
from webapp.taxonomies import editing, services
from webapp.taxonomies.models import Taxonomy, TaxonomyClosure, TaxonomyNode
from webapp.taxonomies.schemas import NodeQuery, TaxonomyRequest

PATHS = [["Physics", "Aerodynamics", "Wings"], ["Physics", "Heat"], ["Machines"]]


@pytest.fixture
def ids(cast: Cast) -> dict[str, str]:
    body = {"version": "1.0.0", "nodes": [{"path": path} for path in PATHS]}
    nodes = cast.api("alice").post("/taxonomies", body).json["nodes"]
    return {node["label"]: node["node_id"] for node in nodes}


def test_a_renamed_topic_keeps_its_id_and_its_documents(
    cast: Cast, alice: Actor, ids: dict[str, str]
) -> None:
    make_document(alice, nodes=[["Physics", "Aerodynamics", "Wings"]])
    api = cast.api("alice")
    path = f"/taxonomies/1.0.0/nodes/{ids['Aerodynamics']}"
    answer = api.request("PATCH", path, {"label": "Flight", "target_documents": 3}).json
    assert (answer["canonical_path"], answer["target_documents"]) == (["Physics", "Flight"], 3)
    (wings,) = api.get("/taxonomies/1.0.0/nodes?q=wings").json
    assert wings["node_id"] == ids["Wings"]
    assert wings["canonical_path"] == ["Physics", "Flight", "Wings"]
    scope = {"taxonomy_node_ids": [ids["Aerodynamics"]]}
    assert api.post("/knowledge/scope", scope).json["document_count"] == 1


def test_a_topic_moves_with_all_below_it(cast: Cast, alice: Actor, ids: dict[str, str]) -> None:
    make_document(alice, nodes=[["Physics", "Aerodynamics", "Wings"]])
    api = cast.api("alice")
    path = f"/taxonomies/1.0.0/nodes/{ids['Aerodynamics']}"
    moved = api.request("PATCH", path, {"parent_ids": [ids["Machines"]]})
    assert moved.json["canonical_path"] == ["Machines", "Aerodynamics"]
    count = lambda label: api.post("/knowledge/scope", {"taxonomy_node_ids": [ids[label]]}).json
    assert (count("Machines")["document_count"], count("Machines")["node_count"]) == (1, 3)
    assert (count("Physics")["document_count"], count("Physics")["node_count"]) == (0, 2)
    circle = api.request(
        "PATCH", f"/taxonomies/1.0.0/nodes/{ids['Machines']}", {"parent_ids": [ids["Wings"]]}
    )
    assert (circle.status_code, circle.json["code"]) == (400, "taxonomy_circle")
    unknown = api.request("PATCH", path, {"parent_ids": [str(uuid4())]})
    assert unknown.status_code == 400
    for wrong in ({"label": ""}, {"label": None}, {"target_documents": -1}, {"x": 1}):
        assert api.request("PATCH", path, wrong).status_code == 422


def test_a_topic_that_an_agent_uses_is_not_deleted_by_accident(
    cast: Cast, alice: Actor, ids: dict[str, str]
) -> None:
    make_document(alice, nodes=[["Physics", "Aerodynamics", "Wings"]])
    body = FromTaxonomyRequest.model_validate(
        {"name": "Pilot", "taxonomy_node_ids": [ids["Aerodynamics"], ids["Heat"]]}
    )
    agent = scopes.create_agent(body, actor=alice)
    api = cast.api("alice")
    path = f"/taxonomies/1.0.0/nodes/{ids['Aerodynamics']}"
    refused = api.delete(path)
    assert (refused.status_code, refused.json["code"]) == (409, "in_use")
    assert refused.json["extras"]["agents"] == ["pilot"]
    assert api.delete(f"{path}?force=true").status_code == 204
    assert api.delete(path).status_code == 404
    # The agent keeps its configuration, and knows about what is left of it.
    kept = api.get(f"/agents/{agent.id}").json
    assert set(kept["taxonomy_node_ids"]) == {ids["Aerodynamics"], ids["Heat"]}
    assert set(api.get(f"/agents/{agent.id}/coverage").json["node_coverage"]) == {ids["Heat"]}
    # What was below it has moved up.
    (wings,) = api.get("/taxonomies/1.0.0/nodes?q=wings").json
    assert wings["canonical_path"] == ["Physics", "Wings"]


def test_a_topic_goes_in_as_many_statements_however_much_is_below_it(cast: Cast) -> None:
    api = cast.api("alice")

    def statements_for(version: str, size: int) -> int:
        paths = [["Root", "Middle", f"Topic {number}"] for number in range(size)]
        body = {"version": version, "nodes": [{"path": path} for path in paths]}
        made = {node["label"]: node for node in api.post("/taxonomies", body).json["nodes"]}
        middle = f"/taxonomies/{version}/nodes/{made['Middle']['node_id']}"
        pairs = (
            select(func.count())
            .select_from(TaxonomyClosure)
            .join(TaxonomyNode, TaxonomyNode.id == TaxonomyClosure.descendant_id)
            .join(Taxonomy)
            .where(Taxonomy.version == version)
        )
        with noted() as statements:
            assert api.request("PATCH", middle, {"parent_ids": []}).status_code == 200
        assert db.session.scalar(pairs) == 2 + size * 2  # all below themselves and the middle
        with noted() as more:
            assert api.delete(middle).status_code == 204
        assert db.session.scalar(pairs) == 1 + size
        topics = api.get(f"/taxonomies/{version}/nodes?q=topic").json
        assert {len(node["canonical_path"]) for node in topics} == {1}
        return len(statements) + len(more)

    statements_for("1.0.0", 1)  # the first request notes when the key was used
    assert statements_for("2.0.0", 3) == statements_for("3.0.0", 12)


def test_no_topic_goes_while_an_agent_chooses_it(
    cast: Cast, alice: Actor, ids: dict[str, str]
) -> None:
    make_agent(alice, handle="pilot")
    api = cast.api("alice")
    refusals: list[Conflict] = []

    def delete() -> None:
        try:
            editing.delete_node("1.0.0", UUID(ids["Heat"]), actor=alice)
        except Conflict as error:
            refusals.append(error)

    # Once the topics are looked up.
    with meanwhile(cast.app, delete, after="JOIN taxonomies"):
        chosen = api.put("/agents/pilot/scope", {"taxonomy_node_ids": [ids["Heat"]]})
    assert (chosen.status_code, chosen.json["taxonomy_node_ids"]) == (200, [ids["Heat"]])
    assert [refusal.code for refusal in refusals] == ["in_use"]


def test_only_who_can_send_it_is_told_of_force(
    cast: Cast, alice: Actor, browser: Browser, ids: dict[str, str]
) -> None:
    body = FromTaxonomyRequest.model_validate({"name": "Pilot", "taxonomy_node_ids": [ids["Heat"]]})
    scopes.create_agent(body, actor=alice)
    refused = cast.api("alice").delete(f"/taxonomies/1.0.0/nodes/{ids['Heat']}")
    assert refused.json["suggestions"][-1] == "Or send force=true."
    path = f"/taxonomies/1.0.0/nodes/{ids['Heat']}"
    page = browser.post(f"{path}/deletion", {}, status=409, headers={"HX-Request": "true"})
    assert "pilot" in page.text()
    assert "force" not in page.text()


def test_a_version_in_use_wants_force(cast: Cast, alice: Actor, ids: dict[str, str]) -> None:
    given = {"name": "Pilot", "taxonomy_node_ids": [ids["Physics"]]}
    body = FromTaxonomyRequest.model_validate(given)
    agent = scopes.create_agent(body, actor=alice)
    api = cast.api("alice")
    assert api.delete("/taxonomies/1.0.0").status_code == 409
    assert api.delete("/taxonomies/1.0.0?force=true").status_code == 204
    answer = api.get(f"/agents/{agent.id}/coverage").json
    assert (answer["node_coverage"], answer["overall_coverage"]) == ({}, 0.0)
    assert api.post(f"/agents/{agent.id}/query", {"query": "wing"}).json["results"] == []


def chips(page: LexborHTMLParser) -> list[tuple[str | None, str]]:
    """What the topic picker of a page has: values and paths."""
    return [
        (chip.css_first("input").attributes["value"], chip.css_first("label").text(strip=True))
        for chip in page.css(".topic-picker .chip")
    ]


def test_the_pages_edit_a_topic(browser: Browser, ids: dict[str, str]) -> None:
    page = browser.get("/taxonomies/1.0.0")
    assert page.css_first(f"a[href='/taxonomies/1.0.0/nodes/{ids['Heat']}']") is not None
    path = f"/taxonomies/1.0.0/nodes/{ids['Heat']}"
    assert chips(browser.get(path)) == [(ids["Physics"], "Physics")]
    form = {"label": "Warmth", "target_documents": "7", "parents": "Machines"}
    browser.post(path, form)
    assert "Warmth" in browser.get("/taxonomies/1.0.0").text()
    assert chips(browser.get(path)) == [(ids["Machines"], "Machines")]
    browser.post(path, {**form, "parents": [ids["Physics"], "Machines"]})
    assert [name for _, name in chips(browser.get(path))] == ["Machines", "Physics"]
    browser.post(path, {**form, "parents": ids["Machines"]})
    assert [name for _, name in chips(browser.get(path))] == ["Machines"]
    assert (
        "There is no topic" in browser.post(path, {**form, "parents": "Nowhere"}, status=422).text()
    )
    browser.post(f"{path}/deletion", {})
    assert "Warmth" not in browser.get("/taxonomies/1.0.0").text()


def test_the_audit_names_the_topic_and_what_was_changed_of_it(
    browser: Browser, ids: dict[str, str]
) -> None:
    path = f"/taxonomies/1.0.0/nodes/{ids['Heat']}"
    same = {"label": "Heat", "target_documents": "", "parents": ids["Physics"]}
    browser.post(path, same)  # nothing is changed
    browser.post(path, {**same, "label": "Warmth"})
    browser.post(path, {"label": "Warmth", "target_documents": "7", "parents": "Machines"})
    browser.post(f"{path}/deletion", {})
    entries = browser.get("/audit").css(".timeline .what")
    done = [words_of(entry) for entry in entries]
    assert done[:4] == [
        "changed taxonomy 1.0.0 (Warmth: deleted)",
        "changed taxonomy 1.0.0 (Warmth: parent topics, documents wanted)",
        "changed taxonomy 1.0.0 (Warmth: renamed from Heat)",
        "created taxonomy 1.0.0",
    ]
    links = {link.attributes["href"] for entry in entries[:4] for link in entry.css("a")}
    assert links == {"/taxonomies/1.0.0"}


@pytest.mark.parametrize("chosen", [0, 1])
def test_the_page_leaves_a_topic_below_the_namesake_it_is_below(
    browser: Browser, alice: Actor, chosen: int
) -> None:
    twins, below = (UUID(int=7), UUID(int=8)), UUID(int=9)
    body = {
        "version": "3.0.0",
        "nodes": [
            *({"node_id": twin, "label": "Physics"} for twin in twins),
            {"node_id": below, "label": "Heat"},
        ],
        "edges": [{"parent": twins[chosen], "child": below}],
    }
    services.extend_taxonomy(TaxonomyRequest.model_validate(body), actor=alice)
    form = {"label": "Warmth", "target_documents": "7", "parents": "Physics"}
    browser.post(f"/taxonomies/3.0.0/nodes/{below}", form)
    node = services.list_nodes("3.0.0", NodeQuery(q="warmth"), actor=alice).items[0]
    assert (node.label, node.parent_ids) == ("Warmth", [twins[chosen]])


def test_the_workbench_says_why(cast: Cast, browser: Browser, alice: Actor) -> None:
    make_document(alice, title="Tea", content="Green tea wants hot water.")
    make_document(alice, title="Coffee", content="Coffee wants water that nearly boils.")
    page = browser.get("/search?q=green+tea+water&weight=0.4&strategy=hybrid&top_k=5")
    why = page.css_first(".why").text()
    assert "green" in why
    assert "tea" in why
    assert "There is no" in browser.get("/search?q=tea&about=Nowhere").text() or "Invalid" in (
        browser.get("/search?q=tea&about=Nowhere").text()
    )
    api = cast.api("bob")
    search = lambda **body: api.post("/knowledge/search", {"query": "green tea", **body})
    explained = search(explain=True).json["results"][0]["metadata"]["terms"]
    assert set(explained) == {"green", "tea"}
    assert search().json["results"][0]["metadata"]["terms"] == {}
    by_meaning = search(keyword_weight=0.0).json["results"]
    assert by_meaning[0]["score"] <= 1
    assert search(keyword_weight=1.1).status_code == 422


def test_the_page_of_a_deleted_version_says_who_deleted_it(
    cast: Cast, alice: Actor, ids: dict[str, str]
) -> None:
    editing.delete_taxonomy("1.0.0", actor=alice)
    page = cast.browser("vera").get("/taxonomies/1.0.0", status=404)
    assert "1.0.0 was deleted for good by alice@example.com, " in page.css_first("main").text()
    *_, link = page.css("main .actions a")
    assert (link.text(), link.attributes["href"]) == ("See all taxonomies", "/taxonomies")
    page = cast.browser("charlie").get("/taxonomies/1.0.0", status=404)
    assert "deleted" not in page.css_first("main").text()


def test_every_topic_of_the_tree_and_of_a_search_leads_to_where_it_is_edited(
    cast: Cast, browser: Browser, ids: dict[str, str]
) -> None:
    page = browser.get("/taxonomies/1.0.0")
    told = page.css_first("#nodes p").text(deep=True)
    assert "rename, move or delete it, or to add topics below it" in " ".join(told.split())
    assert page.css_first("#nodes p a").attributes["href"] == "/taxonomies/new?from=1.0.0"
    edits = {a.attributes["aria-label"]: a.attributes["href"] for a in page.css(".twig > .edit")}
    assert edits == {
        f"Edit {label}": f"/taxonomies/1.0.0/nodes/{node_id}" for label, node_id in ids.items()
    }
    label, node_id = next(iter(ids.items()))
    found = browser.get(f"/taxonomies/1.0.0?q={label}").css("#nodes li a")
    address = f"/taxonomies/1.0.0/nodes/{node_id}"
    assert address in {link.attributes["href"] for link in found}
    page = browser.get(address)
    actions = {link.text().strip() for link in page.css("a.button")}
    assert {"Its documents", "Add topics below"} <= actions

    page = cast.browser("vera").get("/taxonomies/1.0.0")
    assert page.css(".twig") and not page.css("#nodes .edit, #nodes p, .twig .row-title[href]")
    assert not cast.browser("vera").get(f"/taxonomies/1.0.0?q={label}").css("#nodes li a")
