"""Joining: somebody who was added says yes, with a password that was passed on.

Those are added by a program; pages invite by a link (`test_invitations.py`).

What an admin sees never tells whether an e-mail has an account in another organization.
"""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from tests.browser import Browser
from tests.cast import PASSWORD, Cast
from webapp.accounts import services, sessions
from webapp.accounts.models import Membership, User
from webapp.audit import services as audit
from webapp.audit.models import AuditEntry
from webapp.core.actor import Role
from webapp.core.errors import Forbidden, Invalid, NotFound, Unauthenticated
from webapp.core.extensions import db

PASSED_ON = "seven green kettles"


@pytest.fixture
def invited(cast: Cast) -> Membership:
    """Charlie's organization has added Bob, who has an account in Alice's."""
    return services.add_member(
        "bob@example.com", role=Role.ADMIN, password=PASSED_ON, actor=cast.actor("charlie")
    )


def sign_in(name: str, password: str, **options: str) -> object:
    return sessions.sign_in(f"{name}@example.com", password, address="", user_agent="", **options)


# What the admin sees


def test_an_account_elsewhere_is_no_secret_that_adding_tells(cast: Cast) -> None:
    api = cast.api("charlie")
    bodies = [
        {"email": f"{name}@example.com", "role": "viewer", "password": PASSED_ON}
        for name in ("bob", "nobody")
    ]
    answers = [api.post("/members", body) for body in bodies]
    assert [answer.status_code for answer in answers] == [201, 201]
    unlike = {"id", "email", "created_at"}
    seen = [
        {name: value for name, value in answer.json.items() if name not in unlike}
        for answer in answers
    ]
    assert seen[0] == seen[1]
    assert seen[0] == {
        "role": "viewer", "is_active": True, "joined_at": None, "last_seen_at": None,
        "password": None,
    }  # fmt: skip
    again = [api.post("/members", body) for body in bodies]
    assert {(answer.status_code, answer.json["code"]) for answer in again} == {(409, "email_taken")}
    page = cast.browser("charlie").get("/settings/members")
    rows = [row.text() for row in page.css("tbody tr") if "charlie" not in row.text()]
    assert len(rows) == 2
    assert all("invited" in row for row in rows)


def test_adding_takes_nobodys_account_over(cast: Cast, invited: Membership) -> None:
    with pytest.raises(Unauthenticated):
        sign_in("bob", PASSED_ON)
    assert sign_in("bob", PASSWORD)
    assert cast.actor("bob").organization_id == cast.actor("alice").organization_id
    assert db.session.query(User).filter_by(email="bob@example.com").count() == 1


def test_an_address_that_somebody_else_took_first_lets_nobody_in(cast: Cast) -> None:
    """Charlie makes an account for Dora, whom Alice adds later: Charlie does not get in as her."""
    for name, password in (("charlie", "charlie knows this"), ("alice", PASSED_ON)):
        services.add_member(
            "dora@example.com", role=Role.ADMIN, password=password, actor=cast.actor(name)
        )
    sign_in("dora", "charlie knows this")
    dora = cast.user("dora")
    assert [known.organization.name for known in dora.open_memberships] == ["Other"]
    acme = dora.invitations[0]
    actor = dora.open_memberships[0].actor
    with pytest.raises(Invalid, match="not the password"):
        services.accept_invitation(acme.id, password="charlie knows this", actor=actor)
    assert not acme.is_open


def test_an_invitation_that_was_shut_out_is_none(cast: Cast, invited: Membership) -> None:
    services.update_member(invited.user_id, is_active=False, actor=cast.actor("charlie"))
    with pytest.raises(NotFound):
        services.accept_invitation(invited.id, password=PASSED_ON, actor=cast.actor("bob"))


def test_who_has_not_joined_is_no_other_admin(cast: Cast, invited: Membership) -> None:
    charlie = cast.actor("charlie")
    with pytest.raises(Exception, match="is the only active admin"):
        services.update_member(cast.user("charlie").id, role=Role.VIEWER, actor=charlie)


# How one joins


def test_who_has_no_account_joins_by_signing_in(cast: Cast) -> None:
    api = cast.api("alice")
    made = api.post("/members", {"email": "new@example.com"}).json
    assert len(made["password"]) >= 16
    assert made["password"] not in api.get("/members").text
    browser = Browser(cast.app.test_client())
    browser.sign_in("new@example.com", made["password"])
    assert "new@example.com · member" in browser.get("/").css_first(".who").text()
    actions = [entry.action for entry in audit.latest(cast.actor("alice").organization_id)]
    assert actions[:3] == ["sign_in", "join", "create"]


def test_who_has_an_account_joins_with_what_was_passed_on(cast: Cast, invited: Membership) -> None:
    browser = cast.browser("bob")
    page = browser.get("/")
    assert "Join Other" in page.css_first(".sidebar").text()
    assert page.css_first("select[name=organization_id]") is None
    path = f"/settings/profile/invitations/{invited.id}"
    page = browser.post(path, {"password": "something else"}, status=422)
    assert "not the password that they added you with" in page.css_first(".error").text()
    page = browser.post(path, {"password": PASSED_ON})
    assert "You have joined Other." in page.body.text()
    assert page.css_first(".brand").text(strip=True) == "Other"
    assert "bob@example.com · admin" in page.css_first(".who").text()
    assert audit.latest(invited.organization_id)[1].action == "join"
    assert sign_in("bob", PASSWORD)
    with pytest.raises(Unauthenticated):
        sign_in("bob", PASSED_ON)
    browser.post(path, {"password": PASSED_ON}, status=404)


def test_one_joins_and_works_there_or_neither(cast: Cast, invited: Membership) -> None:
    """The session's move into the organization finds the database busy."""
    browser = cast.browser("bob")
    path = f"/settings/profile/invitations/{invited.id}"
    there = select(AuditEntry.action).where(AuditEntry.organization_id == invited.organization_id)

    def refuse(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE sessions SET membership_id"):
            locked = sqlite3.OperationalError("database is locked")
            raise OperationalError(statement, {}, locked)

    event.listen(db.engine, "before_cursor_execute", refuse)
    try:
        page = browser.post(path, {"password": PASSED_ON}, status=503)
    finally:
        event.remove(db.engine, "before_cursor_execute", refuse)
    assert "Nothing was changed" in page.body.text()
    db.session.refresh(invited)
    assert invited.is_invitation
    assert "join" not in db.session.scalars(there).all()
    page = browser.post(path, {"password": PASSED_ON})
    assert "You have joined Other." in page.body.text()
    assert {"join", "sign_in"} <= set(db.session.scalars(there))


def test_two_invitations_stand_on_one_page(cast: Cast, invited: Membership) -> None:
    third = services.create_organization("Third", email="dora@example.com", password=PASSED_ON)
    services.add_member(
        "bob@example.com",
        role=Role.VIEWER,
        password="another green kettle",
        actor=third.actor,
    )
    browser = cast.browser("bob")
    headings = [node.text() for node in browser.get("/settings/profile").css("h2")]
    assert {"Join Other", "Join Third"} <= set(headings)
    page = browser.post(
        f"/settings/profile/invitations/{invited.id}", {"password": "no"}, status=422
    )
    assert len(page.css(".error")) == 1
    assert page.css_first(f"#password-{invited.id}-error")


def test_one_may_say_no(cast: Cast, invited: Membership) -> None:
    page = cast.browser("bob").post(f"/settings/profile/invitations/{invited.id}/refusal")
    assert "The invitation to Other is forgotten." in page.body.text()
    assert "Join Other" not in page.html
    assert audit.latest(invited.organization_id)[0].action == "decline"
    assert len(services.list_members(actor=cast.actor("charlie"))) == 1
    assert sign_in("bob", PASSWORD)


def test_who_belongs_nowhere_any_more_joins_when_signing_in(
    cast: Cast, invited: Membership
) -> None:
    services.update_member(cast.user("bob").id, is_active=False, actor=cast.actor("alice"))
    browser = Browser(cast.app.test_client())
    form = {"email": "bob@example.com", "password": PASSWORD}
    assert browser.get("/sign-in").css_first("input[name=invitation]") is None
    page = browser.post("/sign-in", form, status=401)
    assert "An organization has added you" in page.css_first(".error").text()
    browser.post("/sign-in", form | {"invitation": "something else"}, status=401)
    page = browser.post("/sign-in", form | {"invitation": PASSED_ON})
    assert page.css_first(".brand").text(strip=True) == "Other"


@pytest.mark.parametrize("name", ["vera", "charlie"])
def test_nobody_answers_for_another_person(cast: Cast, invited: Membership, name: str) -> None:
    browser = cast.browser(name)
    browser.post(f"/settings/profile/invitations/{invited.id}", {"password": PASSED_ON}, status=404)
    browser.post(f"/settings/profile/invitations/{invited.id}/refusal", status=404)


def test_a_key_joins_nothing(cast: Cast, invited: Membership) -> None:
    headers = {"X-API-Key": cast.key("bob")}
    for path in (
        f"/settings/profile/invitations/{invited.id}/refusal",
        "/settings/profile/organization",
    ):
        answer = cast.app.test_client().post(path, headers=headers)
        assert answer.status_code in (403, 404), path
    with pytest.raises(NotFound):
        services.accept_invitation(invited.id, password=PASSED_ON, actor=cast.actor("vera"))


# Several organizations


@pytest.fixture
def joined(cast: Cast, invited: Membership) -> Membership:
    return services.accept_invitation(invited.id, password=PASSED_ON, actor=cast.actor("bob"))


def test_one_switches_between_organizations_with_a_role_in_each(
    cast: Cast, joined: Membership
) -> None:
    cast.api("alice").post("/agents", {"name": "Ours", "instructions": "x"})
    browser = cast.browser("bob")
    page = browser.get("/agents")
    options = page.css("select[name=organization_id] option")
    assert [option.text(strip=True) for option in options] == ["Acme", "Other"]
    assert "Ours" in page.html
    browser.get("/agents/new", status=403)
    there = {"organization_id": str(joined.organization_id)}
    page = browser.post("/settings/profile/organization", there)
    assert "You work in Other now." in page.body.text()
    assert "Ours" not in browser.get("/agents").html
    browser.get("/agents/new")
    entry = audit.latest(joined.organization_id)[0]
    assert (entry.action, entry.actor_name) == ("sign_in", "bob@example.com")
    # The next sign-in opens where one worked last.
    page = cast.browser("bob").get("/settings/profile")
    assert page.css_first(".brand").text(strip=True) == "Other"
    assert [row.text(strip=True)[:4] for row in page.css("#organizations tbody tr")] == [
        "Acme", "Othe",
    ]  # fmt: skip


def test_one_switches_to_no_organization_of_others(cast: Cast, joined: Membership) -> None:
    services.update_member(joined.user_id, is_active=False, actor=cast.actor("charlie"))
    browser = cast.browser("bob")
    for organization in (str(joined.organization_id), "nonsense", ""):
        browser.post(
            "/settings/profile/organization", {"organization_id": organization}, status=404
        )
    other = cast.actor("charlie").organization_id
    cast.browser("vera").post(
        "/settings/profile/organization", {"organization_id": other}, status=404
    )


def test_who_is_shut_out_of_one_works_on_in_the_other(cast: Cast, joined: Membership) -> None:
    bob, there = cast.browser("bob"), cast.browser("bob")
    there.post("/settings/profile/organization", {"organization_id": str(joined.organization_id)})
    services.update_member(joined.user_id, is_active=False, actor=cast.actor("charlie"))
    there.get("/", status=303)
    assert bob.get("/").css_first(".brand").text(strip=True) == "Acme"


def test_a_key_works_where_it_was_made(cast: Cast, joined: Membership) -> None:
    key = cast.key("bob")
    browser = cast.browser("bob")
    browser.post("/settings/profile/organization", {"organization_id": str(joined.organization_id)})
    client = cast.app.test_client()
    answer = client.get("/api/v1/organization", headers={"X-API-Key": key})
    assert answer.json["name"] == "Acme"
    page = browser.get("/settings/api-keys")
    assert "bob" not in (page.css_first("tbody") or page.css_first("h1")).text()
    services.remove_member(joined.user_id, actor=cast.actor("charlie"))
    assert client.get("/api/v1/agents", headers={"X-API-Key": key}).status_code == 200


def test_the_operator_makes_somebody_admin_of_a_second_organization(cast: Cast) -> None:
    runner = cast.app.test_cli_runner()
    result = runner.invoke(args=["org", "add", "Third", "--email", "bob@example.com"])
    assert "Third is ready; bob@example.com signs in." in result.output
    names = [known.organization.name for known in cast.user("bob").open_memberships]
    assert names == ["Acme", "Third"]
    assert sign_in("bob", PASSWORD)
    result = runner.invoke(args=["org", "add", "Fourth", "--email", "new@example.com"])
    assert "A password has 8 to 200 characters." in result.output
    assert result.exit_code == 1


def test_a_key_needs_a_person(cast: Cast) -> None:
    actor = cast.actor("bob")
    with pytest.raises(Forbidden):
        services.remove_member(cast.user("vera").id, actor=actor)
