"""Refused attempts in the audit: who is told, what they say, and how many there can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from tests.browser import words_of
from tests.cast import PASSWORD, Cast
from webapp.accounts import keys
from webapp.accounts.models import ApiKey
from webapp.audit import refusals
from webapp.audit import services as audit
from webapp.audit.models import AuditEntry
from webapp.audit.refusals import REFUSALS, Refusal, RefusalCounter
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.core.http import afterwards


@pytest.fixture(autouse=True)
def _fresh_counter(cast: Cast) -> None:
    cast.app.extensions.pop("callboard-refusals", None)


def told(actor: Actor) -> list[AuditEntry]:
    found, _ = audit.list_entries(audit.Selection(is_refused=True), actor=actor)
    return found


def finish(cast: Cast, response: TestResponse) -> TestResponse:
    """Let the server do what it does when the answer has been sent."""
    response.close()
    afterwards.of(cast.app).wait(10)
    return response


def sign_in(cast: Cast, email: str, password: str) -> TestResponse:
    browser = cast.app.test_client()
    page = browser.get("/sign-in").text
    token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    data = {"email": email, "password": password, "csrf_token": token}
    return finish(cast, browser.post("/sign-in", data=data))


def test_a_refused_sign_in_is_told_to_the_organization_alone(
    cast: Cast, alice: Actor, charlie: Actor
) -> None:
    assert sign_in(cast, "Bob@example.com", "my secret guess").status_code == 401
    (entry,) = told(alice)
    assert (entry.action, entry.actor, entry.subject_type) == (
        "refuse_sign_in",
        "bob@example.com",
        "user",
    )
    assert entry.detail == {"reason": "bad_credentials", "address": "127.0.0.1", "count": 1}
    assert "guess" not in str(vars(entry))
    assert told(charlie) == []
    page = cast.browser("alice").get("/audit?what=refuse_sign_in")
    assert words_of(page.css_first(".timeline .what")) == (
        "was refused a sign-in (wrong password, from 127.0.0.1)"
    )


def test_a_sign_in_to_no_account_and_a_good_one_are_told_to_nobody(
    cast: Cast, alice: Actor
) -> None:
    assert sign_in(cast, "nobody@example.com", "guess").status_code == 401
    assert sign_in(cast, "alice@example.com", PASSWORD).status_code == 303
    assert db.session.scalar(_count()) == 0


@pytest.mark.parametrize("how", ["revoked", "expired", "unknown"])
def test_a_key_that_was_good_once_is_told_and_an_unknown_one_is_not(
    cast: Cast, alice: Actor, how: str
) -> None:
    row, secret = keys.create_key("CI", actor=alice)
    if how == "revoked":
        keys.revoke_key(row.id, actor=alice)
    elif how == "expired":
        past = clock.now() - timedelta(days=1)
        db.session.execute(update(ApiKey).where(ApiKey.id == row.id).values(expires_at=past))
        db.session.commit()
    else:
        secret = secret[:-4] + "zzzz"
    api = cast.api(None)
    answer = finish(cast, api.get("/agents", headers={"X-API-Key": secret}))
    assert (answer.status_code, answer.json["code"]) == (401, "bad_api_key")
    found = told(alice)
    if how == "unknown":
        assert found == []
        return
    (entry,) = found
    assert (entry.action, entry.key_name, entry.actor) == ("refuse_key", "CI", alice.name)
    assert (entry.detail["reason"], entry.request_id) == (how, answer.headers["X-Request-ID"])
    assert secret not in str(vars(entry))


def test_what_somebody_may_not_do_is_told_with_what_it_needs(cast: Cast, alice: Actor) -> None:
    api = cast.api("vera")
    answer = finish(cast, api.post("/agents?name=hidden", {"name": "A", "instructions": "secret"}))
    assert answer.status_code == 403
    (entry,) = told(alice)
    assert (entry.action, entry.key_name, entry.actor) == (
        "refuse_permission",
        "vera's key",
        "vera@example.com",
    )
    assert (entry.subject_type, entry.subject_name) == ("request", "POST /api/v1/agents")
    assert entry.detail["reason"] == "agents:write"
    assert "hidden" not in str(vars(entry))
    items = cast.api("alice").get("/audit?refused=true").json["items"]
    assert [item["action"] for item in items] == ["refuse_permission"]
    items = cast.api("alice").get("/audit?refused=false").json["items"]
    assert "refuse_permission" not in {item["action"] for item in items}


def test_the_activity_for_everybody_has_what_was_done_alone(cast: Cast, alice: Actor) -> None:
    finish(cast, cast.api("vera").delete("/agents/x"))
    assert len(told(alice)) == 1
    assert not {e.action for e in audit.latest(alice.organization_id)} & set(REFUSALS)
    after = audit.entries_after(0, alice.organization_id, limit=100)
    assert not {entry.action for entry in after} & set(REFUSALS)


def test_what_is_tried_again_and_again_is_told_ever_more_rarely(cast: Cast, alice: Actor) -> None:
    api = cast.api("vera")
    for _ in range(9):
        assert finish(cast, api.delete("/agents/x")).status_code == 403
    assert [entry.detail["count"] for entry in told(alice)] == [8, 4, 2, 1]
    page = cast.browser("alice").get("/audit?what=refuse_permission")
    assert words_of(page.css_first(".timeline .what")) == (
        "was refused the request DELETE /api/v1/agents/x "
        "(needs agents:write, from 127.0.0.1, 8 times within the hour)"
    )


def test_the_page_shows_all_that_was_refused_and_nothing_else(cast: Cast) -> None:
    agent = {"name": "Made", "handle": "made", "instructions": "Be."}
    assert cast.api("alice").post("/agents", json=agent).status_code == 201
    assert sign_in(cast, "bob@example.com", "a guess").status_code == 401
    assert finish(cast, cast.api("vera").delete("/agents/x")).status_code == 403
    page = cast.browser("alice").get("/audit?what=refused")
    verbs = [words_of(entry).split(" (")[0] for entry in page.css(".timeline .what")]
    assert verbs == ["was refused the request DELETE /api/v1/agents/x", "was refused a sign-in"]
    assert page.css_first("select[name=what] [selected]").text(strip=True) == "anything refused"
    file = cast.browser("alice").client.get("/audit/export?format=csv&what=refused")
    assert len(file.text.splitlines()) == 3


def test_a_flood_of_different_attempts_is_counted_together(
    cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "TOLD_AN_HOUR", 3)
    api = cast.api("vera")
    for number in range(3 + 5):
        assert finish(cast, api.delete(f"/agents/x{number}")).status_code == 403
    found = told(alice)
    assert [e.detail["count"] for e in found] == [4, 2, 1, 1, 1, 1]
    assert [e.detail.get("with_others", False) for e in found] == [True] * 3 + [False] * 3
    # Another kind has its own limit.
    assert sign_in(cast, "bob@example.com", "guess").status_code == 401
    assert told(alice)[0].action == "refuse_sign_in"


def test_after_an_hour_it_is_told_anew(alice: Actor) -> None:
    now = [0.0]
    counter = RefusalCounter(clock=lambda: now[0])
    refusal = Refusal(alice, refusals.PERMISSION, "request", "x", "GET /x", "a:write", "::1")
    assert [counter.count(refusal) for _ in range(3)] == [(1, False), (2, False), None]
    assert counter.count(replace(refusal, address="::2")) == (1, False)
    now[0] = refusals.HOUR
    assert counter.count(refusal) == (1, False)


def test_a_refusal_stays_one_where_it_cannot_be_written(
    cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("no disk")

    api = cast.api("vera")
    monkeypatch.setattr(RefusalCounter, "count", fail)
    assert finish(cast, api.delete("/agents/x")).status_code == 403
    assert db.session.scalar(_count()) == 0


def _count() -> Any:
    return select(func.count()).select_from(AuditEntry).where(AuditEntry.action.in_(REFUSALS))
