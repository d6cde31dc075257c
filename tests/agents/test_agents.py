"""Agents: created, listed, changed, deleted and restored, as API and as pages.

See docs/contract/agents.md.
"""

from __future__ import annotations

import httpx
import pytest

from tests.browser import Browser
from tests.cast import Cast
from tests.factories import make_agent
from webapp.agents import deletion, services
from webapp.agents.releases import services as releases
from webapp.agents.schemas import AgentCreate, AgentQuery, AgentUpdate, PublishRequest
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.errors import BadReference, Conflict, Forbidden, NotFound


def test_the_api_creates_with_the_contracts_defaults(cast: Cast) -> None:
    response = cast.api("alice").post("/agents", {"name": "Ä b", "instructions": "Do."})
    agent = response.json
    assert response.status_code == 201
    assert response.headers["Location"].endswith(agent["id"])
    assert agent["handle"] == "ae-b"
    assert agent["modality"] == "audio_only"
    assert agent["handoff_targets"] == agent["tools"] == agent["panels"] == []
    assert agent["voice"] is None
    assert agent["is_active"] is True
    assert agent["created_at"].endswith("Z")


def test_handles_are_unique_also_of_deleted_agents(alice: Actor) -> None:
    make_agent(alice, handle="one")
    deletion.delete_agent("one", actor=alice)
    with pytest.raises(Conflict, match="taken"):
        make_agent(alice, handle="one")
    assert [make_agent(alice, name="☎ ✂").handle for _ in range(3)] == [
        "agent", "agent-2", "agent-3"
    ]  # fmt: skip


def test_lists_lose_repetitions_and_keep_their_order(alice: Actor) -> None:
    agent = make_agent(alice, tools=["b", "a", "b"], panels=None)
    assert agent.tools == ["b", "a"]
    assert agent.panels == []


def test_handoff_targets_must_be_there_and_other_than_itself(alice: Actor, charlie: Actor) -> None:
    target = make_agent(alice, handle="target")
    foreign = make_agent(charlie, handle="foreign")
    agent = make_agent(alice, handle="agent", handoff_targets=["target", str(target.id)])
    assert agent.handoff_targets == [target.id]
    with pytest.raises(BadReference, match=r"foreign.*same organization") as refused:
        services.update_agent(
            "agent", AgentUpdate(handoff_targets=["foreign", str(foreign.id)]), actor=alice
        )
    assert refused.value.extras["invalid"] == ["foreign", str(foreign.id)]
    with pytest.raises(BadReference, match="itself"):
        services.update_agent("agent", AgentUpdate(handoff_targets=["agent"]), actor=alice)
    deletion.delete_agent("target", actor=alice)
    with pytest.raises(BadReference):
        services.update_agent("agent", AgentUpdate(handoff_targets=["target"]), actor=alice)


def test_an_update_changes_what_is_given_and_is_audited_once(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="a", tools=["x"])
    before = len(audit.latest(alice.organization_id, limit=100))
    api = cast.api("alice")
    entries = len(audit.latest(alice.organization_id, limit=100))
    assert entries == before + 1  # the key
    response = api.put("/agents/a", {"voice": "cartesia:sonic"})
    assert response.json["voice"] == "cartesia:sonic"
    assert response.json["tools"] == ["x"]
    assert response.json["updated_at"] > agent.created_at.isoformat()[:19]
    same = api.put("/agents/a", {"voice": "cartesia:sonic"})
    assert same.json["updated_at"] == response.json["updated_at"]
    assert len(audit.latest(alice.organization_id, limit=100)) == entries + 1
    assert api.put("/agents/a", {"name": None}).status_code == 422


def test_deleting_is_soft_and_restoring_brings_back(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="a", tools=["x"])
    api = cast.api("alice")
    assert api.delete("/agents/a").status_code == 204
    assert api.get("/agents/a").json["detail"] == "Agent not found: a"
    assert api.delete("/agents/a").status_code == 404
    assert api.get("/agents").json == []
    assert [agent["handle"] for agent in api.get("/agents?include_deleted=true").json] == ["a"]
    assert cast.api("bob").get("/agents?include_deleted=true").status_code == 403
    assert api.post("/agents/a/restore").json["tools"] == ["x"]
    assert api.post("/agents/a/restore").status_code == 409


def test_the_list_filters_sorts_and_pages(cast: Cast, alice: Actor) -> None:
    for name in ("100% Sure", "b_c", "bxc", "zebra"):
        make_agent(alice, name=name, tools=["t"] if name == "zebra" else [])

    def names(**query: object) -> list[str]:
        return [a.name for a in services.list_agents(AgentQuery(**query), actor=alice).items]

    assert names(q="0%") == ["100% Sure"]
    assert names(q="b_c") == ["b_c"]
    assert names(q="ZEB") == ["zebra"]
    assert names(tool="t") == ["zebra"]
    assert names(sort="name") == ["100% Sure", "b_c", "bxc", "zebra"]
    response = cast.api("vera").get("/agents?limit=3")
    assert response.headers["X-Total-Count"] == "4"
    assert 'rel="next"' in response.headers["Link"]


def test_a_client_finds_the_next_page_of_what_it_asked_for(cast: Cast, alice: Actor) -> None:
    for name in ("one; two", "three; four", "no match"):
        make_agent(alice, name=name)
    api = cast.api("vera")
    address, found = "/api/v1/agents?q=%3B%20&limit=1&sort=name", []
    while address:
        answer = api.get(address.removeprefix("/api/v1"))
        found += [agent["name"] for agent in answer.json]
        links = httpx.Response(200, headers=list(answer.headers)).links
        address = links["next"]["url"] if "next" in links else None
        assert len(found) < 3
    assert found == ["one; two", "three; four"]


def test_members_and_viewers_do_not_write(cast: Cast, alice: Actor) -> None:
    for name in ("bob", "vera"):
        with pytest.raises(Forbidden):
            services.create_agent(AgentCreate(name="x", instructions="y"), actor=cast.actor(name))


def test_the_pages_create_edit_delete_and_undo(browser: Browser, alice: Actor) -> None:
    page = browser.post("/agents", {"name": "", "instructions": ""}, status=422)
    assert "This field is required" in page.body.text()
    form = {"name": "Guide", "instructions": "Help.", "model": "extractive",
            "modality": "audio_only", "tools": "a, b", "panels": ["notepad"]}  # fmt: skip
    page = browser.post("/agents", form)
    assert page.css_first("h1").text() == "Guide"
    assert services.get_agent("guide", actor=alice).tools == ["a", "b"]
    page = browser.get("/agents/guide/edit")
    assert page.css_first("#tools").attributes["value"] == "a, b"
    assert page.css_first("input[value=notepad]").attributes.get("checked") is not None or (
        "checked" in page.css_first("input[value=notepad]").attributes
    )
    page = browser.post("/agents/guide", form | {"handoff_targets": "nobody"}, status=422)
    assert "nobody" in page.css_first("#handoff_targets-error").text()
    page = browser.post("/agents/guide/deletion")
    undo = page.css_first(".toast form").attributes["action"]
    with pytest.raises(NotFound):
        services.get_agent("guide", actor=alice)
    browser.post(undo)
    assert services.get_agent("guide", actor=alice).name == "Guide"


def test_the_list_tells_empty_from_no_match(browser: Browser, alice: Actor) -> None:
    assert "Define the first agent" in browser.get("/agents").body.text()
    make_agent(alice)
    assert "No agent matches" in browser.get("/agents?q=nothing").body.text()
    part = browser.get("/agents?q=cod", headers={"HX-Request": "true"})
    assert part.css_first("html > body > #agents")
    assert not part.css("nav.nav")


@pytest.mark.parametrize("name", ["vera", "bob"])
def test_who_may_not_write_is_offered_nothing_that_writes(
    cast: Cast, alice: Actor, name: str
) -> None:
    make_agent(alice, handle="b")
    make_agent(alice, handle="a", handoff_targets=["b"])
    services.update_agent("a", AgentUpdate(voice="v"), actor=alice)
    releases.publish_version("a", 1, PublishRequest(), actor=alice)
    deletion.delete_agent("b", actor=alice)
    browser = cast.browser(name)
    for path in (
        "/agents",
        "/agents/a",
        "/agents/a/versions",
        "/agents/a/versions/1",
        "/agents/a/versions/compare",
        "/agents/a/releases",
        "/agents/handoffs",
    ):
        page = browser.get(path)
        forms = [form.attributes["action"] for form in page.css("form[method=post]")]
        # Everybody may keep views of a list for themselves.
        assert forms == ["/sign-out", *(["/views"] if path == "/agents" else [])], path
        links = {link.attributes["href"] for link in page.css("main a")}
        for link in links - {None}:
            if link.startswith("/") and "/ask" not in link:
                browser.get(link)
