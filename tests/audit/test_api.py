"""The audit log over the API: its filters, its parts, and whose entries it has."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cast import Api, Cast
from tests.factories import make_agent
from webapp.accounts import profiles
from webapp.core.actor import Actor, split_name


def names(api: Api, query: str = "") -> list[str]:
    answer = api.get(f"/audit{query}")
    assert answer.status_code == 200, answer.text
    return [item["subject_name"] for item in answer.json["items"]]


def test_the_log_has_who_did_what_to_which_thing(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, name="Triage")
    api = cast.api("alice")
    answer = api.request("DELETE", "/agents/triage", headers={"X-Request-ID": "mine"})
    assert answer.status_code == 204
    deleted, made = api.get("/audit?subject=triage").json["items"]
    assert (made["actor"], made["actor_kind"], made["key_name"]) == (alice.name, "user", None)
    assert (made["action"], made["subject_type"], made["subject_id"]) == (
        "create",
        "agent",
        str(agent.id),
    )
    assert (deleted["actor"], deleted["key_name"]) == (alice.name, "alice's key")
    assert (deleted["actor_kind"], deleted["action"]) == ("api_key", "delete")
    assert deleted["request_id"] == "mine"
    assert deleted["created_at"].endswith("Z")


def test_the_filters_narrow_together(cast: Cast, alice: Actor) -> None:
    make_agent(alice, name="Triage 100%")
    agent = make_agent(alice, name="Billing")
    api = cast.api("alice")
    assert names(api, "?action=create&subject=agent") == []
    assert names(api, "?action=create&subject=0%25") == ["Triage 100%"]
    assert names(api, f"?subject={agent.id}") == ["Billing"]
    assert names(api, "?actor=ALICE&subject=billing") == ["Billing"]
    assert names(api, "?actor=nobody") == []
    day = api.get("/audit?subject=billing").json["items"][0]["created_at"][:10]
    assert names(api, f"?subject=billing&from={day}&to={day}") == ["Billing"]
    assert names(api, "?subject=billing&from=2999-01-01") == []
    assert names(api, "?subject=billing&to=2020-01-01") == []
    refused = api.get("/audit?from=yesterday")
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "from")
    reversed_ = api.get("/audit?from=2026-01-02T10:00Z&to=2026-01-01")
    assert (reversed_.status_code, reversed_.json["errors"][0]["field"]) == (422, "to")
    assert "before the first" in reversed_.json["detail"]


def test_the_log_is_leafed_through_by_its_cursor(cast: Cast, alice: Actor) -> None:
    for number in range(5):
        make_agent(alice, name=f"Agent {number}")
    api = cast.api("alice")
    seen: list[str] = []
    query: dict[str, Any] = {"action": "create", "subject": "Agent ", "limit": 2}
    while True:
        answer = api.get("/audit", query_string=query).json
        seen += [item["subject_name"] for item in answer["items"]]
        make_agent(alice, name=f"Agent of {len(seen)}")  # what comes meanwhile moves nothing
        if answer["next_cursor"] is None:
            break
        query["cursor"] = answer["next_cursor"]
    assert seen == [f"Agent {number}" for number in (4, 3, 2, 1, 0)]
    for odd in ("x", "-1", "0", "9" * 19):
        assert api.get(f"/audit?cursor={odd}").status_code == 422


def test_what_is_done_to_many_at_once_is_an_entry_each_of_one_request(
    cast: Cast, alice: Actor
) -> None:
    for number in range(3):
        make_agent(alice, name=f"Agent {number}")
    api = cast.api("alice")
    body = {"filter": {"q": "agent"}, "changes": {"paused": True}}
    options = {"headers": {"X-Request-ID": "at-once"}}
    assert api.request("PATCH", "/agents/bulk", body, **options).status_code == 200
    assert sorted(names(api, "?request_id=at-once")) == ["Agent 0", "Agent 1", "Agent 2"]


def test_the_log_is_for_admins_and_only_their_own(cast: Cast, alice: Actor) -> None:
    make_agent(alice, name="Ours")
    assert names(cast.api("alice"), "?subject=ours") == ["Ours"]
    assert names(cast.api("charlie"), "?subject=ours") == []
    for path in ("/audit", "/audit/export"):
        for name, status in (("bob", 403), ("vera", 403), (None, 401)):
            assert cast.api(name).get(path).status_code == status


@pytest.mark.parametrize(
    ("said", "key", "person"),
    [
        ("alice@example.com", None, "alice@example.com"),
        ("CI (alice@example.com)", "CI", "alice@example.com"),
        ("Deploy (new) (alice@example.com)", "Deploy (new)", "alice@example.com"),
        ("the command line", None, "the command line"),
    ],
)
def test_a_key_is_told_from_whose_it_is(said: str, key: str | None, person: str) -> None:
    assert split_name(said) == (key, person)


def test_a_key_is_called_by_its_name_and_by_whose_it_is(cast: Cast, alice: Actor) -> None:
    browser = cast.browser("alice")
    assert cast.api("alice").post("/agents", {"name": "A", "instructions": "B"}).status_code == 201
    who = browser.get("/audit?what=create").css_first(".timeline .actor span")
    assert who.text() == "alice's key, a key of alice@example.com"
    assert who.attributes["title"] == "alice's key (alice@example.com)"
    profiles.change_profile(actor=alice, display_name="Alice Adams")
    who = browser.get("/audit?what=create").css_first(".timeline .actor span")
    assert who.text() == "alice's key, a key of Alice Adams"
