"""Topics are chosen by some letters, by their full paths, with scripts and without."""

from __future__ import annotations

from uuid import UUID

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_document, make_large_taxonomy
from tests.statements import noted
from webapp.core.actor import Actor
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.schemas import FromTaxonomyRequest
from webapp.taxonomies import services
from webapp.taxonomies.schemas import TaxonomyRequest

PATHS = [
    ["npm", "Commands"],
    ["npm", "Commands", "install"],
    ["yarn", "Commands"],
    ["Install guides"],
    ["Größe", "Straße"],
    ["100 % cotton"],
]


@pytest.fixture
def ids(alice: Actor) -> dict[str, str]:
    body = {"version": "1.0.0", "nodes": [{"path": path} for path in PATHS]}
    made = services.extend_taxonomy(TaxonomyRequest.model_validate(body), actor=alice)
    return {" > ".join(node.canonical_path): str(node.node_id) for node in made.nodes}


def found(browser: Browser, q: str, **query: str) -> list[str]:
    options = browser.get("/taxonomies/topics", query_string={"q": q, **query}).css("[data-value]")
    return [words_of(option) for option in options]


def chips(page: LexborHTMLParser) -> list[tuple[str | None, str]]:
    """What the topic picker of a page has: values and paths."""
    return [
        (chip.css_first("input").attributes["value"], chip.css_first("label").text(strip=True))
        for chip in page.css(".topic-picker .chip")
    ]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("install", ["npm › Commands › install", "Install guides"]),
        ("npm comm", ["npm › Commands", "npm › Commands › install"]),
        ("npm › Commands", ["npm › Commands", "npm › Commands › install"]),
        ("npm > Commands > ins", ["npm › Commands › install"]),
        ("MAND", ["npm › Commands", "yarn › Commands", "npm › Commands › install"]),
        ("STRASSE", ["Größe › Straße"]),
        ("100 %", ["100 % cotton"]),
        ("100_", []),
        ("%", ["100 % cotton"]),
        ("nowhere", []),
    ],
)
def test_topics_are_found_anywhere_in_their_paths_the_best_first(
    ids: dict[str, str], browser: Browser, q: str, expected: list[str]
) -> None:
    assert found(browser, q) == expected


def test_without_letters_the_first_topics_are_offered(
    ids: dict[str, str], browser: Browser
) -> None:
    assert "npm" in found(browser, "")
    assert "No topic matches" in browser.get("/taxonomies/topics?q=nowhere").text()


def test_the_highest_version_is_searched_unless_one_is_named(
    cast: Cast, alice: Actor, ids: dict[str, str], browser: Browser
) -> None:
    body = {"version": "2.0.0", "nodes": [{"path": ["pnpm"]}]}
    services.extend_taxonomy(TaxonomyRequest.model_validate(body), actor=alice)
    assert found(browser, "npm") == ["pnpm"]
    assert found(browser, "npm", version="1.0.0")[0] == "npm"
    browser.get("/taxonomies/topics?q=npm&version=9.0.0", status=404)
    # Another organization finds its own topics, and it has none.
    assert found(cast.browser("charlie"), "npm") == []


def test_a_document_is_given_topics_by_id_and_by_path(
    alice: Actor, ids: dict[str, str], browser: Browser
) -> None:
    document = make_document(alice)
    path = f"/documents/{document.id}/topics"
    npm, yarn = ids["npm > Commands"], ids["yarn > Commands"]
    page = browser.post(path, {"topics": [npm, "yarn > Commands; Install guides"]})
    assert chips(page) == [
        (ids["Install guides"], "Install guides"),
        (npm, "npm › Commands"),
        (yarn, "yarn › Commands"),
    ]
    # What cannot be found stays in the field, what was chosen stays chosen.
    page = browser.post(path, {"topics": [npm, "Nowhere > Land"]}, status=422)
    assert chips(page) == [(npm, "npm › Commands")]
    field = page.css_first(".topic-picker > input")
    assert field.attributes["value"] == "Nowhere > Land"
    assert "Nowhere > Land" in page.css_first(".error").text()
    assert chips(browser.post(path, {"topics": [""]})) == []


def test_lists_and_searches_are_narrowed_to_a_topic(
    alice: Actor, ids: dict[str, str], browser: Browser
) -> None:
    npm = ids["npm > Commands"]
    make_document(alice, title="About npm", nodes=[npm], content="Tea of npm")
    make_document(alice, title="About tea", content="Tea of China")
    for address in (f"/documents?node={npm}&node=", "/documents?node=npm+>+Commands"):
        page = browser.get(address)
        assert [words_of(link) for link in page.css("#documents .row-title")] == ["About npm"]
        assert chips(page) == [(npm, "npm › Commands")]
    browser.get("/documents?node=Nowhere", status=400)
    for about in (npm, "npm > Commands"):
        page = browser.get("/search", query_string={"q": "tea", "about": [about, ""]})
        assert len(page.css(".result")) == 1
    assert chips(browser.get(f"/search?q=tea&about={npm}")) == [(npm, "npm › Commands")]


def test_pages_of_20_000_topics_are_small_and_ask_little(
    cast: Cast, alice: Actor, browser: Browser
) -> None:
    """A level at a time: a page stays below 200 KB, and its statements do not grow."""
    ids = make_large_taxonomy(alice)
    document = make_document(alice, nodes=[ids["Topic 7.3.0"], ids["Topic 7.3.1"]])
    body = FromTaxonomyRequest(
        name="Seven", taxonomy_node_ids=[ids["Field 7.3"], ids["Topic 8.0.0"], ids["Topic 8.0.1"]]
    )
    scopes.create_agent(body, actor=alice)
    large = {
        "/taxonomies/1.0.0": 12,
        f"/taxonomies/1.0.0?under={ids['Area 7']}": 13,
        "/agents/seven/scope": 22,
        "/agents/from-taxonomy/new": 15,
        f"/documents/{document.id}": 8,
        "/taxonomies/topics?q=topic+7": 5,
    }
    for path, most in large.items():
        browser.get(path)
        with noted() as statements:
            page = browser.get(path)
        # Once a minute one more says that the session is there.
        assert len(statements) <= most + 1, (path, len(statements))
        assert len(browser.response.data if browser.response else b"") < 200_000, path
        assert "Topic 9.9.9" not in page.html
    tree = browser.get("/taxonomies/1.0.0")
    rows = {words_of(row).split()[1]: words_of(row) for row in tree.css(".twig")}
    assert len(rows) == 40
    # It is one document, though about two topics.
    assert rows["7"] == "Area 7 1 document Edit"
    assert rows["8"] == "Area 8 Edit"
    options = found(browser, "topic 7.3")
    assert options[0] == "Area 7 › Field 7.3 › Topic 7.3.0"
    assert len(options) == 20
    assert found(browser, "area 39")[0] == "Area 39"


def test_a_wide_branch_comes_in_parts(alice: Actor, browser: Browser) -> None:
    ids = make_large_taxonomy(alice, roots=1, branches=450, leaves=1)
    path = f"/taxonomies/1.0.0?under={ids['Area 0']}"
    parts = []
    while path:
        part = browser.get(path, headers={"HX-Request": "true"})
        parts.append([words_of(row) for row in part.css(".twig .row-title")])
        more = part.css_first(".more a")
        path = str(more.attributes["href"]) if more else ""
        if more and len(parts) == 1:
            assert words_of(more) == "Show 200 more of 450"
    assert [len(part) for part in parts] == [200, 200, 50]
    assert len({label for part in parts for label in part}) == 450


def test_a_topic_stands_below_each_of_its_parents(alice: Actor, browser: Browser) -> None:
    a, b, c, d = (str(UUID(int=number)) for number in (1, 2, 3, 4))
    labels = {a: "Physics", b: "Machines", c: "Wings", d: "Tips"}
    body = {
        "version": "1.0.0",
        "nodes": [{"node_id": node_id, "label": label} for node_id, label in labels.items()],
        "edges": [{"parent": up, "child": down} for up, down in ((a, c), (b, c), (c, d))],
    }
    services.extend_taxonomy(TaxonomyRequest.model_validate(body), actor=alice)
    make_document(alice, nodes=[d])
    page = browser.get("/taxonomies/1.0.0")
    # By whatever way, the branch has the document.
    wings = ["Wings 1 document 2 places Edit", "Tips 1 document Edit"]
    rows = [words_of(row) for row in page.css(".twig")]
    assert rows == ["Machines 1 document Edit", *wings, "Physics 1 document Edit", *wings]


def test_what_is_below_a_chosen_topic_is_ticked_as_well(
    alice: Actor, ids: dict[str, str], browser: Browser
) -> None:
    chosen = [ids["npm"], ids["Größe > Straße"]]
    scopes.create_agent(FromTaxonomyRequest(name="Packer", taxonomy_node_ids=chosen), actor=alice)
    page = browser.get("/agents/packer/scope")
    boxes = [
        (words_of(row.css_first("label")), "checked" in row.css_first("input").attributes)
        for row in page.css(".twig")
    ]
    assert boxes == [
        ("100 % cotton", False), ("Größe 1 chosen below", False), ("Straße", True),
        ("Install guides", False), ("npm", True), ("Commands included", True),
        ("install included", True), ("yarn", False), ("Commands", False),
    ]  # fmt: skip
    # What another one includes is not sent: the chips are what is chosen.
    assert {box.attributes["value"] for box in page.css("input[name=node][checked]")} == set(chosen)
    assert not page.css("a a, button a, summary input, summary a")
    # Where there are no scripts, topics are typed.
    typed = {"node": [ids["npm"], "yarn > Commands"], "version": "1.0.0"}
    browser.post("/agents/packer/scope", typed)
    page = browser.get("/agents/packer/scope")
    assert chips(page) == [(ids["npm"], "npm"), (ids["yarn > Commands"], "yarn › Commands")]


def test_coverage_of_20_000_topics_comes_a_branch_at_a_time(alice: Actor, browser: Browser) -> None:
    ids = make_large_taxonomy(alice)
    areas = [ids[f"Area {number}"] for number in range(40)]
    scopes.create_agent(FromTaxonomyRequest(name="All", taxonomy_node_ids=areas), actor=alice)
    page = browser.get("/agents/all/coverage")
    assert len(browser.response.data if browser.response else b"") < 200_000
    twist = page.css_first(".coverage-tree > li:last-child .twist")
    assert twist.attributes["aria-expanded"] == "false"
    part = browser.get(str(twist.attributes["href"]), headers={"HX-Request": "true"})
    assert len(part.css(".row")) == 25
    assert "0 / 200" in words_of(part.css_first(".row"))  # a field and 19 topics, 10 each
    unknown = f"/agents/all/coverage?under={UUID(int=1)}"
    browser.get(unknown, headers={"HX-Request": "true"}, status=404)


def test_a_branch_whose_topics_stand_elsewhere_has_their_documents(
    alice: Actor, browser: Browser
) -> None:
    a, b, c = (str(UUID(int=number)) for number in (1, 2, 3))
    labels = {a: "Machines", b: "Physics", c: "Wings"}
    body = {
        "version": "1.0.0",
        "nodes": [{"node_id": node_id, "label": label} for node_id, label in labels.items()],
        "edges": [{"parent": a, "child": c}, {"parent": b, "child": c}],
    }
    services.extend_taxonomy(TaxonomyRequest.model_validate(body), actor=alice)
    make_document(alice, nodes=[c])
    agent = FromTaxonomyRequest(name="Pilot", taxonomy_node_ids=[UUID(a), UUID(b)])
    scopes.create_agent(agent, actor=alice)
    page = browser.get("/agents/pilot/coverage")
    rows = [words_of(row) for row in page.css(".coverage-tree .row")]
    assert rows == [
        "Machines 1 / 20 5 %", "Wings 1 / 10 10 %", "Physics 1 / 20 5 %", "Wings 1 / 10 10 %",
    ]  # fmt: skip


def test_a_topic_of_another_version_is_not_on_the_pages_of_this_one(
    browser: Browser, alice: Actor, ids: dict[str, str]
) -> None:
    body = {"version": "2.0.0", "nodes": [{"path": ["npm"]}]}
    services.extend_taxonomy(TaxonomyRequest.model_validate(body), actor=alice)
    npm = ids["npm"]
    for path in (f"/taxonomies/2.0.0?under={npm}", f"/taxonomies/2.0.0/nodes/{npm}"):
        page = browser.get(path, status=404)
        assert "npm is a topic of another version, not of 2.0.0." in page.css_first("main").text()
        browser.get(path.replace("2.0.0", "1.0.0"))
