"""Sessions: how they end - signed out, revoked, forgotten for too long, the person shut out."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.browser import Browser
from tests.cast import PASSWORD, Cast
from webapp.accounts import services, sessions
from webapp.accounts.models import SESSION_LIFETIME, Session
from webapp.audit import services as audit
from webapp.core import clock, retention
from webapp.core.database.writers import writers
from webapp.core.errors import NotFound
from webapp.core.extensions import db


def open_one(name: str) -> UUID:
    return sessions.sign_in(f"{name}@example.com", PASSWORD, address="", user_agent=name).id


def is_in(browser: Browser) -> bool:
    return browser.client.get("/").status_code == 200


def test_a_session_lasts_while_it_is_used(cast: Cast) -> None:
    browser = cast.browser("bob")
    opened = db.session.query(Session).one()
    opened.last_seen_at = clock.now() - SESSION_LIFETIME + timedelta(minutes=1)
    db.session.commit()
    assert is_in(browser)
    seen = db.session.query(Session).populate_existing().one().last_seen_at
    assert clock.now() - seen < timedelta(minutes=1)


def test_a_session_that_a_wrong_clock_has_dated_lives_no_longer_for_it(cast: Cast) -> None:
    browser = cast.browser("bob")
    db.session.query(Session).one().last_seen_at = clock.now() + 9999 * SESSION_LIFETIME
    db.session.commit()
    assert is_in(browser)
    seen = db.session.query(Session).populate_existing().one().last_seen_at
    assert abs(clock.now() - seen) < timedelta(minutes=1)


@pytest.mark.once
def test_a_session_reads_while_too_many_wait_to_write(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = cast.browser("bob")
    before = clock.now() - timedelta(minutes=5)
    db.session.query(Session).one().last_seen_at = before
    db.session.commit()
    with monkeypatch.context() as crowded:
        crowded.setattr(writers, "limit", 0)
        assert is_in(browser)
        assert db.session.query(Session).populate_existing().one().last_seen_at == before
    assert is_in(browser)
    assert db.session.query(Session).populate_existing().one().last_seen_at > before


def test_a_session_that_nobody_used_for_its_lifetime_is_over(cast: Cast) -> None:
    browser = cast.browser("bob")
    db.session.query(Session).one().last_seen_at = clock.now() - SESSION_LIFETIME
    db.session.commit()
    assert not is_in(browser)


def test_who_is_shut_out_is_out_at_once(cast: Cast) -> None:
    browser = cast.browser("bob")
    services.update_member(cast.user("bob").id, is_active=False, actor=cast.actor("alice"))
    assert not is_in(browser)


def test_signing_out_ends_the_session_itself_not_only_the_cookie(cast: Cast) -> None:
    browser = cast.browser("bob")
    cookie = browser.client.get_cookie("session")
    assert cookie is not None
    page = browser.post("/sign-out")
    assert "You are signed out." in page.body.text()
    browser.client.set_cookie("session", cookie.value)
    assert not is_in(browser)
    entry = audit.latest(cast.actor("bob").organization_id)[0]
    assert (entry.action, entry.actor_name) == ("sign_out", "bob@example.com")


def test_signing_out_takes_no_get_and_no_foreign_form(cast: Cast) -> None:
    browser = cast.browser("bob")
    assert browser.client.get("/sign-out").location == "/"
    assert browser.client.post("/sign-out").status_code == 403
    assert is_in(browser)


def test_ones_own_sessions_are_listed_and_one_can_be_ended(cast: Cast) -> None:
    other = open_one("bob")
    browser = cast.browser("bob")
    page = browser.get("/settings/profile")
    assert len(page.css("#sessions tbody tr")) == 2
    page = browser.post(f"/settings/sessions/{other}/revocation")
    assert len(page.css("#sessions tbody tr")) == 1
    assert sessions.open_session(other) is None
    assert is_in(browser)


@pytest.mark.parametrize("name", ["alice", "vera", "charlie"])
def test_nobody_ends_another_persons_session(cast: Cast, name: str) -> None:
    session_id = open_one("bob")
    with pytest.raises(NotFound):
        sessions.revoke_session(session_id, actor=cast.actor(name))
    cast.browser(name).post(f"/settings/sessions/{session_id}/revocation", status=404)
    assert sessions.open_session(session_id)


def test_a_cookie_that_was_made_up_is_nobodys(cast: Cast) -> None:
    client = cast.app.test_client()
    client.set_cookie("session", "eyJzZXNzaW9uX2lkIjoiMSJ9.Zm9v.made-up")
    assert client.get("/").status_code == 303


def test_what_nobody_comes_in_by_any_more_is_forgotten(cast: Cast) -> None:
    kept, revoked, old = (open_one("bob") for _ in range(3))
    sessions.revoke_session(revoked, actor=cast.actor("bob"))
    for session_id in (revoked, old):
        ended = db.session.get_one(Session, session_id)
        ended.last_seen_at = clock.now() - SESSION_LIFETIME - timedelta(seconds=1)
    db.session.commit()
    retention.sweep()
    assert list(db.session.scalars(select(Session.id))) == [kept]
