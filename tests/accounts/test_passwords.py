"""New passwords: one's own, by an admin's one-time link, by the operator; sessions end by it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from apiflask import APIFlask

from tests.browser import Browser
from tests.cast import PASSWORD, Cast
from webapp.accounts import credentials, invitations, services, sessions
from webapp.accounts.models import LINK_LIFETIME, PasswordLink
from webapp.audit import services as audit
from webapp.core import clock, retention
from webapp.core.actor import Actor, Role
from webapp.core.errors import Conflict, DomainError, Forbidden, NotFound, Unauthenticated
from webapp.core.extensions import db

NEW = "seven green kettles"


def sign_in(name: str, password: str) -> Any:
    return sessions.sign_in(f"{name}@example.com", password, address="", user_agent="")


def make_link(cast: Cast, name: str = "bob", by: str = "alice") -> str:
    return credentials.make_link(cast.user(name).id, actor=cast.actor(by))[1]


def is_in(browser: Browser) -> bool:
    return browser.client.get("/").status_code == 200


# One's own


def test_a_new_password_counts_and_ends_the_other_sessions(cast: Cast) -> None:
    here, there, key = cast.browser("bob"), cast.browser("bob"), cast.api("bob")
    vera = cast.browser("vera")
    here.get("/settings/profile")
    page = here.post("/settings/profile/password", {"current": PASSWORD, "password": NEW})
    assert "You have a new password; your other browsers are signed out." in page.body.text()
    assert is_in(here)
    assert not is_in(there)
    assert is_in(vera)
    assert key.get("/agents").status_code == 200
    assert sign_in("bob", NEW)
    with pytest.raises(Unauthenticated):
        sign_in("bob", PASSWORD)
    entries = audit.latest(cast.actor("bob").organization_id)
    assert "change_password" in [entry.action for entry in entries]
    assert NEW not in str([vars(entry) for entry in entries])


@pytest.mark.parametrize(
    ("current", "password", "sentence"),
    [("wrong", NEW, "This is not your password."), (PASSWORD, "password1", "easy to guess"),
     (PASSWORD, "short", "Use at least 8 characters."), (PASSWORD, "x y " * 60, "Use at most 200"),
     (PASSWORD, "", "required")],
)  # fmt: skip
def test_what_is_refused_says_why_and_changes_nothing(
    cast: Cast, current: str, password: str, sentence: str
) -> None:
    here, there = cast.browser("bob"), cast.browser("bob")
    form = {"current": current, "password": password}
    page = here.post("/settings/profile/password", form, status=422)
    assert sentence in page.css_first(".error").text()
    assert is_in(there)
    assert sign_in("bob", PASSWORD)


def test_a_key_changes_no_password(cast: Cast) -> None:
    actor = Actor(**vars(cast.actor("alice")) | {"api_key_id": cast.user("alice").id})
    with pytest.raises(Forbidden, match="An API key cannot do this"):
        credentials.change_password(PASSWORD, NEW, actor=actor)
    answer = cast.app.test_client().post(
        "/settings/profile/password",
        data={"current": PASSWORD, "password": NEW},
        headers={"X-API-Key": cast.key("alice")},
    )
    assert answer.status_code in (403, 422)
    assert sign_in("alice", PASSWORD)


def test_guessing_the_password_of_an_open_session_is_limited(cast: Cast) -> None:
    settings = cast.app.config["CALLBOARD"]
    browser = cast.browser("bob")
    cast.app.config["CALLBOARD"] = settings.model_copy(update={"sign_in_limit": 2})
    try:
        form = {"current": "wrong", "password": NEW}
        for status in (422, 422, 429):
            browser.post("/settings/profile/password", form, status=status)
    finally:
        cast.app.config["CALLBOARD"] = settings


# By a link


def test_an_admin_makes_a_link_that_works_once_and_ends_all_sessions(cast: Cast) -> None:
    bob, admin = cast.browser("bob"), cast.browser("alice")
    page = admin.post(f"/settings/members/{cast.user('bob').id}/password-link")
    url = page.css_first("#password-link").text()
    assert url.startswith("http://localhost/password?token=")
    assert url not in admin.get("/settings/members").html
    path = urlsplit(url)._replace(scheme="", netloc="").geturl()

    visitor = Browser(cast.app.test_client())
    page = visitor.get(path)
    assert page.css_first("input[name=password][autofocus]")
    assert "bob@example.com" in page.body.text()
    assert is_in(bob)
    assert page.css_first("form").attributes["action"] == path
    page = visitor.post(path, {"password": "password1"}, status=422)
    assert "easy to guess" in page.css_first(".error").text()
    # The refused form stands at the link's own address, where it can be reloaded.
    assert page.css_first("form").attributes["action"] == path
    page = visitor.post(path, {"password": NEW})
    assert "Sign in with your new password." in page.body.text()
    assert not is_in(bob)
    assert sign_in("bob", NEW)
    with pytest.raises(Unauthenticated):
        sign_in("bob", PASSWORD)
    visitor.get(path, status=404)
    visitor.post(path, {"password": PASSWORD}, status=404)
    actions = [entry.action for entry in audit.latest(cast.actor("alice").organization_id)]
    assert {"password_link", "reset_password"} <= set(actions)


def test_the_api_makes_a_link(cast: Cast) -> None:
    path = f"/members/{cast.user('bob').id}/password-link"
    answer = cast.api("alice").post(path)
    assert answer.status_code == 201
    token = answer.json["url"].partition("token=")[2]
    assert credentials.find_link(token).user.email == "bob@example.com"
    assert token not in str(vars(credentials.find_link(token)))


@pytest.mark.parametrize("token", ["", "wrong", "ü", "x" * 32])
def test_a_wrong_link_is_none(cast: Cast, token: str) -> None:
    make_link(cast)
    browser = Browser(cast.app.test_client())
    browser.get("/password", status=404, query_string={"token": token})
    browser.post("/password", {"token": token, "password": NEW}, status=404)
    assert sign_in("bob", PASSWORD)


def test_a_link_is_good_for_a_day_and_forgotten_then(cast: Cast) -> None:
    token = make_link(cast)
    link = credentials.find_link(token)
    assert link.expires_at - clock.now() > LINK_LIFETIME - timedelta(minutes=1)
    retention.sweep()
    link.expires_at = clock.now()
    db.session.commit()
    with pytest.raises(NotFound, match="not valid"):
        credentials.use_link(token, NEW)
    retention.sweep()
    assert db.session.query(PasswordLink).count() == 0


def test_a_second_link_replaces_the_first(cast: Cast) -> None:
    first, second = make_link(cast), make_link(cast)
    with pytest.raises(NotFound):
        credentials.find_link(first)
    assert credentials.use_link(second, NEW).email == "bob@example.com"


def test_who_changes_the_password_needs_the_link_no_more(cast: Cast) -> None:
    token = make_link(cast)
    credentials.change_password(PASSWORD, NEW, actor=cast.actor("bob"))
    with pytest.raises(NotFound):
        credentials.find_link(token)


@pytest.mark.parametrize("name", ["bob", "vera", "charlie"])
def test_nobody_else_makes_links(cast: Cast, name: str) -> None:
    with pytest.raises((Forbidden, NotFound)):
        make_link(cast, "alice", by=name)
    user_id = cast.user("alice").id
    status = 404 if name == "charlie" else 403
    answer = cast.api(name).post(f"/members/{user_id}/password-link")
    assert answer.status_code == status
    assert db.session.query(PasswordLink).count() == 0


def test_a_key_that_expires_makes_no_link(cast: Cast, alice: Actor) -> None:
    soon = clock.now() + timedelta(minutes=1)
    actor = Actor(**vars(alice) | {"api_key_id": cast.user("bob").id, "expires_at": soon})
    with pytest.raises(Forbidden, match="expires"):
        credentials.make_link(cast.user("bob").id, actor=actor)


def test_an_admin_of_one_organization_does_not_get_into_another(cast: Cast) -> None:
    """Charlie adds Bob, and would reset his password: neither before nor after he has joined."""
    member = services.add_member(
        "bob@example.com", role=Role.VIEWER, password=NEW, actor=cast.actor("charlie")
    )
    with pytest.raises(Conflict, match="has not joined yet"):
        make_link(cast, by="charlie")
    assert make_link(cast, by="alice")  # an invitation elsewhere does not hinder Alice
    services.accept_invitation(member.id, password=NEW, actor=cast.actor("bob"))
    for admin in ("alice", "charlie"):
        with pytest.raises(Forbidden, match="belongs to another organization"):
            make_link(cast, by=admin)


def test_a_link_made_before_its_person_joined_elsewhere_is_good_for_nothing(cast: Cast) -> None:
    """Alice makes a link while Bob is hers alone; she would come into Charlie's with it later."""
    link = make_link(cast)
    member = services.add_member(
        "bob@example.com", role=Role.VIEWER, password=NEW, actor=cast.actor("charlie")
    )
    services.accept_invitation(member.id, password=NEW, actor=cast.actor("bob"))
    services.remove_member(cast.user("bob").id, actor=cast.actor("alice"))
    path = f"/password?token={link}"
    visitor = Browser(cast.app.test_client())
    visitor.get(path, status=404)
    visitor.post(path, {"password": "alice knows this one"}, status=404)
    db.session.expire_all()  # this thread still knows the person as they were
    assert sign_in("bob", PASSWORD)


def test_a_link_and_joining_elsewhere_at_once_let_no_admin_in(app: APIFlask, cast: Cast) -> None:
    link, alices = make_link(cast), "alice knows this one"
    _, token = invitations.invite_member(
        "bob@example.com", role=Role.VIEWER, actor=cast.actor("charlie")
    )

    def join() -> bool:
        return bool(invitations.join(token, PASSWORD, address="", user_agent=""))

    def reset() -> bool:
        return bool(credentials.use_link(link, alices))

    def attempt(act: Callable[[], bool]) -> bool:
        with app.app_context():
            try:
                return act()
            except DomainError:
                return False

    with ThreadPoolExecutor(2) as pool:
        has_joined, was_reset = pool.map(attempt, (join, reset))
    assert has_joined != was_reset
    db.session.expire_all()  # this thread may still know the person as they were
    assert sign_in("bob", PASSWORD if has_joined else alices)


# By the operator


def test_the_operator_lets_the_last_admin_in_again(cast: Cast) -> None:
    browser = cast.browser("alice")
    runner = cast.app.test_cli_runner()
    result = runner.invoke(args=["password", "Alice@example.com"], input=f"{NEW}\n{NEW}\n")
    assert "alice@example.com has a new password." in result.output
    assert NEW not in result.output
    assert not is_in(browser)
    assert sign_in("alice", NEW)
    actions = {entry.action: entry for entry in audit.latest(cast.actor("alice").organization_id)}
    assert actions["set_password"].actor_name == "the command line"


@pytest.mark.parametrize(
    ("email", "password", "sentence"),
    [("nobody@example.com", NEW, "There is no account"), ("bob@example.com", "123", "8 to 200"),
     ("bob@example.com", "password1", "easy to guess")],
)  # fmt: skip
def test_the_command_refuses_with_a_sentence(
    cast: Cast, email: str, password: str, sentence: str
) -> None:
    args = ["password", email, "--password", password]
    result = cast.app.test_cli_runner().invoke(args=args)
    assert result.exit_code == 1
    assert sentence in result.output
    assert sign_in("bob", PASSWORD)
