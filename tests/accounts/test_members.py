"""Members: added, given another role, shut out and let in again; the last admin stays."""

from __future__ import annotations

import os
from typing import Any

import pytest
from apiflask import APIFlask
from selectolax.lexbor import LexborHTMLParser, LexborNode

from tests.browser import Browser
from tests.cast import PASSWORD, Cast
from tests.meanwhile import meanwhile
from webapp.accounts import invitations, profiles, services
from webapp.accounts.models import User
from webapp.audit import services as audit
from webapp.core.actor import Actor, Role
from webapp.core.errors import Conflict, Forbidden, Invalid, NotFound
from webapp.core.extensions import db


def add(actor: Actor, email: str = "new@example.com", **options: Any) -> Any:
    values = {"role": Role.MEMBER, "password": PASSWORD} | options
    return services.add_member(email, actor=actor, **values)


def emails(actor: Actor) -> list[str]:
    return [member.email for member in services.list_members(actor=actor)]


# Added


def test_a_member_who_was_added_signs_in(cast: Cast, alice: Actor) -> None:
    assert add(alice, " New@Example.com ").email == "new@example.com"
    entry = audit.latest(alice.organization_id)[0]
    assert (entry.action, entry.subject_name) == ("create", "new@example.com")
    assert entry.detail == {"role": "member"}
    assert "new@example.com · member" in cast.browser("new").get("/").css_first(".who").text()


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_only_admins_add_members(cast: Cast, name: str) -> None:
    with pytest.raises(Forbidden, match="This needs the role admin"):
        add(cast.actor(name))
    body = {"email": "new@example.com", "password": PASSWORD}
    assert cast.api(name).post("/members", body).status_code == 403
    browser = cast.browser(name)
    assert browser.get("/settings/members").css_first("form[action='/settings/members']") is None
    browser.post("/settings/members", body | {"role": "viewer"}, status=403)
    assert "new@example.com" not in emails(cast.actor(name))


@pytest.mark.parametrize(
    ("email", "sentence"),
    [("no e-mail", "This is not an e-mail address"), ("alice@example.com", "already")],
)
def test_what_cannot_be_added_says_why_beside_its_field(
    cast: Cast, alice: Actor, email: str, sentence: str
) -> None:
    with pytest.raises((Invalid, Conflict), match=sentence):
        add(alice, email)
    form = {"email": email, "role": "viewer"}
    page = cast.browser("alice").post("/settings/members", form, status=422)
    assert sentence in page.css_first(".error").text()


def test_the_page_adds_and_says_so(cast: Cast, alice: Actor) -> None:
    form = {"email": "new@example.com", "role": "viewer"}
    page = cast.browser("alice").post("/settings/members", form)
    assert "new@example.com" in page.css_first("tbody").text()
    assert "new@example.com" in emails(alice)


def test_the_api_lists_the_members_of_ones_own_organization(cast: Cast) -> None:
    answer = cast.api("vera").get("/members")
    assert [member["email"] for member in answer.json] == [
        "alice@example.com", "bob@example.com", "vera@example.com",
    ]  # fmt: skip
    assert "password" not in answer.text
    assert [member["email"] for member in cast.api("charlie").get("/members").json] == [
        "charlie@example.com"
    ]


def row_of(page: LexborHTMLParser, email: str) -> LexborNode:
    return next(row for row in page.css("tbody tr") if email in row.text())


def test_ones_own_row_leads_to_the_profile_and_the_only_admins_says_why(
    cast: Cast, alice: Actor
) -> None:
    browser = cast.browser("alice")
    page = browser.get("/settings/members")
    own, other = row_of(page, "alice@example.com"), row_of(page, "bob@example.com")
    assert own.css("form") == []
    assert own.css_first(".row-actions a").attributes["href"] == "/settings/profile"
    assert "to change that, make somebody else an admin" in own.text()
    assert [button.text() for button in other.css("button")] == [
        "Change", "Reset password", "Shut out", "Remove",
    ]  # fmt: skip
    services.update_member(cast.user("bob").id, role=Role.ADMIN, actor=alice)
    own = row_of(browser.get("/settings/members"), "alice@example.com")
    assert [button.text() for button in own.css("button")] == ["Change"]
    assert "make somebody else" not in own.text()


# Given another role


def test_another_role_counts_at_once_and_is_audited(cast: Cast, alice: Actor) -> None:
    browser, api = cast.browser("bob"), cast.api("alice")
    browser.get("/agents/new", status=403)
    page = cast.browser("alice").post(f"/settings/members/{cast.user('bob').id}", {"role": "admin"})
    assert "bob@example.com is admin." in page.body.text()
    browser.get("/agents/new")
    entry = audit.latest(alice.organization_id)[0]
    assert (entry.action, entry.detail) == ("update", {"role": "admin"})
    roles = {member["email"]: member["role"] for member in api.get("/members").json}
    assert roles["bob@example.com"] == "admin"


def test_what_changes_nothing_is_not_audited(cast: Cast, alice: Actor) -> None:
    before = audit.latest_id(alice.organization_id)
    services.update_member(cast.user("bob").id, role=Role.MEMBER, actor=alice)
    assert audit.latest_id(alice.organization_id) == before


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_only_admins_change_members(cast: Cast, name: str) -> None:
    user_id = cast.user(name).id
    with pytest.raises(Forbidden):
        services.update_member(user_id, role=Role.ADMIN, actor=cast.actor(name))
    cast.browser(name).post(f"/settings/members/{user_id}", {"role": "admin"}, status=403)
    assert cast.actor(name).role != Role.ADMIN


def test_nobody_changes_members_of_another_organization(cast: Cast) -> None:
    with pytest.raises(NotFound):
        services.update_member(cast.user("bob").id, is_active=False, actor=cast.actor("charlie"))


def test_an_unknown_role_is_refused(cast: Cast) -> None:
    path = f"/settings/members/{cast.user('bob').id}"
    cast.browser("alice").post(path, {"role": "owner"}, status=404)
    assert cast.actor("bob").role == Role.MEMBER


# Shut out


def test_who_is_shut_out_is_marked_and_can_be_let_in_again(cast: Cast) -> None:
    browser, path = cast.browser("alice"), f"/settings/members/{cast.user('bob').id}"
    form = {"email": "bob@example.com", "password": PASSWORD}
    page = browser.post(path, {"is_active": "0"})
    assert "bob@example.com is member and is shut out." in page.body.text()
    assert Browser(cast.app.test_client()).post("/sign-in", form, status=401)
    browser.post(path, {"is_active": "1"})
    cast.browser("bob").get("/")


# The last admin


@pytest.mark.parametrize("change", [{"role": Role.MEMBER}, {"is_active": False}])
def test_the_last_admin_stays_one(cast: Cast, alice: Actor, change: dict[str, Any]) -> None:
    user_id = cast.user("alice").id
    with pytest.raises(Conflict, match=r"alice@example\.com is the only active admin"):
        services.update_member(user_id, actor=alice, **change)
    assert cast.actor("alice").role == Role.ADMIN
    cast.browser("alice").get("/")
    # Somebody who is shut out is no other admin.
    bob = cast.user("bob").id
    services.update_member(bob, role=Role.ADMIN, is_active=False, actor=alice)
    with pytest.raises(Conflict):
        services.update_member(user_id, actor=alice, **change)
    services.update_member(bob, is_active=True, actor=alice)
    services.update_member(user_id, actor=alice, **change)


# Removed


def test_who_is_removed_is_out_at_once_with_their_keys(cast: Cast, alice: Actor) -> None:
    browser, key = cast.browser("bob"), cast.api("bob")
    answer = cast.api("alice").delete(f"/members/{cast.user('bob').id}")
    assert answer.status_code == 204
    browser.get("/", status=303)
    assert key.get("/agents").status_code == 401
    assert "bob@example.com" not in emails(alice)
    entry = audit.latest(alice.organization_id)[0]
    assert (entry.action, entry.subject_name) == ("remove_member", "bob@example.com")
    # The account has gone, so the address is free.
    assert db.session.query(User).filter_by(email="bob@example.com").count() == 0
    add(cast.actor("charlie"), "bob@example.com")


def test_the_page_removes_and_says_so(cast: Cast) -> None:
    path = f"/settings/members/{cast.user('vera').id}/removal"
    page = cast.browser("alice").post(path)
    assert "vera@example.com is no member any more." in page.body.text()
    assert "vera@example.com" not in page.css_first("tbody").text()


@pytest.mark.parametrize("name", ["bob", "charlie"])
def test_nobody_else_removes_a_member(cast: Cast, name: str) -> None:
    user_id = cast.user("vera").id
    with pytest.raises((Forbidden, NotFound)):
        services.remove_member(user_id, actor=cast.actor(name))
    assert cast.api(name).delete(f"/members/{user_id}").status_code in (403, 404)
    assert cast.browser("vera")


def test_the_last_admin_is_not_removed(cast: Cast, alice: Actor) -> None:
    with pytest.raises(Conflict, match="is the only active admin"):
        services.remove_member(cast.user("alice").id, actor=alice)
    answer = cast.api("alice").delete(f"/members/{cast.user('alice').id}")
    assert answer.json["code"] == "last_admin"


def test_the_api_changes_a_member(cast: Cast) -> None:
    api, path = cast.api("alice"), f"/members/{cast.user('bob').id}"
    answer = api.request("PATCH", path, {"role": "viewer"})
    assert (answer.json["role"], answer.json["is_active"]) == ("viewer", True)
    assert api.request("PATCH", path, {"is_active": False}).json["is_active"] is False
    assert api.request("PATCH", path, {"role": "owner"}).status_code == 422
    other = f"/members/{cast.user('charlie').id}"
    assert api.request("PATCH", other, {"role": "viewer"}).status_code == 404


# Removed while others are at work


def test_who_is_invited_elsewhere_while_they_are_removed_stays_invited(
    app: APIFlask, cast: Cast, alice: Actor
) -> None:
    charlie, tokens = cast.actor("charlie"), []

    def invite() -> None:
        tokens.append(
            invitations.invite_member("bob@example.com", role=Role.VIEWER, actor=charlie)[1]
        )

    with meanwhile(app, invite, before="DELETE FROM users"):
        services.remove_member(cast.user("bob").id, actor=alice)
    assert invitations.find_invitation(tokens[0]).email == "bob@example.com"


@pytest.mark.skipif(
    os.environ.get("TEST_DATABASE") != "postgresql", reason="SQLite has one writer anyhow"
)
def test_a_removal_keeps_nobody_else_from_writing(app: APIFlask, cast: Cast, alice: Actor) -> None:
    """Who writes and then tells of it waited for the removal, which waited for them."""
    vera = cast.actor("vera")

    def change() -> None:
        profiles.change_profile(display_name="Vera", actor=vera)

    with meanwhile(app, change, before="DELETE FROM users", seconds=60) as waited:
        services.remove_member(cast.user("bob").id, actor=alice)
    assert waited == [False]
