"""Export and import (docs/contract/agents.md, 6.10)."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests.browser import Browser
from tests.cast import Cast
from tests.factories import make_agent
from webapp.agents import deletion, services
from webapp.agents.models import DEFINITION
from webapp.agents.releases import services as releases
from webapp.agents.schemas import AgentQuery, AgentUpdate, PublishRequest
from webapp.audit import services as audit
from webapp.core.actor import Actor

ITEM = {"name": "New", "instructions": "Do."}


def test_an_export_is_a_portable_array(cast: Cast, alice: Actor, charlie: Actor) -> None:
    make_agent(alice, handle="b", name="B")
    make_agent(alice, handle="a", name="A", tools=["x"], handoff_targets=["b"])
    make_agent(alice, handle="gone", name="Gone")
    deletion.delete_agent("gone", actor=alice)
    make_agent(charlie, name="Theirs")
    response = cast.api("alice").get("/agents/export")
    assert response.mimetype == "application/json"
    assert "agents.json" in response.headers["Content-Disposition"]
    items = {item["handle"]: item for item in response.json}
    assert set(items) == {"a", "b"}
    assert set(items["a"]) == {"handle", *DEFINITION} - {"handoff_targets"}
    assert items["a"]["tools"] == ["x"]
    narrowed = cast.api("alice").get("/agents/export?q=b&include=handoffs").json
    assert [item["handle"] for item in narrowed] == ["b"]
    only = cast.api("alice").get("/agents/export?agent=a&include=handoffs").json
    assert [(item["handle"], item["handoff_targets"]) for item in only] == [("a", ["b"])]
    assert cast.api("bob").get("/agents/export").status_code == 403
    assert cast.api("alice").get("/agents/export?include=secrets").status_code == 422


@pytest.mark.parametrize("text", ["1e22", "-1.5e300", "9223372036854775807", "1e-9", "2.0", "0.1"])
def test_a_number_is_exported_as_the_number_that_came(cast: Cast, text: str) -> None:
    body = f'{{"name": "A", "instructions": "x", "features_config": {{"x": [{text}]}}}}'
    headers = {"Content-Type": "application/json"}
    made = cast.api("alice").post("/agents", data=body.encode(), headers=headers)
    assert made.status_code == 201, made.text
    read = cast.api("alice").get(f"/agents/{made.json['id']}")
    assert read.json["features_config"] == {"x": [json.loads(text)]}
    exported = cast.api("alice").get("/agents/export")
    answer = cast.api("charlie").post("/agents/import", data=exported.data, headers=headers)
    assert (answer.status_code, answer.json["created"]) == (200, 1), answer.text
    agent = cast.api("charlie").get("/agents/export").json[0]
    assert agent["features_config"] == {"x": [json.loads(text)]}


def test_what_an_export_wrote_an_import_reads(cast: Cast, alice: Actor, charlie: Actor) -> None:
    make_agent(alice, handle="b", name="B")
    make_agent(
        alice, handle="a", name="A", tools=["x"], handoff_targets=["b"], persona="p",
        input_schema={"type": "object", "properties": {"z": {}, "a": {}}},
    )  # fmt: skip
    services.update_agent("b", AgentUpdate(handoff_targets=["a"]), actor=alice)
    data = cast.api("alice").get("/agents/export?include=handoffs").json
    theirs = cast.api("charlie")
    answer = theirs.post("/agents/import", data).json
    assert (answer["created"], answer["skipped"]) == (2, 0)
    assert len(answer["agents"]) == 2
    assert theirs.get("/agents/export?include=handoffs").json == data or sorted(
        theirs.get("/agents/export?include=handoffs").json, key=lambda item: item["handle"]
    ) == sorted(data, key=lambda item: item["handle"])
    again = theirs.post("/agents/import", {"agents": data}).json
    assert (again["created"], again["skipped"], again["agents"]) == (0, 2, [])
    assert {item["reason"] for item in again["items"]} == {"an agent of this name is there already"}
    assert theirs.get("/agents/search").json["total"] == 2


def test_history_and_releases_travel_when_asked_for(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a", name="A", version_note="first")
    services.update_agent("a", AgentUpdate(voice="v"), actor=alice)
    releases.publish_version("a", 2, PublishRequest(changelog="Hello"), actor=alice)
    services.update_agent("a", AgentUpdate(voice="w", version_note="third"), actor=alice)
    data = cast.api("alice").get("/agents/export?include=versions").json
    theirs = cast.api("charlie")
    answer = theirs.post("/agents/import", data).json
    agent = answer["agents"][0]
    assert (agent["current_version"], agent["voice"], agent["status"]) == (3, "w", "published")
    assert agent["environments"] == {"production": {"version": 2, "semver": "1.0.0"}}
    mine, copy = (cast.api(name).get("/agents/a/versions").json for name in ("alice", "charlie"))
    for ours, other in zip(mine, copy, strict=True):
        for name in ("version", "snapshot", "author", "note", "created_at"):
            assert ours[name] == other[name], name
    released = theirs.get("/agents/a/releases").json["releases"]
    assert [(r["semver"], r["version"], r["changelog"]) for r in released] == [
        ("1.0.0", 2, "Hello")
    ]  # fmt: skip
    # The history goes on where it was.
    assert theirs.put("/agents/a", {"voice": "z"}).json["current_version"] == 4
    assert theirs.post("/agents/a/versions/1/rollback").json["current_version"] == 5
    assert theirs.post("/agents/a/versions/5/publish", {}).json["semver"] == "1.0.1"


def test_a_dry_run_says_what_would_happen_and_writes_nothing(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="taken", name="There")
    entries = len(audit.latest(alice.organization_id, limit=50)) + 1  # the key
    api = cast.api("alice")
    data = [ITEM | {"handle": "taken"}, {"name": "There", "instructions": "x"}, ITEM]
    answer = api.post("/agents/import?dry_run=true", data).json
    assert answer["is_dry_run"] is True
    assert (answer["created"], answer["skipped"], answer["agents"]) == (1, 2, [])
    assert [(i["index"], i["outcome"], i["handle"]) for i in answer["items"]] == [
        (0, "created", "taken-2"), (1, "skipped", None), (2, "skipped", None)
    ]  # fmt: skip
    assert answer["items"][0]["reason"] == "its handle was taken"
    assert api.get("/agents/search").json["total"] == 1
    assert len(audit.latest(alice.organization_id, limit=50)) == entries


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"name": "Bad One", "instructions": "x", "modality": "smell"}, "'Bad One': agents.1.mod"),
        ({"name": "Bad One", "instructions": "x", "colour": "red"}, "agents.1.colour"),
        ({"instructions": "x"}, "agents.1.name"),
        ("text", "agents.1"),
        ({"name": "B", "instructions": "x", "handle": "search"}, "reserved"),
        ({"name": "B", "instructions": "x", "handle": "No Handle"},
         "agents.1.handle: Must be 1 to 64 lower-case letters, digits, - and _"),
        ({"name": "B", "instructions": "x", "input_schema": {"$ref": "http://x"}}, "input_schema"),
        ({"name": "B", "instructions": "x", "versions": [{"version": 5, "snapshot": {"name": "B"},
          "created_at": "2026-01-01T00:00:00Z"}]}, "above current_version"),
    ],
)  # fmt: skip
def test_one_bad_item_and_nothing_is_written(cast: Cast, bad: Any, words: str) -> None:
    api = cast.api("alice")
    refused = api.post("/agents/import", [ITEM, bad])
    assert refused.status_code == 422
    assert words in refused.json["detail"], refused.json["detail"]
    assert "Nothing was imported" in refused.json["detail"]
    assert api.get("/agents").json == []


def test_a_hand_off_to_nobody_refuses_the_whole_file(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="there")
    api = cast.api("alice")
    data = [ITEM | {"handoff_targets": ["there", "later"]}, {"name": "Later", "instructions": ""}]
    refused = api.post("/agents/import", [data[0]])
    assert (refused.status_code, refused.json["extras"]["invalid"]) == (400, ["later"])
    assert len(api.get("/agents").json) == 1
    answer = api.post("/agents/import", data).json
    assert answer["created"] == 2
    assert len(answer["agents"][0]["handoff_targets"]) == 2


def test_nonsense_is_refused(cast: Cast) -> None:
    api = cast.api("alice")
    for data in ({}, {"agents": {}}, "text", 3, {"agents": [], "more": 1}):
        assert api.post("/agents/import", data).status_code == 422, data
    assert api.post("/agents/import", []).json["created"] == 0
    assert cast.api("bob").post("/agents/import", []).status_code == 403
    many = [{"name": str(number), "instructions": "x"} for number in range(10_001)]
    assert api.post("/agents/import", many).status_code == 422


def test_the_wizard_shows_a_table_before_it_writes(browser: Browser, alice: Actor) -> None:
    make_agent(alice, name="There")
    text = json.dumps([ITEM, {"name": "There", "instructions": "x"}])
    file = {"file": (io.BytesIO(text.encode()), "agents.json")}
    page = browser.post("/agents/import", file, content_type="multipart/form-data")
    assert page.css_first("h1").text() == "Check the import"
    assert [[cell.text().strip() for cell in row.css("td")] for row in page.css("tbody tr")] == [
        ["1", "New", "new-agent", "created", "–"],
        ["2", "There", "–", "skipped an agent of this name is there already", "–"],
    ]
    assert services.list_agents(AgentQuery(), actor=alice).total == 1
    content = page.css_first("input[name=content]").attributes["value"]
    page = browser.post("/agents/import", {"content": content, "confirmed": "true"})
    assert "1 agent imported." in page.css_first("#toasts").text()
    assert services.get_agent("new-agent", actor=alice).name == "New"


def test_the_wizard_takes_more_than_a_usual_form_may_hold(browser: Browser, alice: Actor) -> None:
    items = [{"name": f"n{number}", "instructions": "word " * 500} for number in range(600)]
    text = json.dumps(items)
    assert len(text) > 1_048_576
    file = {"file": (io.BytesIO(text.encode()), "agents.json")}
    page = browser.post("/agents/import", file, content_type="multipart/form-data")
    content = page.css_first("input[name=content]").attributes["value"]
    form = {"content": content, "confirmed": "true"}
    browser.post("/agents/import", form, content_type="multipart/form-data")
    assert services.count_agents(actor=alice) == 600


def test_the_wizard_says_what_is_wrong(browser: Browser) -> None:
    for text, words in (
        ("", "Choose a file"),
        ("{", "not JSON (line 1)"),
        ('[{"name": "Bad One", "instructions": "x"}, 3]', "agents.1"),
    ):
        page = browser.post("/agents/import", {"content": text}, status=422)
        assert words in page.css_first(".notice.bad").text()
    binary = {"file": (io.BytesIO(b"\xff\xfe\x00"), "agents.json")}
    page = browser.post("/agents/import", binary, status=422, content_type="multipart/form-data")
    assert "UTF-8" in page.css_first(".notice.bad").text()


def test_the_page_exports_one_agent_or_all(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="a", name="A")
    make_agent(alice, handle="ab", name="Ab")
    browser.get("/agents/export?agent=a&include=versions")
    assert browser.response is not None
    assert [item["handle"] for item in browser.response.json] == ["a"]
    browser.get("/agents/export?q=&include=handoffs&include=versions")
    assert len(browser.response.json) == 2
    assert all("versions" in item for item in browser.response.json)
    browser.get("/agents/export?status=nonsense", status=422)
