"""Topics are chosen by some letters, by their full paths, with scripts and without."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_document, make_large_taxonomy
from webapp.core.actor import Actor
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


def test_a_search_in_20_000_topics_is_small_and_two_statements(
    cast: Cast, alice: Actor, browser: Browser
) -> None:
    make_large_taxonomy(alice)
    options = found(browser, "topic 7.3")
    assert options[0] == "Area 7 › Field 7.3 › Topic 7.3.0"
    assert len(options) == 20
    assert found(browser, "area 39")[0] == "Area 39"
