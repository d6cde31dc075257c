"""Two who edit the same agent: both changes come together, nobody's is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.browser import Browser
from tests.cast import Cast
from tests.factories import make_agent
from webapp.agents import deletion, services
from webapp.agents.models import DEFINITION
from webapp.agents.schemas import AgentUpdate
from webapp.agents.versions.merging import merge
from webapp.core.actor import Actor

BASE: dict[str, Any] = dict.fromkeys(DEFINITION) | {
    "name": "A", "instructions": "one\ntwo\nthree\nfour\nfive\n", "tools": ["a", "b"],
    "handoff_targets": [], "panels": [], "features_config": {"x": 1, "y": 1},
}  # fmt: skip


@pytest.mark.parametrize(
    ("mine", "theirs", "together", "conflicts"),
    [
        ({"name": "B"}, {"voice": "v"}, {"name": "B", "voice": "v"}, []),
        ({"name": "B"}, {"name": "B"}, {"name": "B"}, []),
        ({"name": "B"}, {"name": "C"}, {"name": "B"}, ["name"]),
        ({"tools": ["b", "c"]}, {"tools": ["a", "b", "d"]}, {"tools": ["b", "c", "d"]}, []),
        ({"tools": ["b"]}, {"tools": ["a"]}, {"tools": []}, []),
        ({"features_config": {"x": 2, "y": 1}}, {"features_config": {"x": 1, "y": 1, "z": 3}},
         {"features_config": {"x": 2, "y": 1, "z": 3}}, []),
        ({"features_config": {"x": 2, "y": 1}}, {"features_config": {"x": 3, "y": 1}},
         {"features_config": {"x": 2, "y": 1}}, ["features_config"]),
        ({"features_config": {"x": True, "y": 1}}, {"features_config": {"x": 1, "y": 0}},
         {"features_config": {"x": True, "y": 0}}, []),
        ({"features_config": {"x": 2, "y": 1}}, {"features_config": {"x": 1}},
         {"features_config": {"x": 2}}, []),
        ({"features_config": {"x": 1}}, {"features_config": {"x": 2, "y": 1}},
         {"features_config": {"x": 2}}, []),
        ({"features_config": {"x": 1}}, {"features_config": {"x": 1, "y": 2}},
         {"features_config": {"x": 1}}, ["features_config"]),
        ({"features_config": {"x": 2, "y": 1}}, {"features_config": {"x": 1, "y": 1, "z": None}},
         {"features_config": {"x": 2, "y": 1, "z": None}}, []),
        ({"features_config": {"x": 2, "y": 1}}, {"features_config": {"x": 1, "y": None}},
         {"features_config": {"x": 2, "y": None}}, []),
        ({"instructions": "ONE\ntwo\nthree\nfour\nfive\n"},
         {"instructions": "one\ntwo\nthree\nfour\nFIVE\nsix\n"},
         {"instructions": "ONE\ntwo\nthree\nfour\nFIVE\nsix\n"}, []),
        ({"instructions": "ONE\n"}, {"instructions": "eins\n"}, {"instructions": "ONE\n"},
         ["instructions"]),
    ],
)  # fmt: skip
def test_changes_are_brought_together(
    mine: dict[str, Any], theirs: dict[str, Any], together: dict[str, Any], conflicts: list[str]
) -> None:
    result = merge(BASE, BASE | mine, BASE | theirs)
    assert json.dumps(result.values, sort_keys=True) == json.dumps(BASE | together, sort_keys=True)
    assert result.conflicts == conflicts
    assert set(result.theirs) == set(theirs)


def test_the_order_that_they_gave_a_schema_stays() -> None:
    base = BASE | {"output_schema": {"properties": {"answer": {}, "reason": {}}}}
    theirs = base | {"output_schema": {"properties": {"reason": {}, "answer": {}}}}
    result = merge(base, base | {"voice": "v"}, theirs)
    assert list(result.values["output_schema"]["properties"]) == ["reason", "answer"]
    assert result.theirs == ["output_schema"]


@pytest.mark.parametrize("ours", [
    {"title": "T", "properties": {"answer": {}, "reason": {}}},
    {"properties": {"answer": {}, "reason": {}, "source": {}}},
])  # fmt: skip
def test_also_where_somebody_changed_something_else_of_it(ours: dict[str, Any]) -> None:
    base = BASE | {"output_schema": {"properties": {"answer": {}, "reason": {}}}}
    theirs = {"properties": {"reason": {}, "answer": {}}}
    for mine, other in ((ours, theirs), (theirs, ours)):
        result = merge(base, base | {"output_schema": mine}, base | {"output_schema": other})
        merged = result.values["output_schema"]
        assert list(merged["properties"])[:2] == ["reason", "answer"]
        assert (merged.get("title"), len(merged["properties"])) == (
            ours.get("title"), len(ours["properties"]),
        )  # fmt: skip
        assert not result.conflicts


def form_of(page: Any) -> dict[str, Any]:
    """The edit form's values as a browser would send them."""
    values = {
        node.attributes["name"]: node.attributes.get("value") or ""
        for node in page.css("form.form input[name]:not([type=checkbox])")
    }
    values |= {
        node.attributes["name"]: (node.text() or "").removeprefix("\r\n").removeprefix("\n")
        for node in page.css("form.form textarea[name]")
    }
    values |= {
        node.attributes["name"]: node.css_first("option[selected]").attributes["value"]
        for node in page.css("form.form select[name]")
    }
    values["panels"] = [
        node.attributes["value"]
        for node in page.css("input[name=panels]")
        if "checked" in node.attributes
    ]
    return values


def test_the_form_tells_who_was_faster_and_keeps_both(
    browser: Browser, cast: Cast, alice: Actor
) -> None:
    make_agent(alice, handle="a", instructions="one\ntwo\nthree\nfour", panels=["notepad"])
    form = form_of(browser.get("/agents/a/edit"))
    services.update_agent(
        "a", AgentUpdate(instructions="one\ntwo\nthree\nFOUR", tools=["x"], version_note="Loud"),
        actor=cast.actor("alice"),
    )  # fmt: skip
    form |= {"instructions": "ONE\ntwo\nthree\nfour", "description": "mine", "version_note": "Me"}
    page = browser.post("/agents/a", form, status=409)
    told = " ".join(page.css_first("#edit-conflict").text().split())
    assert "v2 alice@example.com changed instructions, tools: Loud" in told
    assert services.get_agent("a", actor=alice).current_version == 2
    merged = form_of(page)
    assert merged["instructions"].replace("\r\n", "\n") == "ONE\ntwo\nthree\nFOUR"
    assert (merged["tools"], merged["description"]) == ("x", "mine")
    assert (merged["base"], merged["origin"], merged["version_note"]) == ("2", "1", "Me")
    page = browser.post("/agents/a", merged)
    agent = services.get_agent("a", actor=alice)
    assert (agent.current_version, agent.version_note) == (3, "Me")
    assert (agent.instructions, agent.tools) == ("ONE\ntwo\nthree\nFOUR", ["x"])
    assert agent.panels == ["notepad"]


def test_what_both_changed_is_for_the_person_to_decide(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="a", name="A", model="old")
    form = form_of(browser.get("/agents/a/edit"))
    services.update_agent("a", AgentUpdate(name="Theirs", model="m2"), actor=alice)
    page = browser.post("/agents/a", form | {"name": "Mine", "model": "m1"}, status=409)
    assert [node.attributes["value"] for node in page.css("button[name=take]")] == ["name", "model"]
    merged = form_of(page)
    assert (merged["name"], merged["model"]) == ("Mine", "m1")
    page = browser.post("/agents/a", merged | {"take": "name"}, status=409)
    taken = form_of(page)
    assert (taken["name"], taken["model"]) == ("Theirs", "m1")
    assert [node.attributes["value"] for node in page.css("button[name=take]")] == ["model"]
    browser.post("/agents/a", taken)
    agent = services.get_agent("a", actor=alice)
    assert (agent.name, agent.model, agent.current_version) == ("Theirs", "m1", 3)


def test_targets_that_are_gone_survive_an_edit_of_something_else(
    browser: Browser, alice: Actor
) -> None:
    gone = make_agent(alice, handle="gone")
    there = make_agent(alice, handle="there")
    make_agent(alice, handle="a", handoff_targets=["gone", "there"])
    deletion.delete_agent("gone", actor=alice)
    form = form_of(browser.get("/agents/a/edit"))
    assert form["handoff_targets"] == "there"
    browser.post("/agents/a", form | {"description": "new"})
    assert services.get_agent("a", actor=alice).handoff_targets == [gone.id, there.id]


def test_saving_without_a_change_makes_no_version(browser: Browser, alice: Actor) -> None:
    make_agent(
        alice, handle="a", features_config={"x": 1}, retrieval_config={"top_k": 7, "own": True},
        output_schema={"type": "object", "properties": {"z": {}, "a": {}}}, persona="p",
    )  # fmt: skip
    page = browser.post("/agents/a", form_of(browser.get("/agents/a/edit")))
    assert "Nothing has changed." in page.css_first("#toasts").text()
    assert services.get_agent("a", actor=alice).current_version == 1


def test_a_base_that_never_was_is_refused(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="a")
    form = form_of(browser.get("/agents/a/edit"))
    page = browser.post("/agents/a", form | {"base": "7", "name": "B"}, status=422)
    assert "Version not found: 7" in page.body.text()
    assert services.get_agent("a", actor=alice).current_version == 1


def test_the_preview_renders_markdown_and_nothing_else(browser: Browser) -> None:
    text = "# Hi\n\n<script>alert(1)</script> ![x](https://example.com/x.png) [a](javascript:b)"
    page = browser.post("/agents/preview", {"instructions": text})
    assert page.css_first("h3").text() == "Hi"
    assert page.css_first("script") is None
    assert page.css_first("img") is None
    assert page.css("a") == []
    too_long = {"instructions": "x" * 200_001}
    browser.post("/agents/preview", too_long, status=422, headers={"HX-Request": "true"})
