"""Versions: kept, numbered, listed and shown (docs/contract/agents.md, 6.6 and 6.7)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from apiflask import APIFlask

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent
from webapp.agents import deletion, services
from webapp.agents.bulk import services as bulk
from webapp.agents.bulk.schemas import BulkChanges, BulkSelection
from webapp.agents.models import DEFINITION, AgentVersion
from webapp.agents.schemas import AgentPatch, AgentUpdate
from webapp.agents.versions import services as versions
from webapp.agents.versions.services import list_history
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.core.lists import Paging


def kept(agent_id: object, actor: Actor) -> list[int]:
    page = versions.list_versions(str(agent_id), Paging(limit=100), actor=actor)
    return [row.version for row in page.items]


def test_an_update_keeps_the_state_before_it_with_author_time_and_note(
    cast: Cast, alice: Actor
) -> None:
    agent = make_agent(alice, handle="a", tools=["x"], version_note="The first")
    created = agent.created_at
    api = cast.api("alice")
    answer = api.put("/agents/a", {"voice": "v", "version_note": "It speaks now"}).json
    assert answer["current_version"] == 2
    row = api.get("/agents/a/versions/1").json
    assert row["agent_id"] == str(agent.id)
    assert row["snapshot"]["voice"] is None
    assert row["snapshot"]["tools"] == ["x"]
    assert set(row["snapshot"]) == set(DEFINITION)
    assert row["author"] == "alice@example.com"
    assert row["note"] == "The first"
    assert row["created_at"][:19] == created.isoformat()[:19]
    api.put("/agents/a", {"voice": "w"})
    second = api.get("/agents/a/versions/2").json
    assert (second["snapshot"]["voice"], second["note"]) == ("v", "It speaks now")
    assert second["author"] == "alice's key (alice@example.com)"


@pytest.mark.parametrize(
    ("name", "value"),
    [("name", "New"), ("description", "d"), ("instructions", "i"), ("model", "m"), ("voice", "v"),
     ("tools", ["t"]), ("modality", "audio_camera"), ("panels", ["notepad"]), ("persona", "p"),
     ("scope_description", "s"), ("retrieval_config", {"top_k": 9}),
     ("features_config", {"a": 1}), ("input_schema", {"type": "object"}),
     ("output_schema", {"type": "object"}), ("model_overrides", {"temperature": 0})],
)  # fmt: skip
def test_every_field_of_the_definition_counts(alice: Actor, name: str, value: object) -> None:
    agent = make_agent(alice)
    services.update_agent(agent.id, AgentUpdate(**{name: value}), actor=alice)
    assert agent.current_version == 2
    services.update_agent(agent.id, AgentUpdate(**{name: value}), actor=alice)
    assert agent.current_version == 2
    assert kept(agent.id, alice) == [1]


ANSWER_FIRST = {"type": "object", "properties": {"answer": {}, "reason": {}}}
REASON_FIRST = {"type": "object", "properties": {"reason": {}, "answer": {}}}


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("output_schema", {"enum": [1, True]}, {"enum": [True, 1]}),
        ("output_schema", ANSWER_FIRST, REASON_FIRST),
        ("input_schema", {"default": {"a": 1, "b": 0}}, {"default": {"a": 1.0, "b": 0}}),
        ("features_config", {"a": True, "b": 0}, {"a": 1, "b": 0}),
    ],
)  # fmt: skip
def test_what_only_reads_differently_is_kept_and_compared(
    cast: Cast, alice: Actor, name: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    make_agent(alice, handle="a", **{name: before})
    api = cast.api("alice")
    answer = api.put("/agents/a", {name: after}).json
    assert answer["current_version"] == 2
    assert json.dumps(api.get("/agents/a").json[name]) == json.dumps(after)
    [change] = api.get("/agents/a/versions/1/diff/current").json["changes"]
    assert change["field"] == name
    assert json.dumps([change["before"], change["after"]]) == json.dumps([before, after])
    api.post("/agents/a/versions/1/rollback")
    assert json.dumps(api.get("/agents/a").json[name]) == json.dumps(before)


def test_neither_the_order_of_switches_nor_how_a_number_is_written_is_a_change(
    cast: Cast, alice: Actor
) -> None:
    make_agent(alice, handle="a", features_config={"alpha": 1, "b": 1e16})
    body = {"features_config": {"b": 1e16, "alpha": 1.0}}
    for _ in range(2):
        assert cast.api("alice").put("/agents/a", body).json["current_version"] == 1


def test_settings_of_retrieval_are_compared_in_words(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="a", retrieval_config={"top_k": 5, "strategy": "hybrid"})
    new = {"top_k": 8, "strategy": "keyword", "depth": [1]}
    services.update_agent(agent.id, AgentUpdate(retrieval_config=new), actor=alice)
    page = cast.browser("alice").get("/agents/a/versions/compare?from=1&to=2")
    told = [words_of(line) for line in page.css("#change-retrieval_config .items")]
    assert told == ["Top k 5 8", "Search Hybrid Keyword", "Depth [ 1 ]"]
    assert not page.css("#change-retrieval_config .diff")


def test_handoff_targets_count_too(alice: Actor) -> None:
    make_agent(alice, handle="other")
    agent = make_agent(alice)
    services.update_agent(agent.id, AgentUpdate(handoff_targets=["other"]), actor=alice)
    assert agent.current_version == 2


def test_what_is_no_definition_makes_no_version(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="a")
    services.update_agent("a", AgentPatch(paused=True), actor=alice)
    deletion.delete_agent("a", actor=alice)
    deletion.restore_agent("a", actor=alice)
    assert agent.current_version == 1
    revision = agent.revision
    assert revision == 4
    api = cast.api("alice")
    for body in ({}, {"name": agent.name}, {"version_note": "nothing else"}):
        assert api.put("/agents/a", body).json["current_version"] == 1
    assert api.request("PATCH", "/agents/a", {}).json["revision"] == revision
    assert kept(agent.id, alice) == []


def test_versions_are_listed_newest_first_and_paged(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a")
    api = cast.api("alice")
    for number in range(4):
        api.put("/agents/a", {"description": str(number)})
    response = cast.api("vera").get("/agents/a/versions?limit=3")
    assert [row["version"] for row in response.json] == [4, 3, 2]
    assert response.headers["X-Total-Count"] == "4"
    assert 'rel="next"' in response.headers["Link"]


def test_a_version_that_is_not_there_is_404_and_the_current_one_says_so(
    cast: Cast, alice: Actor
) -> None:
    make_agent(alice, handle="a")
    api = cast.api("alice")
    current = api.get("/agents/a/versions/1")
    assert (current.status_code, current.json["code"]) == (404, "version_is_current")
    assert "publish" in current.json["suggestions"][0]
    for version in ("2", "0", "99999999999999999999", "x"):
        assert api.get(f"/agents/a/versions/{version}").status_code == 404
    for path in ("/agents/nobody/versions", "/agents/nobody/versions/1"):
        assert api.get(path).json["detail"] == "Agent not found: nobody"
        assert cast.api("charlie").get(path.replace("nobody", "a")).status_code == 404


def test_concurrent_writers_lose_and_repeat_no_number(app: APIFlask, alice: Actor) -> None:
    """PUTs, bulk changes and rollbacks at once (docs/contract/versions.md, versions)."""
    agent_id = str(make_agent(alice, handle="a").id)

    def write(number: int) -> int:
        with app.app_context():
            if number % 5 == 0:
                changes = BulkChanges(description=f"bulk {number}")
                bulk.update_agents(BulkSelection(ids=["a"]), changes, actor=alice)
                return 0
            agent = services.update_agent(
                agent_id, AgentUpdate(description=f"text {number}"), actor=alice
            )
            return agent.current_version

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(write, range(50)))
    db.session.expire_all()
    agent = services.get_agent("a", actor=alice)
    assert agent.current_version == 51
    assert kept(agent_id, alice) == list(range(50, 0, -1))
    single = [version for version in answers if version]
    assert len(set(single)) == len(single) == 40
    rows = db.session.query(AgentVersion).filter_by(agent_id=agent.id).all()
    texts = [row.snapshot["description"] for row in rows] + [agent.description]
    assert len(set(texts)) == 51


def test_the_timeline_says_who_changed_what(browser: Browser, alice: Actor) -> None:
    agent = make_agent(alice, handle="a")
    body = AgentUpdate(model="m", voice="v", version_note="A voice")
    services.update_agent(agent.id, body, actor=alice)
    history = list_history("a", actor=alice)
    assert [(entry.version, entry.changed) for entry in history.entries] == [
        (2, ["model", "voice"]), (1, [])
    ]  # fmt: skip
    page = browser.get("/agents/a/versions")
    first = page.css_first("#version-2").text()
    assert "A voice" in first
    assert "changed model, voice" in " ".join(first.split())
    assert "alice@example.com" in first
    assert page.css_first("#version-1 form button").text() == "Roll back to this"
    assert page.css_first("#version-2 form") is None


def test_who_made_versions_in_a_row_is_named_once(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="a")
    for actor, voice in ((alice, "b"), (replace(alice, name="a key"), "c"), (alice, "d")):
        services.update_agent("a", AgentUpdate(voice=voice), actor=actor)
    told = {row.id: words_of(row) for row in browser.get("/agents/a/versions").css(".version")}
    named = [name for name, words in told.items() if "alice@example.com ·" in words]
    assert named == ["version-4", "version-2"]
    assert "a key ·" in told["version-3"]


def test_values_of_ours_are_called_by_their_labels(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="a", panels=["notepad"])
    body = AgentUpdate(modality="audio_camera", panels=["coding_ide"])
    services.update_agent("a", body, actor=alice)
    page = browser.get("/agents/a/versions/compare?from=1&to=2")
    told = {
        name: words_of(page.css_first(f"#change-{name} .items")) for name in body.model_fields_set
    }
    assert told == {"modality": "Text or voice Voice and camera", "panels": "Notepad Coding IDE"}
    for path in ("/agents/a", "/agents/a/versions/2"):
        facts = " ".join(words_of(facts) for facts in browser.get(path).css(".facts"))
        assert "Modality Voice and camera" in facts
        assert "Panels Coding IDE" in facts


def test_the_timeline_pages_by_version(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="a")
    for number in range(25):
        services.update_agent("a", AgentUpdate(description=str(number)), actor=alice)
    page = browser.get("/agents/a/versions")
    assert len(page.css(".version")) == 20
    older = page.css_first("a[rel=next]").attributes["href"]
    assert older == "/agents/a/versions?before=7"
    assert len(browser.get(older).css(".version")) == 6
    assert "The history ends here" in browser.get("/agents/a/versions?before=1").body.text()
    browser.get("/agents/a/versions?before=x", status=303)


def test_a_version_has_a_page_also_for_viewers(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a", input_schema={"type": "object"}, tools=["x", "y"])
    services.update_agent("a", AgentUpdate(description="now"), actor=alice)
    vera = cast.browser("vera")
    page = vera.get("/agents/a/versions/1")
    assert "x, y" in page.body.text()
    assert "Retrieval Top k 5, Search Hybrid" in words_of(page.css_first("dl.facts"))
    assert vera.get("/agents/a/versions/2").css_first("form[method=post]:not([action*=sign])") is (
        None
    )
    vera.get("/agents/a/versions/3", status=404)


def test_nothing_to_show_yet(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="a")
    assert "This is the first" in words_of(browser.get("/agents/a/versions").body)


def test_instructions_are_drawn_and_very_long_ones_do_not_swell_the_page(
    browser: Browser, alice: Actor
) -> None:
    make_agent(alice, handle="a", instructions="# Be *brief*\n\n- One\n- Two")
    for address in ("/agents/a", "/agents/a/versions/1"):
        page = browser.get(address)
        assert page.css_first(".rendered h3 em").text() == "brief"
        assert len(page.css(".rendered li")) == 2
    make_agent(alice, name="B", handle="b", instructions="- `a` *b*\n" * 15_000)
    page = browser.get("/agents/b")
    assert "The first 20,000 characters." in " ".join(page.css_first(".part-of").text().split())
    assert len(page.html or "") < 200_000
    whole = browser.get(page.css_first(".part-of a").attributes["href"] or "")
    assert whole.css_first(".rendered .verbatim").text() == ("- `a` *b*\n" * 15_000)
    assert len(whole.html or "") < 200_000
