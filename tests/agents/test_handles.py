"""What an agent is called in addresses: its handle, its UUID, and nobody else's."""

from __future__ import annotations

import json
import re

import pytest
from apiflask import APIFlask

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent
from webapp.agents.models import handle_from
from webapp.core.actor import Actor


@pytest.mark.parametrize(
    ("name", "handle"),
    [
        ("Größenwahn-Prüfer", "groessenwahn-pruefer"),
        ("Ærøskøbing", "aeroskobing"),
        ("Café Łódź", "cafe-lodz"),
        ("日本語", "ri-ben-yu"),
        ("Привет", "privet"),
        ("snake_case", "snake_case"),
        ("😀", "agent"),
        ("Search", "search-agent"),
        ("x" * 80, "x" * 58),
        ("0b9ab5a5-6a4e-4d8e-9a62-1d1f0c6f4a11", "0b9ab5a5-6a4e-4d8e-9a62-1d1f0c6f4a11-agent"),
    ],
)
def test_a_handle_keeps_the_letters_of_a_name(name: str, handle: str) -> None:
    assert handle_from(name) == handle


def test_a_handle_that_reads_as_a_uuid_is_refused(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="first")
    api = cast.api("alice")
    for handle in (str(agent.id), agent.id.hex):
        body = {"name": "Second", "instructions": "x", "handle": handle}
        for path, sent in (("/agents", body), ("/agents/import", [body])):
            refused = api.post(path, sent)
            assert refused.status_code == 422
            assert "must not read as a UUID" in refused.json["errors"][0]["message"]
    made = api.post("/agents", {"name": str(agent.id), "instructions": "x"})
    assert made.json["handle"] == f"{agent.id}-agent"
    assert api.request("PATCH", f"/agents/{agent.id}", {"paused": True}).json["handle"] == "first"


def test_no_agent_can_be_called_like_a_page_beside_the_agents(app: APIFlask, cast: Cast) -> None:
    rules = [str(rule) for rule in app.url_map.iter_rules()]
    places = [re.match(r"(?:/api/v1)?/agents/([^/<]+)", rule) for rule in rules]
    words = {place[1] for place in places if place}
    assert {"new", "import", "bulk"} <= words
    for word in sorted(words):
        body = {"name": word, "instructions": "x"}
        assert cast.api("alice").post("/agents", body | {"handle": word}).status_code == 422, word
        assert cast.api("alice").post("/agents", body).json["handle"] == f"{word}-agent"


def test_an_id_wins_over_a_handle_of_older_days(cast: Cast, alice: Actor) -> None:
    first, second = make_agent(alice, handle="first"), make_agent(alice, handle="second")
    second.handle = str(first.id)
    from webapp.core.extensions import db

    db.session.commit()
    api = cast.api("alice")
    assert api.get(f"/agents/{first.id}").json["handle"] == "first"
    assert api.put(f"/agents/{first.id}", {"voice": "v"}).status_code == 200
    assert api.get(f"/agents/{second.id}").json["id"] == str(second.id)


def test_children_are_found_by_their_parents_id_as_by_its_handle(
    cast: Cast, alice: Actor, charlie: Actor
) -> None:
    parent = make_agent(alice, handle="parent")
    make_agent(alice, handle="child", parent="parent")
    elsewhere = make_agent(charlie, handle="parent")
    api = cast.api("vera")
    for reference in ("parent", str(parent.id), parent.id.hex):
        found = api.get(f"/agents?parent={reference}").json
        assert [agent["handle"] for agent in found] == ["child"]
    assert api.get(f"/agents?parent={elsewhere.id}").json == []


def test_a_deleted_agent_says_to_admins_how_it_comes_back(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="gone")
    admin = cast.api("alice")
    admin.delete("/agents/gone")
    for reference in ("gone", str(agent.id)):
        problem = admin.get(f"/agents/{reference}").json
        assert problem["detail"] == f"Agent not found: {reference}"
        assert f"POST /api/v1/agents/{agent.id}/restore" in problem["suggestions"][0]
        for other in ("vera", "charlie"):
            assert "suggestions" not in cast.api(other).get(f"/agents/{reference}").json
    assert "suggestions" not in admin.get("/agents/never-there").json
    assert admin.post(f"/agents/{agent.id}/restore").status_code == 200


def test_an_import_wants_instructions_as_creating_does(cast: Cast) -> None:
    api = cast.api("alice")
    for item in ({"name": "Silent"}, {"name": "Silent", "model_overrides": {}}):
        refused = api.post("/agents/import", [item])
        assert refused.status_code == 422
        assert refused.json["errors"][0]["field"] == "agents.0.instructions"
    spawned = {"name": "Spawned", "model_overrides": {"model": "gpt-4.1-mini"}}
    assert api.post("/agents/import", [spawned]).json["created"] == 1
    by_catalog = {"id": "by-catalog", "model_config_id": "extractive"}
    assert api.post("/agents", by_catalog).status_code == 201
    written = api.get("/agents/export").json
    for name in ("spawned", "by-catalog"):
        api.delete(f"/agents/{name}?permanent=true")
    assert api.post("/agents/import", written).json["created"] == 2


def test_the_page_exports_what_is_ticked(browser: Browser, alice: Actor) -> None:
    one, two, three = (make_agent(alice, handle=name, name=name) for name in ("one", "two", "six"))

    def exported(query: str) -> list[str]:
        browser.get(f"/agents/export?include=handoffs{query}")
        assert browser.response is not None
        return sorted(item["handle"] for item in json.loads(browser.response.text))

    assert exported(f"&id={one.id}&id={three.id}") == ["one", "six"]
    assert exported(f"&q=two&id={one.id}") == ["one"]
    assert exported("&q=two") == ["two"]
    assert exported(f"&all=true&q=two&id={one.id}") == ["two"]
    bar = browser.get("/agents").css_first("#bulk")
    button = bar.css_first("[formaction]")
    assert button.attributes["formaction"] == "/agents/export"
    assert bar.css_first("[name=include]").attributes["value"] == "handoffs"
    # What is not chosen row by row is exported from the foot: all that the list shows, filtered.
    link = browser.get("/agents?q=two&sort=name").css_first(".list-foot a")
    assert words_of(link) == "Export 1"
    assert link.attributes["href"] == "/agents/export?include=handoffs&q=two"
    assert two.handle == "two"


def test_taken_handles_are_numbered_past_all_that_are_there(cast: Cast, alice: Actor) -> None:
    for number in (1, 2, 3, 5, 9):
        make_agent(alice, handle="x" if number == 1 else f"x-{number}", name=f"There {number}")
    make_agent(alice, handle="x-old", name="There too")
    api = cast.api("alice")
    items = [{"name": f"New {at}", "handle": "x", "instructions": "Help."} for at in range(6)]
    made = api.post("/agents/import", items).json
    given = [item["handle"] for item in made["items"]]
    assert given == ["x-4", "x-6", "x-7", "x-8", "x-10", "x-11"]
    assert api.post("/agents/x/duplicate").json["handle"] == "there-1-copy"
    assert api.post("/agents/x/duplicate").json["handle"] == "there-1-copy-2"


def test_an_import_tells_names_apart_that_sort_alike(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a", name="Alpha")
    items = [{"name": name, "instructions": "Help."} for name in ("ALPHA", "Alpha", "alpha")]
    imported = cast.api("alice").post("/agents/import", items).json
    assert [item["outcome"] for item in imported["items"]] == ["created", "skipped", "created"]
