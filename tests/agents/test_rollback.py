"""Rolling back to a version (docs/contract/versions.md, 6.3)."""

from __future__ import annotations

from tests.browser import Browser
from tests.cast import Cast
from tests.factories import make_agent
from webapp.agents import deletion, services
from webapp.agents.schemas import AgentUpdate
from webapp.agents.versions import services as versions
from webapp.audit import services as audit
from webapp.core.actor import Actor


def test_it_restores_the_state_as_a_new_version(cast: Cast, alice: Actor) -> None:
    target = make_agent(alice, handle="target")
    make_agent(alice, handle="a", handoff_targets=["target"], tools=["x"], input_schema={"a": 1})
    api = cast.api("alice")
    original = api.get("/agents/a").json
    api.put("/agents/a", {"handoff_targets": [], "tools": [], "name": "B", "input_schema": None})
    answer = api.post("/agents/a/versions/1/rollback").json
    assert answer["current_version"] == 3
    for name in ("handoff_targets", "tools", "name", "input_schema"):
        assert answer[name] == original[name]
    assert answer["handoff_targets"] == [str(target.id)]
    assert api.get("/agents/a/versions/2").json["snapshot"]["name"] == "B"
    assert audit.latest(alice.organization_id)[0].action == "roll back"
    assert api.get("/agents?q=coding&sort=name").json[0]["name"] == original["name"]


def test_going_back_to_the_present_state_makes_no_version(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a")
    api = cast.api("alice")
    assert api.post("/agents/a/versions/1/rollback").json["current_version"] == 1
    api.put("/agents/a", {"voice": "v"})
    api.put("/agents/a", {"voice": None})
    assert api.post("/agents/a/versions/1/rollback").json["current_version"] == 3


def test_it_refuses_what_is_not_there(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a")
    services.update_agent("a", AgentUpdate(voice="v"), actor=alice)
    api = cast.api("alice")
    assert api.post("/agents/a/versions/7/rollback").status_code == 404
    assert cast.api("bob").post("/agents/a/versions/1/rollback").status_code == 403
    stale = api.post("/agents/a/versions/1/rollback", headers={"If-Match": '"v1-1"'})
    assert stale.status_code == 412
    deletion.delete_agent("a", actor=alice)
    gone = api.post("/agents/a/versions/1/rollback")
    assert (gone.status_code, gone.json["detail"]) == (404, "Agent not found: a")


def test_it_brings_back_targets_that_are_gone_by_now(alice: Actor) -> None:
    target = make_agent(alice, handle="target")
    make_agent(alice, handle="a", handoff_targets=["target"])
    services.update_agent("a", AgentUpdate(handoff_targets=[]), actor=alice)
    deletion.remove_agent("target", actor=alice)
    agent = versions.roll_back("a", 1, actor=alice)
    assert agent.handoff_targets == [target.id]


def test_the_page_does_it_with_one_button(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="a", description="first")
    services.update_agent("a", AgentUpdate(description="second"), actor=alice)
    page = browser.get("/agents/a/versions")
    action = page.css_first("#version-1 form").attributes["action"]
    page = browser.post(action)
    assert "Version 3 has the state of version 1." in page.css_first("#toasts").text()
    assert services.get_agent("a", actor=alice).description == "first"
    assert "already" in browser.post(action).css_first("#toasts").text()
