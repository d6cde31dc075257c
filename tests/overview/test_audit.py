"""The audit log: its filters and pages, acts on many things, and who is named how."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent
from tests.statements import noted
from webapp.accounts import profiles
from webapp.audit import services as audit
from webapp.audit.models import AuditEntry
from webapp.core.actor import Actor
from webapp.core.extensions import db


def entries(browser: Browser, query: str = "") -> list[str]:
    page = browser.get(f"/audit{query}")
    return [words_of(entry.css_first(".what")) for entry in page.css(".timeline li")]


def test_the_log_is_narrowed_by_who_what_and_which_thing(cast: Cast, alice: Actor) -> None:
    browser = cast.browser("alice")
    make_agent(alice, name="Triage 100%")
    make_agent(alice, name="Billing")
    assert cast.api("alice").request("DELETE", "/agents/billing").status_code == 204
    assert entries(browser)[0] == "deleted agent Billing"
    assert entries(browser, "?what=create&thing=billing") == ["created agent Billing"]
    assert entries(browser, "?thing=0%25") == ["created agent Triage 100%"]
    assert entries(browser, "?who=nobody") == []
    assert "Nothing matches" in browser.get("/audit?who=nobody").text()
    assert len(entries(browser, "?who=ALICE&range=1h&what=delete")) == 1
    page = browser.get("/audit?what=create&range=24h")
    chosen = [option.attributes["value"] for option in page.css("option[selected]")]
    assert chosen == ["create", "24h"]


def test_the_log_is_narrowed_to_days_of_ones_zone(cast: Cast, alice: Actor) -> None:
    browser = cast.browser("alice")
    for name, hour in (("Late", 22), ("Early", 23)):
        agent = make_agent(alice, name=name)
        entry = db.session.scalars(select(AuditEntry).filter_by(subject_id=str(agent.id))).one()
        entry.created_at = datetime(2026, 1, 9, hour, 30, tzinfo=UTC)
    db.session.commit()
    both = ["created agent Early", "created agent Late"]
    assert entries(browser, "?from=2026-01-09&to=2026-01-09") == both
    berlin = "&zone=Europe/Berlin"
    assert entries(browser, f"?from=2026-01-10&to=2026-01-10{berlin}") == both[:1]
    assert entries(browser, f"?to=2026-01-09{berlin}") == both[1:]
    page = browser.get(f"/audit?from=2026-01-10&to=2026-01-10{berlin}")
    values = {
        field.attributes["name"]: field.attributes["value"]
        for field in page.css("input[name=from], input[name=to], input[name=zone]")
    }
    assert values == {"from": "2026-01-10", "to": "2026-01-10", "zone": "Europe/Berlin"}
    (csv, *_) = page.css(".list-foot a[download]")
    rows = browser.client.get(csv.attributes["href"]).text.splitlines()
    assert [row.count("Early") for row in rows] == [0, 1]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("from=2026-01-10&to=2026-01-09", "to: must not be before the first day or moment"),
        ("from=tomorrow", "from: Input should be a valid date"),
        ("to=0001-01-01", "to: Input should be greater than or equal to 1900-01-01"),
        ("from=2026-01-10&zone=Mars/Olympus", "zone: must be a time zone such as Europe/Berlin"),
    ],
)
def test_days_that_cannot_be_are_told_and_left_out(cast: Cast, query: str, reason: str) -> None:
    browser = cast.browser("alice")
    page = browser.get(f"/audit?what=create&{query}")
    assert reason in words_of(page.css_first("#toasts"))
    chosen = [option.attributes["value"] for option in page.css("option[selected]")]
    assert chosen == ["create"]


def test_the_log_says_what_of_an_agent_was_changed_and_to_which_version_it_went_back(
    cast: Cast, alice: Actor
) -> None:
    make_agent(alice, name="Triage")
    api, browser = cast.api("alice"), cast.browser("alice")
    body = {"model": "gpt-4.1", "scope_description": "Refunds"}
    assert api.put("/agents/triage", body).status_code == 200
    assert api.post("/agents/triage/versions/1/rollback").status_code == 200
    assert entries(browser)[:2] == [
        "rolled back agent Triage to version 1",
        "changed agent Triage (model, knowledge scope)",
    ]


def test_settings_lead_to_the_log_where_one_may_read_it(cast: Cast) -> None:
    for name, leads in (("alice", True), ("vera", False)):
        page = cast.browser(name).get("/settings/profile")
        tabs = [link.attributes["href"] for link in page.css("nav.tabs a")]
        assert ("/audit" in tabs) is leads
    page = cast.browser("alice").get("/audit")
    assert words_of(page.css_first(".crumbs")) == "Settings"
    assert words_of(page.css_first(".nav a[aria-current]")) == "Settings"


def test_the_log_is_leafed_through_from_the_newest_on(
    cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        make_agent(alice, name=f"Agent {number}")
    seen: list[str] = []
    before: int | None = None
    while True:
        found, before = audit.list_entries(
            audit.Selection(action="create"), actor=alice, before=before, limit=2
        )
        seen += [entry.subject_name for entry in found if entry.subject_type == "agent"]
        if before is None:
            break
    assert seen == [f"Agent {number}" for number in (4, 3, 2, 1, 0)]


def test_what_is_done_to_many_at_once_is_one_entry_that_opens(cast: Cast, alice: Actor) -> None:
    for number in range(14):
        make_agent(alice, name=f"Agent {number}")
    browser = cast.browser("alice")
    body = {"filter": {"q": "agent"}, "changes": {"paused": True}}
    assert cast.api("alice").request("PATCH", "/agents/bulk", body).status_code == 200
    make_agent(alice, name="Later")
    first, many = entries(browser)[:2]
    assert (first, many) == ("created agent Later", "paused 14 agents")
    overview = browser.get("/").css("#activity .what")
    assert [words_of(entry) for entry in overview[:2]] == ["created agent Later", many]
    assert len(overview) == 12
    link = browser.get("/audit").css(".timeline a")[1].attributes["href"]
    assert len(entries(browser, link.removeprefix("/audit"))) == 14
    page, before = audit.list_entries(actor=alice, limit=2)
    assert [entry.together for entry in page] == [1, 14]
    (next_one, *_), _ = audit.list_entries(actor=alice, limit=2, before=before)
    assert next_one.subject_name == "alice's key"  # it was made for the change


def test_an_act_on_many_things_hides_no_entry_of_others(cast: Cast, alice: Actor) -> None:
    """Neither of who writes meanwhile nor between two requests that a client names alike."""
    agents = [make_agent(alice, name=f"Agent {number}") for number in range(4)]
    named = dataclasses.replace(alice, request_id="deploy")

    def record(actor: Actor, action: str, *numbers: int, **detail: bool) -> None:
        for number in numbers:
            audit.record(actor, action, agents[number], **detail)
            db.session.flush()

    record(named, "update", 0, 1, bulk=True)
    record(alice, "publish", 3)
    record(dataclasses.replace(alice, request_id=None), "retire", 3)
    record(cast.actor("bob"), "pause", 3)
    record(dataclasses.replace(cast.actor("bob"), request_id="deploy"), "update", 3, bulk=True)
    record(named, "update", 2, bulk=True)
    db.session.commit()
    # An act stands where it began.
    expected = [("update", 1), ("pause", 1), ("retire", 1), ("publish", 1), ("update", 3)]
    found, _ = audit.list_entries(actor=alice, limit=5)
    assert [(entry.action, entry.together) for entry in found] == expected
    leafed, before = [], None
    for _ in expected:
        (entry,), before = audit.list_entries(actor=alice, limit=1, before=before)
        leafed.append((entry.action, entry.together))
    assert leafed == expected
    (made,), _ = audit.list_entries(actor=alice, limit=1, before=before)
    assert (made.action, made.subject_name) == ("create", "Agent 3")
    db.session.expunge_all()
    pushed = audit.join_acts(audit.entries_after(0, alice.organization_id, limit=100))[:2]
    assert [(act.actor_name, act.together) for act in pushed] == [
        (alice.name, 1),
        (cast.actor("bob").name, 1),
    ]


def test_two_changes_of_many_things_in_requests_that_a_client_names_alike_are_two(
    alice: Actor,
) -> None:
    agent = make_agent(alice)
    named = dataclasses.replace(alice, request_id="deploy")
    for count in (2, 3):
        for _ in range(count):
            audit.record(named, "update", agent, bulk=True)
        db.session.commit()
    found, _ = audit.list_entries(actor=alice, limit=2)
    assert [(entry.action, entry.together) for entry in found] == [("update", 3), ("update", 2)]
    # An open page asks for what came after the last of all of them.
    assert [entry.last_id for entry in found] == [found[0].id + 2, found[1].id + 1]
    assert audit.entries_after(found[0].last_id, alice.organization_id, limit=1) == []


def test_what_was_done_to_a_thing_is_found_among_what_was_done_to_many(
    cast: Cast, alice: Actor
) -> None:
    for number in range(3):
        make_agent(alice, name=f"Agent {number}")
    body = {"filter": {"q": "agent"}, "changes": {"paused": True}}
    assert cast.api("alice").request("PATCH", "/agents/bulk", body).status_code == 200
    browser = cast.browser("alice")
    assert entries(browser, "?what=pause") == ["paused 3 agents"]
    assert entries(browser, "?what=pause&thing=agent+2") == ["paused agent Agent 2"]


def test_a_log_full_of_acts_on_many_things_is_read_in_two_statements(alice: Actor) -> None:
    agent = make_agent(alice)
    for number in range(9):
        named = dataclasses.replace(alice, request_id=f"deploy-{number}")
        for _ in range(3):
            audit.record(named, "update", agent, bulk=True)
    db.session.commit()
    with noted() as statements:
        found = audit.latest(alice.organization_id, limit=8)
    assert [entry.together for entry in found] == [3] * 8
    assert len(statements) == 2


def test_only_admins_read_the_whole_log_and_only_their_own(cast: Cast, alice: Actor) -> None:
    make_agent(alice, name="Ours")
    for name in ("bob", "vera"):
        cast.browser(name).get("/audit", status=403)
        assert cast.browser(name).get("/").css_first("a[href='/audit']") is None
    assert cast.browser("alice").get("/").css_first("a[href='/audit']") is not None
    assert entries(cast.browser("charlie"), "?thing=Ours") == []


def test_who_has_a_name_is_named_by_it(cast: Cast, alice: Actor) -> None:
    browser = cast.browser("alice")
    make_agent(alice, name="Triage")
    profiles.change_profile(actor=alice, display_name="Alice Adams")
    who = browser.get("/").css_first("#activity .actor span")
    assert (who.text(), who.attributes["title"]) == ("Alice Adams", alice.name)
    assert "Alice Adams" in words_of(browser.get("/agents/triage/versions").css_first("main"))
    assert "Alice Adams" in words_of(browser.get("/agents/triage").css_first("main"))
    assert "Alice Adams" in words_of(cast.browser("vera").get("/").css_first("#activity"))
