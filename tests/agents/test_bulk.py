"""Bulk update and deletion, by ids or by a filter (docs/contract/agents.md, bulk)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent
from tests.meanwhile import meanwhile
from tests.statements import noted
from webapp.agents import deletion, services
from webapp.agents.bulk import services as bulk
from webapp.agents.bulk.schemas import BulkSelection
from webapp.agents.models import Agent
from webapp.agents.schemas import AgentQuery
from webapp.audit import services as audit
from webapp.audit.models import AuditEntry
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.coverage.figures import get_figures


def newest_entries(actor: Actor, count: int) -> list[AuditEntry]:
    """One for each agent, which a page shows as one for all."""
    return audit.entries_after(0, actor.organization_id, limit=1000)[-count:]


@pytest.fixture
def three(alice: Actor) -> list[str]:
    return [str(make_agent(alice, handle=h, model="old" if h < "c" else "new").id) for h in "abc"]


def test_ids_are_changed_and_each_is_answered(
    cast: Cast, alice: Actor, charlie: Actor, three: list[str]
) -> None:
    foreign = str(make_agent(charlie, handle="theirs").id)
    missing = str(uuid4())
    body = {"ids": [three[0], "b", missing, foreign, three[0]], "changes": {"model": "new"}}
    answer = cast.api("alice").request("PATCH", "/agents/bulk", body).json
    assert answer["matched"] == 2
    by_id = {result["id"]: result for result in answer["results"]}
    assert {key: result["status"] for key, result in by_id.items()} == {
        three[0]: 200, three[1]: 200, missing: 404, foreign: 404
    }  # fmt: skip
    assert by_id[missing]["problem"]["detail"] == f"Agent not found: {missing}"
    assert by_id[three[0]]["changed"] == ["model"]
    assert [services.get_agent(h, actor=alice).current_version for h in "abc"] == [2, 2, 1]
    assert services.get_agent(foreign, actor=charlie).model == "extractive"


def test_a_filter_selects_all_that_match(cast: Cast, alice: Actor, three: list[str]) -> None:
    api = cast.api("alice")
    body = {"filter": {"q": "model:old"}, "changes": {"voice": "v", "paused": True}}
    dry = api.request("PATCH", "/agents/bulk?dry_run=true", body).json
    assert dry["matched"] == 2
    assert services.get_agent("a", actor=alice).current_version == 1
    answer = api.request("PATCH", "/agents/bulk", body).json
    assert answer["results"] == dry["results"]
    assert [result["changed"] for result in answer["results"]] == [["voice", "paused"]] * 2
    agent = services.get_agent("a", actor=alice)
    assert (agent.voice, agent.paused, agent.current_version) == ("v", True, 2)
    again = api.request("PATCH", "/agents/bulk", body).json
    assert [result["changed"] for result in again["results"]] == [[], []]


def test_what_is_refused_for_one_is_told_for_that_one(
    cast: Cast, alice: Actor, three: list[str]
) -> None:
    body = {"ids": three, "changes": {"handoff_targets": ["a"]}}
    answer = cast.api("alice").request("PATCH", "/agents/bulk", body).json
    assert [result["status"] for result in sorted(
        answer["results"], key=lambda result: three.index(result["id"])
    )] == [400, 200, 200]  # fmt: skip
    bad = {"ids": three, "changes": {"handoff_targets": ["nobody"]}}
    assert cast.api("alice").request("PATCH", "/agents/bulk", bad).status_code == 400


def test_deletion_is_soft_and_spares_parents(cast: Cast, alice: Actor, three: list[str]) -> None:
    make_agent(alice, handle="child", parent="a")
    api = cast.api("alice")
    answer = api.request("DELETE", "/agents/bulk", {"ids": ["a", "b"]}).json
    statuses = {result["id"]: result["status"] for result in answer["results"]}
    assert statuses == {three[0]: 409, three[1]: 204}
    assert answer["results"][0]["problem"] or answer["results"][1]["problem"]
    both = api.request("DELETE", "/agents/bulk", {"ids": ["a", "child"]}).json
    assert {result["status"] for result in both["results"]} == {204}
    assert deletion.restore_agent("a", actor=alice).is_active
    make_agent(alice, handle="child2", parent="a")
    forced = api.request("DELETE", "/agents/bulk?force=true", {"ids": ["a"]}).json
    assert forced["results"][0]["status"] == 204


@pytest.mark.parametrize(
    "body",
    [
        {}, {"ids": ["a"], "filter": {}}, {"ids": ["a"] * 1001}, {"ids": [""]},
        {"filter": {"colour": "red"}}, {"filter": {"limit": 3}}, {"ids": ["a"], "x": 1},
        {"ids": ["a"], "changes": {}}, {"ids": ["a"], "changes": {"version_note": "only"}},
        {"ids": ["a"], "changes": {"handle": "b"}}, {"ids": ["a"], "changes": {"modality": "x"}},
    ],
)  # fmt: skip
def test_a_wrong_shape_is_422_and_changes_nothing(
    cast: Cast, alice: Actor, three: list[str], body: dict[str, Any]
) -> None:
    default = {} if "changes" in body else {"changes": {"voice": "v"}}
    response = cast.api("alice").request("PATCH", "/agents/bulk", body | default)
    assert response.status_code == 422
    assert services.get_agent("a", actor=alice).current_version == 1


def test_only_admins_and_only_a_thousand(cast: Cast, alice: Actor, three: list[str]) -> None:
    for name in ("bob", "vera"):
        response = cast.api(name).request("DELETE", "/agents/bulk", {"ids": ["a"]})
        assert response.status_code == 403
    items = [{"name": f"n{number}", "instructions": "x"} for number in range(1000)]
    api = cast.api("alice")
    assert api.post("/agents/import", items).json["created"] == 1000
    with noted() as statements:
        many = api.request("DELETE", "/agents/bulk", {"filter": {}})
    assert (many.status_code, many.json["code"]) == (409, "too_many")
    # A thousand long rows are not read to be refused.
    assert not any("agents.instructions" in statement.text for statement in statements)
    assert services.count_agents(actor=alice) == 1003


def test_one_entry_of_the_audit_for_each(cast: Cast, alice: Actor, three: list[str]) -> None:
    cast.api("alice").request("DELETE", "/agents/bulk", {"ids": three})
    entries = newest_entries(alice, 3)
    assert {entry.subject_id for entry in entries} == set(three)
    assert {entry.action for entry in entries} == {"delete"}


def test_the_page_shows_what_would_happen_first(
    browser: Browser, alice: Actor, three: list[str]
) -> None:
    page = browser.get(f"/agents/bulk?action=pause&id={three[0]}&id={three[1]}")
    assert "2 will be paused" in " ".join(page.body.text().split())
    assert not services.get_agent("a", actor=alice).paused
    fields = {"action": "pause", "id": three[:2]}
    assert [node.attributes["value"] for node in page.css("form[method=post] [name=id]")] == (
        three[:2]
    )
    page = browser.post("/agents/bulk", fields)
    assert "2 agents paused." in page.css_first("#toasts").text()
    assert services.get_agent("b", actor=alice).paused
    page = browser.get("/agents/bulk?action=delete&all=true&q=model:old")
    assert "2 will be deleted" in " ".join(page.body.text().split())
    browser.post("/agents/bulk", {"action": "delete", "all": "true", "q": "model:old"})
    assert [a.handle for a in services.list_agents(AgentQuery(), actor=alice).items] == ["c"]


def test_the_list_is_filtered_as_before_when_it_is_done(browser: Browser, three: list[str]) -> None:
    chosen = f"id={three[1]}&id={three[0]}&q=model:old"
    for address in (f"action=change&{chosen}", f"action=pause&{chosen}"):
        page = browser.get(f"/agents/bulk?{address}")
        [cancel] = [link for link in page.css("a.button") if words_of(link) == "Cancel"]
        assert cancel.attributes["href"] == "/agents?q=model:old"
        named = [link.attributes["href"] for link in page.css("li > a, td > a")]
        assert named == [f"/agents/{agent_id}" for agent_id in three[:2]]  # a before b
    sent = {node.attributes["name"]: node.attributes["value"] for node in page.css("[name=q]")}
    fields = {"action": "pause", "id": three[:2]} | sent
    browser.post("/agents/bulk", fields, status=303)
    assert browser.response and browser.response.location == "/agents?q=model:old"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"action": "pause"}, "3 agents paused."),
        ({"action": "resume"}, "0 agents resumed."),
        ({"action": "change", "field": "voice", "value": "v"}, "Voice of 3 agents changed."),
        ({"action": "delete"}, "3 agents deleted."),
    ],
)
def test_the_answer_names_the_deed_and_with_how_many(
    browser: Browser, three: list[str], fields: dict[str, str], told: str
) -> None:
    page = browser.post("/agents/bulk", fields | {"id": three})
    assert told in words_of(page.css_first("#toasts"))


def test_agents_deleted_together_come_back_together(
    cast: Cast, browser: Browser, alice: Actor, three: list[str]
) -> None:
    make_agent(alice, handle="gone-before")
    deletion.delete_agent("gone-before", actor=alice)
    page = browser.post("/agents/bulk", {"action": "delete", "id": three[:2]})
    undo = page.css_first("#toasts form")
    assert words_of(undo) == "Undo"
    fields = {
        str(field.attributes["name"]): field.attributes["value"]
        for field in undo.css("input:not([name=csrf_token])")
    }
    address = str(undo.attributes["action"])
    for other in ("bob", "vera"):
        cast.browser(other).post(address, fields, status=403)
    list_page = {"Referer": "http://localhost/agents"}
    page = cast.browser("charlie").post(address, fields, headers=list_page)
    assert "None of these agents" in words_of(page.css_first("#toasts"))
    page = browser.post(address, fields)
    assert "2 agents restored." in words_of(page.css_first("#toasts"))
    found = services.list_agents(AgentQuery(), actor=alice).items
    assert {agent.handle for agent in found} == {"a", "b", "c"}
    entries = newest_entries(alice, 2)
    assert {(entry.action, entry.subject_id) for entry in entries} == {
        ("restore", three[0]), ("restore", three[1]),
    }  # fmt: skip
    page = browser.post(address, fields, headers=list_page)
    assert "None of these agents is deleted any more." in words_of(page.css_first("#toasts"))
    assert services.get_agent("a", actor=alice).is_active


def test_all_that_match_are_those_that_the_list_shows(
    browser: Browser, alice: Actor, three: list[str]
) -> None:
    covered = services.get_agent("a", actor=alice)
    get_figures(covered).coverage_percent = 50.0
    db.session.commit()
    address = "q=&active=true&min_coverage=40&is_sub=false"
    bar = browser.get(f"/agents?{address}").css_first("#bulk")
    hidden = {
        node.attributes["name"]: node.attributes["value"] for node in bar.css("[type=hidden]")
    }
    assert hidden == {"active": "true", "min_coverage": "40", "is_sub": "false",
                      "include": "handoffs"}  # fmt: skip
    page = browser.get(f"/agents/bulk?action=pause&all=true&{address}")
    assert "1 will be paused" in " ".join(page.body.text().split())
    browser.get("/agents/bulk?action=pause&all=true&min_coverage=much", status=422)


def test_the_page_changes_a_field(browser: Browser, alice: Actor, three: list[str]) -> None:
    url = f"/agents/bulk?action=change&id={three[0]}&id={three[2]}"
    page = browser.get(url)
    assert page.css_first("select[name=field]")
    assert "2 agents selected:" in " ".join(page.body.text().split())
    assert [item.text() for item in page.css("main li")].count("Coding Expert") == 2
    page = browser.get(f"{url}&field=model&value=new")
    assert words_of(page.css_first("h1")) == "Change 2 agents"
    button = page.css_first("form[method=post][action='/agents/bulk'] button")
    assert words_of(button) == "Change the model of 1 agent"
    told = {words_of(cell) for cell in page.css("tbody td:last-child")}
    assert told == {"model: old → new", "nothing It is so already."}
    assert "1 will be changed, as a new version each, 1 are so already" in " ".join(
        page.body.text().split()
    )
    browser.post(
        "/agents/bulk", {"action": "change", "id": [three[0]], "field": "tools", "value": "x, y"}
    )
    assert services.get_agent("a", actor=alice).tools == ["x", "y"]
    assert page.css_first("select[name=value]") is None
    page = browser.get(f"{url}&field=modality&value=new")
    assert [option.text(strip=True) for option in page.css("select[name=value] option")] == [
        "Text or voice", "Voice and camera", "Voice and screen"
    ]  # fmt: skip
    assert page.css_first("form[method=post] [name=field]") is None
    page = browser.get(f"{url}&field=modality&value=audio_camera")
    assert page.css_first("select[name=value] [selected]").text(strip=True) == "Voice and camera"
    assert page.css_first("form[method=post] [name=value]").attributes["value"] == "audio_camera"
    for bad in ("action=explode&id=a", "action=pause", "action=change&id=a&field=handle&value=x"):
        browser.get(f"/agents/bulk?{bad}", status=422)


def test_deleted_agents_are_restored_together_from_the_list(
    browser: Browser, alice: Actor, three: list[str]
) -> None:
    assert not browser.get("/agents").css("#bulk button[value=restore]")
    for handle in ("a", "b"):
        deletion.delete_agent(handle, actor=alice)
    page = browser.get("/agents?include_deleted=true")
    assert len(page.css("td.tick input")) == 3
    assert [button.text(strip=True) for button in page.css("#bulk button[name=action]")] == [
        "Pause…", "Resume…", "Change…", "Delete…", "Restore…",
    ]  # fmt: skip
    page = browser.get(f"/agents/bulk?action=restore&id={three[0]}&id={three[2]}")
    assert words_of(page.css_first("h1")) == "Restore 2 agents"
    assert words_of(page.css_first("#what-happens")) == "1 will be restored, 1 cannot be."
    assert "Agent c is not deleted." in words_of(page.css_first("main"))
    assert not is_there(alice, "a")
    page = browser.get(f"/agents/bulk?action=pause&id={three[0]}&id={three[2]}")
    assert "It is deleted, or not there." in words_of(page.css_first("main"))
    page = browser.post("/agents/bulk", {"action": "restore", "id": three})
    assert "2 agents restored. 1 could not be." in page.css_first("#toasts").text()
    assert is_there(alice, "a") and is_there(alice, "b")
    entries = [entry.action for entry in newest_entries(alice, 2)]
    assert entries == ["restore", "restore"]


def test_all_deleted_ones_that_match_are_restored_and_no_other(
    browser: Browser, alice: Actor, three: list[str]
) -> None:
    for handle in ("a", "b", "c"):
        deletion.delete_agent(handle, actor=alice)
    page = browser.get("/agents?include_deleted=true")
    # Nothing else can be done with what is deleted.
    assert [button.text(strip=True) for button in page.css("#bulk button[name=action]")] == [
        "Restore…"
    ]
    browser.post("/agents/bulk", {"action": "restore", "all": "true", "q": "nobody"}, status=200)
    assert not is_there(alice, "a")
    form = {"action": "restore", "all": "true", "q": "model:old"}
    page = browser.post("/agents/bulk", form)
    assert "2 agents restored." in page.css_first("#toasts").text()
    assert [is_there(alice, handle) for handle in "abc"] == [True, True, False]


def test_who_may_not_delete_restores_nothing(cast: Cast, alice: Actor, three: list[str]) -> None:
    deletion.delete_agent("a", actor=alice)
    form = {"action": "restore", "id": [three[0]]}
    cast.browser("vera").post("/agents/bulk", form, status=403)
    cast.browser("charlie").post("/agents/bulk", form)
    assert not is_there(alice, "a")


def is_there(actor: Actor, handle: str) -> bool:
    """Whether the agent is there and not deleted."""
    return bool(
        db.session.scalar(
            select(Agent.is_active).where(
                Agent.organization_id == actor.organization_id, Agent.handle == handle
            )
        )
    )


def test_who_comes_second_is_told_of_each_agent_that_is_gone(
    cast: Cast, alice: Actor, three: list[str]
) -> None:
    """Two delete the same at once; the second had looked the agents up before."""
    others = BulkSelection(ids=three[:1])

    def delete() -> None:
        bulk.delete_agents(others, actor=alice, force=True)

    with meanwhile(cast.app, delete, after="agents.handle IN", seconds=60) as waited:
        answer = cast.api("alice").request("DELETE", "/agents/bulk?force=true", {"ids": three})
    assert waited == [False]
    statuses = {result["id"]: result["status"] for result in answer.json["results"]}
    assert statuses == {three[0]: 404, three[1]: 204, three[2]: 204}
