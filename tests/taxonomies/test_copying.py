"""A new version that begins with all topics of an older one."""

from __future__ import annotations

import io
import json
from typing import Any
from uuid import uuid4

import pytest

from tests.browser import Browser, words_of
from tests.cast import Cast
from webapp.core.actor import Actor
from webapp.taxonomies import copying, services
from webapp.taxonomies.schemas import NodeQuery, TaxonomyRequest

PLAIN = [["Physics"], ["Physics", "Heat"], ["Physics", "Lift 2"], ["Physics", "Lift 10"], ["Tea"]]
GREEN, TEA, DRINKS, SEA = (str(uuid4()) for _ in range(4))
#: by what a path does not say
TAXONOMIES: dict[str, Any] = {
    "paths alone": {"nodes": [{"path": path} for path in PLAIN]},
    "targets": {"nodes": [{"path": ["Tea", "Green"], "target_documents": 0}, {"path": ["Salt"]}]},
    "several parents": {
        "nodes": [
            {"node_id": TEA, "label": "Tea", "target_documents": 3},
            {"node_id": GREEN, "label": "Green"},
            {"node_id": DRINKS, "label": "Drinks"},
            {"path": ["Tea", "Green", "Sencha"]},
        ],
        "edges": [{"parent": TEA, "child": GREEN}, {"parent": DRINKS, "child": GREEN}],
    },
    "namesakes": {
        "nodes": [
            {"node_id": TEA, "label": "Tea"},
            {"node_id": GREEN, "label": "Tea", "target_documents": 2},
            {"node_id": SEA, "label": "Black"},
        ],
        "edges": [{"parent": GREEN, "child": SEA}],
    },
    "odd labels": {"nodes": [{"path": ["a, b", "c > d"]}, {"path": ['"e"', "[f]\ng"]}]},
}


def make(actor: Actor, content: dict[str, Any], version: str = "1.0.0") -> None:
    body = TaxonomyRequest.model_validate({"version": version, **content})
    services.extend_taxonomy(body, actor=actor)


def shape(version: str, actor: Actor) -> list[Any]:
    """The tree without its ids."""

    def branch(item: services.Branch) -> list[Any]:
        return [item.label, item.target_documents, item.is_reference, *map(branch, item.children)]

    return sorted(map(branch, services.get_tree(version, actor=actor).roots), key=str)


@pytest.mark.parametrize("what", TAXONOMIES)
def test_a_version_is_copied_whole_with_ids_of_its_own(
    cast: Cast, alice: Actor, browser: Browser, what: str
) -> None:
    make(alice, TAXONOMIES[what])
    page = browser.get("/taxonomies/new?from=1.0.0")
    assert page.css_first("input[name=version]").attributes["value"] == "1.1.0"
    notice = words_of(page.css_first(".notice"))
    assert notice.startswith("All topics of 1.0.0")
    assert ("as JSON" not in notice) is (what == "paths alone")
    assert words_of(page.css_first("select[name=from] [selected]")).startswith("1.0.0 with ")
    draft = page.css_first("textarea").text()
    assert (not draft.startswith("{")) is (what == "paths alone")
    browser.post("/taxonomies", {"version": "1.1.0", "content": draft})
    assert shape("1.1.0", alice) == shape("1.0.0", alice)
    # As a file it says the same, also to who may not make one.
    file = cast.browser("vera").client.get("/taxonomies/1.0.0/file")
    ending = "txt" if what == "paths alone" else "json"
    assert file.headers["Content-Disposition"] == f"attachment; filename=taxonomy-1.0.0.{ending}"
    sent = {"version": "2.0.0", "file": (io.BytesIO(file.data), "topics.txt")}
    browser.post("/taxonomies", sent)
    assert shape("2.0.0", alice) == shape("1.0.0", alice)
    ids = [
        {node.node_id for node in services.list_nodes(version, NodeQuery(), actor=alice).items}
        for version in ("1.0.0", "1.1.0", "2.0.0")
    ]
    assert len(set.union(*ids)) == sum(map(len, ids))


def test_paths_are_lines_in_the_order_of_names(alice: Actor) -> None:
    make(alice, TAXONOMIES["paths alone"])
    lines = copying.write_draft("1.0.0", actor=alice).splitlines()
    assert lines == [" > ".join(path) for path in PLAIN]


def test_json_has_a_line_for_each_topic(alice: Actor) -> None:
    make(alice, TAXONOMIES["targets"])
    draft = copying.write_draft("1.0.0", actor=alice)
    assert '  {"path": ["Tea", "Green"], "target_documents": 0}\n' in draft
    assert json.loads(draft) == {
        "nodes": [
            {"path": ["Salt"]},
            {"path": ["Tea"]},
            {"path": ["Tea", "Green"], "target_documents": 0},
        ],
        "edges": [],
    }


@pytest.mark.parametrize("limit", ["MAX_TOPICS", "MAX_CHARACTERS"])
def test_what_is_too_long_for_a_text_box_is_left_to_a_file(
    alice: Actor, browser: Browser, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    make(alice, TAXONOMIES["paths alone"])
    draft = copying.write_draft("1.0.0", actor=alice)
    most = {"MAX_TOPICS": len(PLAIN), "MAX_CHARACTERS": len(draft)}[limit]
    monkeypatch.setattr(copying, limit, most)
    assert browser.get("/taxonomies/new?from=1.0.0").css_first("textarea").text() == draft
    monkeypatch.setattr(copying, limit, most - 1)
    page = browser.get("/taxonomies/new?from=1.0.0")
    assert page.css_first("textarea").text() == ""
    notice = page.css_first(".notice")
    assert "has 5 topics, too many for a text box" in words_of(notice)
    assert notice.css_first("a").attributes["href"] == "/taxonomies/1.0.0/file"


def test_a_new_version_is_begun_from_the_page_of_an_older_one(
    cast: Cast, alice: Actor, browser: Browser
) -> None:
    assert not browser.get("/taxonomies/new").css("select[name=from]")
    make(alice, TAXONOMIES["paths alone"])
    links = {words_of(link): link for link in browser.get("/taxonomies/1.0.0").css("a.button")}
    assert links["New version"].attributes["href"] == "/taxonomies/new?from=1.0.0"
    assert browser.get("/taxonomies/new?from=").css_first("textarea").text() == ""
    page = browser.get("/taxonomies/new?from=3.0.0", status=404)
    assert "Taxonomy not found: 3.0.0" in page.css_first("main").text()
    foreign = cast.browser("charlie")
    foreign.get("/taxonomies/new?from=1.0.0", status=404)
    foreign.get("/taxonomies/1.0.0/file", status=404)


def test_json_is_called_so_and_the_choice_is_kept_after_a_refusal(
    alice: Actor, browser: Browser
) -> None:
    make(alice, TAXONOMIES["targets"])
    page = browser.get("/taxonomies/new?from=1.0.0")
    assert words_of(page.css_first("label[for=content]")) == "Or JSON"
    draft = page.css_first("textarea").text()
    sent = {"from": "1.0.0", "version": "1.1.0", "content": f"{draft}Physics > Heat\n"}
    page = browser.post("/taxonomies", sent, status=422)
    assert "lines of paths cannot stand beside it" in words_of(page.css_first(".field .error"))
    assert words_of(page.css_first("select[name=from] [selected]")).startswith("1.0.0 with ")
    assert page.css_first("input[type=hidden][name=from]").attributes["value"] == "1.0.0"
    assert words_of(page.css_first(".notice:not(.bad)")).startswith("All topics of 1.0.0, as JSON")
    assert words_of(page.css_first("label[for=content]")) == "Or JSON"
    # One that is gone meanwhile is no choice any more.
    page = browser.post("/taxonomies", sent | {"from": "9.0.0"}, status=422)
    assert not page.css("select[name=from] [selected]")
    make(alice, TAXONOMIES["paths alone"], "2.0.0")
    page = browser.get("/taxonomies/new?from=2.0.0")
    assert words_of(page.css_first("label[for=content]")) == "Or the paths"
