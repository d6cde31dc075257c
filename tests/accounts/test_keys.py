"""API keys: made and shown once, recognised, expired, revoked; never more than their owner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.browser import Browser
from tests.cast import Api, Cast
from webapp.accounts import keys, profiles, services, sessions
from webapp.accounts.models import PREFIX_LENGTH, ApiKey
from webapp.audit import services as audit
from webapp.core import clock
from webapp.core.actor import Actor, Role
from webapp.core.database.writers import writers
from webapp.core.errors import Conflict, Forbidden, Invalid, NotFound
from webapp.core.extensions import db

MINUTE = timedelta(minutes=1)


def make(cast: Cast, name: str, **options: Any) -> tuple[ApiKey, Api]:
    row, secret = keys.create_key("robot", actor=cast.actor(name), **options)
    return row, Api(cast.app.test_client(), secret)


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.get_json(force=True)["code"]


# Made


def test_a_key_is_kept_as_a_digest_and_the_audit_does_not_know_it(cast: Cast) -> None:
    row, secret = keys.create_key("  robot ", actor=cast.actor("alice"))
    assert (row.name, row.role) == ("robot", "admin")
    assert secret.startswith(row.prefix)
    assert secret not in str(vars(row))
    entry = audit.latest(row.membership.organization_id)[0]
    assert (entry.action, entry.subject_id) == ("create", str(row.id))
    assert secret not in str(vars(entry))


@pytest.mark.parametrize(("name", "role"), [("vera", Role.MEMBER), ("bob", Role.ADMIN)])
def test_nobody_makes_a_key_that_may_more_than_they(cast: Cast, name: str, role: Role) -> None:
    with pytest.raises(Forbidden, match=f"A key cannot have the role {role}"):
        make(cast, name, role=role)
    answer = cast.api(name).post("/api-keys", {"name": "robot", "role": role})
    assert code(answer) == (403, "forbidden")


def test_a_key_in_the_past_is_refused(cast: Cast) -> None:
    with pytest.raises(Invalid, match="would have expired"):
        make(cast, "bob", expires_at=clock.now())


def test_the_api_shows_the_key_once(cast: Cast) -> None:
    api = cast.api("bob")
    made = api.post("/api-keys", {"name": "robot"})
    assert (made.status_code, made.json["role"]) == (201, "member")
    assert Api(cast.app.test_client(), made.json["key"]).get("/agents").status_code == 200
    assert made.json["key"] not in api.get("/api-keys").text


def test_the_page_shows_the_key_once_and_offers_ones_own_roles(cast: Cast) -> None:
    browser = cast.browser("bob")
    page = browser.get("/settings/api-keys")
    roles = [node.attributes["value"] for node in page.css("select[name=role] option")]
    assert roles == ["viewer", "member"]
    form = {"name": "robot", "role": "viewer"}
    browser.post("/settings/api-keys", form, status=303)
    page = browser.get("/settings/api-keys")
    secret = page.css_first("#secret").text()
    assert len(page.css("tbody tr")) == 1
    assert Api(cast.app.test_client(), secret).get("/agents").status_code == 200
    again = browser.get("/settings/api-keys")
    assert secret not in again.html
    assert len(again.css("tbody tr")) == 1


# Recognised


def test_the_page_leads_to_what_can_be_done_with_a_key(cast: Cast) -> None:
    page = cast.browser("vera").get("/settings/api-keys")
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert page.css_first(f"main a[href='{path}']")


def test_a_key_comes_in_by_either_header(cast: Cast) -> None:
    secret, client = cast.key("vera"), cast.app.test_client()
    for headers in ({"X-API-Key": secret}, {"Authorization": f"Bearer {secret}"}):
        assert client.get("/api/v1/agents", headers=headers).status_code == 200


@pytest.mark.parametrize("wrong", ["", "cb_", "nonsense", "ü", "cb_" + "x" * 43])
def test_a_wrong_key_is_nobodys(cast: Cast, wrong: str) -> None:
    client = cast.app.test_client()
    headers = {"X-API-Key": wrong.encode().decode("latin-1")}
    assert code(client.get("/api/v1/agents", headers=headers)) == (401, "bad_api_key")


def test_a_key_that_only_begins_right_is_wrong(cast: Cast) -> None:
    secret = cast.key("vera")
    assert keys.find_key(secret)
    assert keys.find_key(secret[:-1]) is None
    assert keys.find_key(secret[:PREFIX_LENGTH]) is None


def test_a_key_that_was_used_says_when(cast: Cast) -> None:
    row, api = make(cast, "bob")
    assert row.last_used_at is None
    api.get("/agents")
    used = db.session.get_one(ApiKey, row.id, populate_existing=True).last_used_at
    assert used is not None
    api.get("/agents")
    assert db.session.get_one(ApiKey, row.id, populate_existing=True).last_used_at == used


@pytest.mark.once
def test_a_key_reads_while_too_many_wait_to_write(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, api = make(cast, "alice")
    with monkeypatch.context() as crowded:
        crowded.setattr(writers, "limit", 0)
        assert api.get("/agents").status_code == 200
        assert db.session.get_one(ApiKey, row.id, populate_existing=True).last_used_at is None
        assert code(api.post("/agents", {"name": "x", "instructions": "y"})) == (503, "unavailable")
    assert api.get("/agents").status_code == 200
    assert db.session.get_one(ApiKey, row.id, populate_existing=True).last_used_at is not None


# Never more than its owner


def test_a_key_does_what_its_owner_may_now(cast: Cast) -> None:
    _, api = make(cast, "bob")
    body = {"query": "tea"}
    assert api.post("/agents/nobody/query", body).status_code == 404
    services.update_member(cast.user("bob").id, role=Role.VIEWER, actor=cast.actor("alice"))
    assert code(api.post("/agents/nobody/query", body)) == (403, "forbidden")
    services.update_member(cast.user("bob").id, role=Role.ADMIN, actor=cast.actor("alice"))
    assert code(api.post("/agents", {})) == (403, "forbidden")


def test_a_key_of_somebody_who_is_shut_out_is_nobodys(cast: Cast) -> None:
    _, api = make(cast, "bob")
    services.update_member(cast.user("bob").id, is_active=False, actor=cast.actor("alice"))
    assert code(api.get("/agents")) == (401, "bad_api_key")


# Expired


def test_a_key_ends_at_its_time(cast: Cast) -> None:
    row, api = make(cast, "bob", expires_at=clock.now() + MINUTE)
    assert api.get("/agents").status_code == 200
    row.expires_at = clock.now()
    db.session.commit()
    assert code(api.get("/agents")) == (401, "bad_api_key")
    page = cast.browser("bob").get("/settings/api-keys")
    assert "expired" in page.css_first("tbody").text()


# Revoked


def test_a_revoked_key_is_nobodys_from_then_on(cast: Cast) -> None:
    row, api = make(cast, "bob")
    assert cast.api("bob").delete(f"/api-keys/{row.id}").status_code == 204
    assert code(api.get("/agents")) == (401, "bad_api_key")
    entry = audit.latest(row.membership.organization_id)[0]
    assert (entry.action, entry.subject_id) == ("revoke", str(row.id))
    with pytest.raises(Conflict, match="already revoked"):
        keys.revoke_key(row.id, actor=cast.actor("bob"))


def test_the_page_revokes_and_says_so(cast: Cast) -> None:
    row, api = make(cast, "bob")
    page = cast.browser("bob").post(f"/settings/api-keys/{row.id}/revocation")
    assert "robot is revoked." in page.body.text()
    assert "revoked" in page.css_first("tbody").text()
    assert api.get("/agents").status_code == 401


def test_an_admin_revokes_anybodys_key_and_others_only_their_own(cast: Cast) -> None:
    row, _ = make(cast, "bob")
    for name in ("vera", "charlie"):
        with pytest.raises(NotFound):
            keys.revoke_key(row.id, actor=cast.actor(name))
        assert row.id not in {key.id for key in keys.list_keys(actor=cast.actor(name))}
    keys.revoke_key(row.id, actor=cast.actor("alice"))


# What a key may do to other keys (A19)


def test_a_key_makes_none_that_lives_longer(cast: Cast) -> None:
    end = clock.now() + MINUTE
    _, api = make(cast, "vera", expires_at=end)
    made = api.post("/api-keys", {"name": "heir"})
    assert made.status_code == 201
    row = keys.find_key(made.json["key"])
    assert row is not None
    assert row.expires_at == end
    later = {"name": "heir", "expires_at": (end + MINUTE).isoformat()}
    assert code(api.post("/api-keys", later)) == (403, "key_outlives")
    sooner = {"name": "heir", "expires_at": (end - MINUTE / 2).isoformat()}
    assert api.post("/api-keys", sooner).status_code == 201


def test_a_key_makes_none_that_may_more(cast: Cast) -> None:
    _, api = make(cast, "alice", role=Role.VIEWER)
    assert code(api.post("/api-keys", {"name": "heir", "role": "member"})) == (403, "forbidden")
    assert api.post("/api-keys", {"name": "heir"}).json["role"] == "viewer"


def test_a_key_revokes_none_above_it(cast: Cast) -> None:
    above, _ = make(cast, "alice")
    beside, _ = make(cast, "alice", role=Role.VIEWER)
    _, api = make(cast, "alice", role=Role.VIEWER)
    assert code(api.delete(f"/api-keys/{above.id}")) == (403, "key_above")
    assert keys.list_keys(actor=cast.actor("alice"))[2].revoked_at is None
    assert api.delete(f"/api-keys/{beside.id}").status_code == 204


def test_who_was_made_a_viewer_still_revokes_their_old_keys(cast: Cast) -> None:
    row, _ = make(cast, "bob")
    services.update_member(cast.user("bob").id, role=Role.VIEWER, actor=cast.actor("alice"))
    assert keys.revoke_key(row.id, actor=cast.actor("bob")).revoked_at is not None


def test_a_key_that_ends_makes_no_way_in_that_stays(cast: Cast) -> None:
    _, api = make(cast, "alice", expires_at=clock.now() + MINUTE)
    body = {"email": "mole@example.com", "role": "viewer", "password": "correct horse battery"}
    assert code(api.post("/members", body)) == (403, "key_outlives")
    assert cast.api("alice").post("/members", body).status_code == 201
    path = f"/settings/members/{cast.user('mole').id}/invitation"
    refused = api.client.post(path, headers={"X-API-Key": api.key})
    assert refused.status_code == 403
    assert "This API key expires" in refused.text
    # The password that was passed on is still the one to join with.
    assert sessions.sign_in("mole@example.com", body["password"], address="", user_agent="")


def test_a_key_ends_no_sessions(cast: Cast) -> None:
    browser = cast.browser("alice")
    session_id = sessions.list_sessions(actor=cast.actor("alice"))[0].id
    headers = {"X-API-Key": make(cast, "alice")[1].key}
    path = f"/settings/sessions/{session_id}/revocation"
    answer = cast.app.test_client().post(path, headers=headers)
    assert answer.status_code == 403
    assert browser.client.get("/").status_code == 200


# Asked for on the page


def expire_at(browser: Browser, moment: str, *, status: int = 200, **form: str) -> LexborHTMLParser:
    values = {"name": "robot", "role": "member", "expires_at": moment} | form
    return browser.post("/settings/api-keys", values, status=status)


def expiry(actor: Actor) -> datetime | None:
    db.session.expire_all()
    return keys.list_keys(actor=actor)[0].expires_at


def test_a_key_expires_at_the_time_of_the_persons_own_zone(cast: Cast) -> None:
    """Berlin is an hour ahead in winter, and two in summer."""
    bob, browser = cast.actor("bob"), cast.browser("bob")
    profiles.change_profile(actor=bob, time_zone="Europe/Berlin")
    form = browser.get("/settings/api-keys").css_first("main form.form")
    assert "In the time zone Europe/Berlin." in form.text()
    assert form.css_first("[name=zone]").attributes == {
        "id": "zone", "name": "zone", "type": "hidden", "value": "Europe/Berlin",
    }  # fmt: skip
    expire_at(browser, "2199-01-31T12:00")
    assert expiry(bob) == datetime(2199, 1, 31, 11, tzinfo=UTC)
    expire_at(browser, "2037-07-31T12:00")
    assert expiry(bob) == datetime(2037, 7, 31, 10, tzinfo=UTC)


def test_who_has_named_no_zone_is_asked_in_that_of_the_browser(cast: Cast) -> None:
    bob, browser = cast.actor("bob"), cast.browser("bob")
    form = browser.get("/settings/api-keys").css_first("main form.form")
    assert "In the time zone UTC." in form.text()  # without scripts
    assert "data-zone" in form.css_first("[name=zone]").attributes
    expire_at(browser, "2199-01-31T12:00")
    assert expiry(bob) == datetime(2199, 1, 31, 12, tzinfo=UTC)
    expire_at(browser, "2199-01-31T12:00", zone="Asia/Calcutta")
    assert expiry(bob) == datetime(2199, 1, 31, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "moment", "sentence"),
    [
        ("Europe/Atlantis", "2199-01-31T12:00", "There is no such time zone."),
        ("../etc/passwd", "2199-01-31T12:00", "There is no such time zone."),
        ("America/Los_Angeles", "9999-12-31T23:00", "That is too far away."),
        ("UTC", "2020-01-31T12:00", "The key would have expired already."),
    ],
)
def test_a_time_or_a_zone_that_cannot_be_says_so(
    cast: Cast, zone: str, moment: str, sentence: str
) -> None:
    page = expire_at(cast.browser("bob"), moment, zone=zone, status=422)
    assert sentence in page.css_first(".error-summary").text()
    assert keys.list_keys(actor=cast.actor("bob")) == []
