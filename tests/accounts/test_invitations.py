"""Invitations: a one-time link from an admin, at which the person joins with a password of theirs.

What an admin sees never tells whether an e-mail has an account in another organization.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from apiflask import APIFlask

from tests.browser import Browser
from tests.cast import PASSWORD, Cast
from webapp.accounts import (
    credentials,
    invitations,
    passwords,
    profiles,
    services,
    sessions,
)
from webapp.accounts.models import INVITATION_LIFETIME, Membership
from webapp.audit import services as audit
from webapp.core import clock
from webapp.core.actor import Actor, Role
from webapp.core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, Unauthenticated
from webapp.core.extensions import db

CHOSEN = "seven green kettles"
NEW = "new@example.com"


def invite(cast: Cast, email: str = NEW, by: str = "alice", role: Role = Role.VIEWER) -> str:
    return invitations.invite_member(email, role=role, actor=cast.actor(by))[1]


def visitor(cast: Cast) -> Browser:
    return Browser(cast.app.test_client())


def sign_in(email: str, password: str) -> object:
    return sessions.sign_in(email, password, address="", user_agent="")


def join(token: str, password: str) -> object:
    return invitations.join(token, password, address="", user_agent="")


def member(cast: Cast, email: str, organization: str = "alice") -> Membership:
    listed = services.list_members(actor=cast.actor(organization))
    return next(member for member in listed if member.email == email)


# Made


def test_an_admin_makes_a_link_that_is_shown_once(cast: Cast) -> None:
    browser = cast.browser("alice")
    page = browser.get("/settings/members")
    assert page.css_first("input[type=password]") is None
    page = browser.post("/settings/members", {"email": " New@Example.com ", "role": "viewer"})
    link = page.css_first("#invitation-link").text()
    assert link.startswith("http://localhost/join?token=")
    assert NEW in page.css_first(".notice").text()
    row = page.css_first(f"#membership-{member(cast, NEW).id}")
    assert "invited" in row.text()
    assert "expires in 7 days" in " ".join(row.text().split())
    token = link.partition("=")[2]
    assert token not in browser.get("/settings/members").html
    entry = audit.latest(cast.actor("alice").organization_id)[0]
    assert (entry.action, entry.subject_name, entry.detail) == ("invite", NEW, {"role": "viewer"})
    assert token not in str([vars(entry) for entry in db.session.query(type(entry))])


def test_nobody_comes_in_before_they_have_joined(cast: Cast) -> None:
    invite(cast)
    for password in ("", CHOSEN, PASSWORD):
        with pytest.raises(Unauthenticated):
            sign_in(NEW, password)


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_only_admins_invite(cast: Cast, name: str) -> None:
    actor = cast.actor(name)
    with pytest.raises(Forbidden):
        invitations.invite_member(NEW, role=Role.VIEWER, actor=actor)
    invite(cast)
    with pytest.raises(Forbidden):
        invitations.renew_invitation(cast.user("new").id, actor=actor)


def test_an_account_elsewhere_is_no_secret_that_inviting_tells(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles.change_profile(display_name="Bob of Acme", actor=cast.actor("bob"))
    hashed: list[str] = []
    hash_new = passwords.hash_new

    def count_and_hash(password: str, *, email: str) -> str:
        hashed.append(email)
        return hash_new(password, email=email)

    monkeypatch.setattr(passwords, "hash_new", count_and_hash)
    for email in ("bob@example.com", NEW):
        invite(cast, email, by="charlie")
    # As much is reckoned for the one as for the other.
    assert hashed == ["bob@example.com", NEW]
    page = cast.browser("charlie").get("/settings/members")
    assert "bob@example.com" in page.body.text()
    assert "Bob of Acme" not in page.html
    services.update_member(cast.user("bob").id, is_active=False, actor=cast.actor("charlie"))
    assert "Bob of Acme" not in cast.browser("charlie").get("/settings/members").html
    assert "Bob of Acme" in cast.browser("alice").get("/settings/members").html


def test_who_is_a_member_or_invited_is_not_invited_again(cast: Cast) -> None:
    invite(cast)
    for email in (NEW, "bob@example.com"):
        with pytest.raises(Conflict, match=f"{email} is a member already"):
            invite(cast, email)
    with pytest.raises(Invalid, match="not an e-mail address"):
        invite(cast, "nobody")


def test_an_account_elsewhere_is_no_secret_that_the_link_tells(cast: Cast) -> None:
    """Charlie invites Bob, who has an account in Alice's organization, and somebody new."""
    seen = []
    for email in ("bob@example.com", NEW):
        html = visitor(cast).get(f"/join?token={invite(cast, email, 'charlie')}").css_first("main")
        fields = [field.attributes.get("name") for field in html.css("input")]
        seen.append((fields, html.css_first(".hint").text(), html.css_first("h1").text()))
    assert seen[0] == seen[1]
    assert seen[0][0] == ["csrf_token", "password"]
    rows = [row.text().split()[1:] for row in cast.browser("charlie").get(
        "/settings/members").css("tbody tr") if "invited" in row.text()]  # fmt: skip
    assert rows[0] == rows[1]


# Used


def test_somebody_new_chooses_a_password_and_is_in(cast: Cast) -> None:
    path = f"/join?token={invite(cast, role=Role.MEMBER)}"
    browser = visitor(cast)
    page = browser.get(path)
    assert page.css_first("h1").text() == "Join Acme"
    assert "member" in page.css_first("p").text()
    assert page.css_first("input[name=password][autofocus]")
    page = browser.post(path, {"password": "short"}, status=422)
    assert "8 to 200 characters" in page.css_first(".error").text()
    assert page.css_first("form").attributes["action"] == path  # it can be reloaded
    page = browser.post(path, {"password": CHOSEN})
    assert "You have joined Acme." in page.body.text()
    assert "new@example.com · member" in " ".join(page.css_first(".who").text().split())
    assert sign_in(NEW, CHOSEN)
    actions = [entry.action for entry in audit.latest(cast.actor("alice").organization_id)]
    assert actions[1:4] == ["sign_in", "join", "invite"]
    visitor(cast).get(path, status=404)
    visitor(cast).post(path, {"password": "another green kettle"}, status=404)
    assert sign_in(NEW, CHOSEN)


def test_who_has_an_account_joins_with_its_password(cast: Cast) -> None:
    token = invite(cast, "bob@example.com", by="charlie", role=Role.ADMIN)
    for password in (CHOSEN, "wrong"):
        with pytest.raises(Invalid, match="this is not its password"):
            join(token, password)
    assert sign_in("bob@example.com", PASSWORD)
    page = visitor(cast).post(f"/join?token={token}", {"password": PASSWORD})
    assert "You have joined Other." in page.body.text()
    assert page.css_first(".brand").text(strip=True) == "Other"
    names = [known.organization.name for known in cast.user("bob").open_memberships]
    assert names == ["Acme", "Other"]
    with pytest.raises(Unauthenticated):
        sign_in("bob@example.com", CHOSEN)


def test_who_is_signed_in_only_says_yes(cast: Cast) -> None:
    path = f"/join?token={invite(cast, 'bob@example.com', by='charlie')}"
    browser = cast.browser("bob")
    page = browser.get("/settings/profile")
    assert "Open the link that they passed on to you." in page.body.text()
    assert page.css_first("form[action$='/refusal']")
    assert browser.get(path).css_first("main input[type=password]") is None
    page = browser.post(path)
    assert "You have joined Other." in page.body.text()
    assert page.css_first(".brand").text(strip=True) == "Other"
    # Another person who is signed in is asked for the password of whom the link means.
    path = f"/join?token={invite(cast, 'vera@example.com', by='charlie')}"
    page = cast.browser("alice").post(path, status=422)
    assert page.css_first("#password-error")
    with pytest.raises(NotFound):
        invitations.join_signed_in(path.partition("=")[2], actor=cast.actor("alice"))


def test_joining_with_an_address_that_somebody_else_took_lets_nobody_in(cast: Cast) -> None:
    """Charlie invites Dora and joins in her name; later Alice invites her, by another link."""
    join(invite(cast, "dora@example.com", by="charlie"), "charlie knows this")
    token = invite(cast, "dora@example.com", role=Role.ADMIN)
    with pytest.raises(Invalid):
        join(token, CHOSEN)
    assert not member(cast, "dora@example.com").is_open
    dora = cast.user("dora").open_memberships[0].actor
    with pytest.raises(Invalid, match="not the password"):
        services.accept_invitation(
            member(cast, "dora@example.com").id, password="charlie knows this", actor=dora
        )


# Over


def test_a_link_ends_after_a_week_and_is_renewed(cast: Cast) -> None:
    first = invite(cast)
    invited = member(cast, NEW)
    invited.link_expires_at = clock.now() - timedelta(seconds=1)
    db.session.commit()
    visitor(cast).get(f"/join?token={first}", status=404)
    with pytest.raises(NotFound):
        join(first, CHOSEN)
    browser = cast.browser("alice")
    path = f"/settings/members/{invited.user_id}/invitation"
    form = browser.get("/settings/members").css_first(f"form[action='{path}']")
    assert form.css_first("button").text() == "New link"
    link = urlsplit(browser.post(path).css_first("#invitation-link").text())
    db.session.refresh(invited)
    assert invited.link_expires_at is not None
    assert invited.link_expires_at - clock.now() > INVITATION_LIFETIME - timedelta(minutes=1)
    assert sign_in_by(cast, f"{link.path}?{link.query}")
    entry = audit.latest(cast.actor("alice").organization_id)[2]
    assert (entry.action, entry.subject_name) == ("renew_invitation", NEW)
    page = browser.post(path)
    assert "has joined already" in page.css_first(".toast.error").text()
    assert browser.get("/settings/members").css_first(f"form[action='{path}']") is None


def sign_in_by(cast: Cast, path: str) -> bool:
    return "You have joined" in visitor(cast).post(path, {"password": CHOSEN}).body.text()


def test_a_new_link_takes_the_place_of_the_one_before_and_of_a_password(cast: Cast) -> None:
    answer = cast.api("alice").post("/members", {"email": NEW, "password": PASSWORD})
    assert answer.status_code == 201
    alice = cast.actor("alice")
    _, first = invitations.renew_invitation(cast.user("new").id, actor=alice)
    with pytest.raises(Unauthenticated):
        sign_in(NEW, PASSWORD)
    _, second = invitations.renew_invitation(cast.user("new").id, actor=alice)
    with pytest.raises(NotFound):
        join(first, CHOSEN)
    assert join(second, CHOSEN)


def test_who_is_shut_out_or_removed_has_no_link(cast: Cast, alice: Actor) -> None:
    token = invite(cast)
    services.update_member(cast.user("new").id, is_active=False, actor=alice)
    with pytest.raises(NotFound):
        join(token, CHOSEN)
    services.update_member(cast.user("new").id, is_active=True, actor=alice)
    invitations.find_invitation(token)
    services.remove_member(cast.user("new").id, actor=alice)
    with pytest.raises(NotFound):
        join(token, CHOSEN)


@pytest.mark.parametrize("token", ["", "nonsense", "\ud800"])
def test_what_is_no_token_leads_nowhere(cast: Cast, token: str) -> None:
    invite(cast)
    with pytest.raises(NotFound):
        invitations.find_invitation(token)
    visitor(cast).get("/join", status=404)


def test_guessing_at_a_link_is_limited(cast: Cast) -> None:
    path = f"/join?token={invite(cast, 'bob@example.com', by='charlie')}"
    settings = cast.app.config["CALLBOARD"]
    cast.app.config["CALLBOARD"] = settings.model_copy(update={"sign_in_limit": 2})
    try:
        for status in (422, 422, 429):
            visitor(cast).post(path, {"password": "wrong"}, status=status)
    finally:
        cast.app.config["CALLBOARD"] = settings


def test_a_link_to_reset_is_for_who_has_joined(cast: Cast, alice: Actor) -> None:
    invite(cast)
    with pytest.raises(Conflict, match="has not joined yet"):
        credentials.make_link(cast.user("new").id, actor=alice)


def test_nobody_of_another_organization_renews_it(cast: Cast) -> None:
    invite(cast)
    path = f"/settings/members/{cast.user('new').id}/invitation"
    cast.browser("charlie").post(path, status=404)
    with pytest.raises(NotFound):
        invitations.renew_invitation(cast.user("new").id, actor=cast.actor("charlie"))


def test_two_links_of_a_new_person_used_at_once_give_one_password(
    app: APIFlask, cast: Cast
) -> None:
    tokens = [invite(cast), invite(cast, by="charlie")]

    def use(at: int) -> bool:
        with app.app_context():
            try:
                return bool(join(tokens[at % 2], f"{CHOSEN} {at % 2}"))
            except DomainError:
                return False

    with ThreadPoolExecutor(4) as pool:
        joined = list(pool.map(use, range(4)))
    assert sum(joined) == 1
    db.session.expire_all()  # this thread may still know the person as they were added
    assert sign_in(NEW, f"{CHOSEN} {joined.index(True) % 2}")
