"""Deleting softly, restoring, and removing for ever (docs/contract/agents.md)."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent, make_document
from tests.statements import noted, plan_of
from webapp.agents import deletion, services
from webapp.agents.models import AgentVersion, Deployment, Release
from webapp.agents.releases import services as releases
from webapp.agents.schemas import AgentUpdate, PublishRequest
from webapp.core.actor import Actor
from webapp.core.errors import Conflict, NotFound
from webapp.core.extensions import db
from webapp.questions.models import Question


@pytest.fixture
def used(cast: Cast, alice: Actor) -> str:
    """An agent with a version, a release, a question, a sub-agent, and one that hands off to it."""
    agent = make_agent(alice, handle="used", name="Used")
    make_document(alice)
    services.update_agent("used", AgentUpdate(voice="v"), actor=alice)
    releases.publish_version("used", 1, PublishRequest(), actor=alice)
    assert cast.api("bob").post("/agents/used/query", {"query": "tea"}).status_code == 200
    make_agent(alice, handle="child", parent="used")
    make_agent(alice, handle="giver", handoff_targets=["used"])
    return str(agent.id)


def test_sub_agents_hold_their_parent_unless_forced(cast: Cast, used: str) -> None:
    api = cast.api("alice")
    for query in ("", "?permanent=true"):
        refused = api.delete(f"/agents/used{query}")
        assert (refused.status_code, refused.json["code"]) == (409, "has_sub_agents")
        assert refused.json["extras"]["sub_agents"] == ["child"]
    assert api.delete("/agents/used?force=true").status_code == 204
    assert api.get("/agents/used/versions").status_code == 404
    assert api.get("/agents/used/releases").status_code == 404
    assert api.post("/agents/used/duplicate").status_code == 404


def test_sqlite_finds_sub_agents_by_their_parent(cast: Cast, used: str) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by what a table holds")
    with noted() as statements:
        cast.api("alice").delete("/agents/used")
    plans = [plan_of(said) for said in statements if "agents.parent IN" in said.text]
    used_index = "USING INDEX ix_agents_parent (organization_id=? AND parent=? AND is_active=?)"
    assert plans == [[f"SEARCH agents {used_index}"]]


def test_a_permanent_deletion_takes_all_that_belongs_to_it(
    cast: Cast, alice: Actor, used: str
) -> None:
    preview = deletion.preview_removal("used", actor=alice)
    assert preview.rows == {
        "versions": 2, "releases": 1, "deployments": 1, "questions": 1, "executions": 0,
    }  # fmt: skip
    assert [agent.handle for agent in preview.handed_off_by] == ["giver"]
    assert [agent.handle for agent in preview.children] == ["child"]
    api = cast.api("alice")
    assert api.delete("/agents/used?permanent=true&force=true").status_code == 204
    for model in (AgentVersion, Release, Deployment, Question):
        assert db.session.scalar(select(func.count()).select_from(model)) == 0, model
    with pytest.raises(NotFound):
        deletion.restore_agent("used", actor=alice)
    # Its handle is free again, and nobody comes under the new one by accident.
    db.session.expire_all()
    again = make_agent(alice, handle="used")
    assert services.get_agent("child", actor=alice).parent is None
    assert str(again.id) != used


def test_a_deleted_agent_can_be_removed_or_restored(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a")
    api = cast.api("alice")
    deletion.delete_agent("a", actor=alice)
    with pytest.raises(Conflict, match="taken"):
        make_agent(alice, handle="a")
    assert api.post("/agents/a/restore").status_code == 200
    deletion.delete_agent("a", actor=alice)
    assert cast.api("bob").delete("/agents/a?permanent=true").status_code == 403
    assert cast.api("charlie").delete("/agents/a?permanent=true").status_code == 404
    assert api.delete("/agents/a?permanent=true").status_code == 204
    assert api.delete("/agents/a?permanent=true").status_code == 404


@pytest.mark.parametrize("publishes_current", [True, False])
def test_each_version_is_counted_once(alice: Actor, publishes_current: bool) -> None:
    make_agent(alice, handle="a")
    services.update_agent("a", AgentUpdate(voice="v"), actor=alice)
    version = 2 if publishes_current else 1
    releases.publish_version("a", version, PublishRequest(environment="staging"), actor=alice)
    rows = deletion.preview_removal("a", actor=alice).rows
    assert (rows["versions"], rows["releases"], rows["deployments"]) == (2, 1, 1)


def test_the_page_names_what_goes_and_wants_the_handle_typed(
    browser: Browser, alice: Actor, used: str
) -> None:
    page = browser.get("/agents/used/removal")
    text = " ".join(page.body.text().split())
    for word in ("Versions", "Releases", "Questions", "lead nowhere", "sub-agents"):
        assert word in text
    page = browser.post("/agents/used/removal", {"confirmation": "yes"}, status=422)
    assert "Type used to go on." in page.css_first("#confirmation-error").text()
    page = browser.post("/agents/used/removal", {"confirmation": "used"})
    assert "is gone" in page.css_first("#toasts").text()
    browser.get("/agents/used", status=404)


def test_the_page_stands_among_those_of_its_agent_as_long_as_these_are_there(
    browser: Browser, alice: Actor
) -> None:
    make_agent(alice, handle="a", name="Oak")
    page = browser.get("/agents/a/removal")
    assert page.css_first("h1").text(strip=True) == "Oak"
    assert words_of(page.css_first("h2.subject")) == "Remove for ever"
    assert page.css_first("nav[aria-label=Agent] [aria-current]").text() == "Settings"
    assert page.css_first(".actions a.button").attributes["href"] == "/agents/a/settings"
    deletion.delete_agent("a", actor=alice)
    page = browser.get("/agents/a/removal")
    assert page.css_first("h1").text(strip=True) == "Oak"
    assert not page.css("nav[aria-label=Agent], .crumbs a[href^='/agents/a']")
    cancel = page.css_first("form .actions a.button").attributes["href"]
    assert cancel == "/agents?include_deleted=true"


def test_the_list_offers_to_restore_or_remove(browser: Browser, alice: Actor) -> None:
    agent = make_agent(alice, handle="a")
    browser.post("/agents/a/deletion")
    row = browser.get("/agents?include_deleted=true").css_first(f"#agent-{agent.id}")
    assert row.css_first("a").attributes["href"] == "/agents/a/removal"
    browser.post(row.css_first("form").attributes["action"])
    assert services.get_agent("a", actor=alice).is_active


def test_the_settings_pause_and_resume(browser: Browser, alice: Actor) -> None:
    make_agent(alice, handle="a")
    page = browser.post("/agents/a/pause", {"paused": "true"})
    assert "answers nobody" in page.body.text()
    assert "paused" in browser.get("/agents").css_first("tbody").text()
    browser.post("/agents/a/pause", {"paused": "false"})
    assert not services.get_agent("a", actor=alice).paused
