"""Signing in: who may, what is refused without saying why, and where one goes afterwards."""

from __future__ import annotations

import pytest

from tests.browser import Browser
from tests.cast import PASSWORD, Cast
from webapp.accounts import services, sessions
from webapp.accounts.models import Session
from webapp.audit import services as audit
from webapp.core.errors import Unauthenticated
from webapp.core.extensions import db


def sign_in(name: str, password: str = PASSWORD) -> Session:
    return sessions.sign_in(name, password, address="192.0.2.1", user_agent="Browser")


# The service


def test_a_session_remembers_where_it_was_opened_and_the_audit_that_it_was(cast: Cast) -> None:
    opened = sign_in(" ALICE@example.com ")
    assert (opened.address, opened.user_agent) == ("192.0.2.1", "Browser")
    entry = audit.latest(cast.actor("alice").organization_id)[0]
    assert (entry.action, entry.actor_name) == ("sign_in", "alice@example.com")


@pytest.mark.parametrize(
    ("email", "password"),
    [("alice@example.com", "wrong"), ("alice@example.com", ""), ("nobody@example.com", PASSWORD),
     ("bob@example.com", "shut out"), ("", "")],
)  # fmt: skip
def test_a_refusal_does_not_say_which_half_was_wrong(cast: Cast, email: str, password: str) -> None:
    with pytest.raises(Unauthenticated, match=r"^E-mail or password is wrong\.$"):
        sign_in(email, password)
    assert db.session.query(Session).count() == 0


def test_who_is_shut_out_does_not_sign_in(cast: Cast) -> None:
    services.update_member(cast.user("bob").id, is_active=False, actor=cast.actor("alice"))
    with pytest.raises(Unauthenticated, match="E-mail or password is wrong"):
        sign_in("bob@example.com")
    services.update_member(cast.user("bob").id, is_active=True, actor=cast.actor("alice"))
    assert sign_in("bob@example.com")


# The page


def test_the_page_goes_on_to_where_one_wanted_to_be(cast: Cast) -> None:
    browser = Browser(cast.app.test_client())
    browser.get("/agents?q=x", status=303)
    page = browser.get("/agents?q=x")
    field = page.css_first("form input[name=next]")
    assert field is not None
    form = {"email": "alice@example.com", "password": PASSWORD}
    browser.post("/sign-in", form | {"next": field.attributes["value"]}, status=303)
    assert browser.response is not None
    assert browser.response.location == "/agents?q=x"


@pytest.mark.parametrize(
    "target",
    ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "\\\\elsewhere",
     "javascript:alert(1)", "elsewhere.example", "/\t/elsewhere.example", "/\n/elsewhere.example",
     "http:elsewhere.example", " /agents"],
)  # fmt: skip
def test_next_leads_to_no_other_site(cast: Cast, target: str) -> None:
    browser = Browser(cast.app.test_client())
    page = browser.get("/sign-in", query_string={"next": target})
    form = {"email": "alice@example.com", "password": PASSWORD, "next": target}
    browser.post("/sign-in", form, status=303)
    assert browser.response is not None
    assert page.css_first("input[name=next]") is None
    assert browser.response.location == "/"


def test_a_wrong_password_is_told_on_the_page_and_nothing_is_opened(cast: Cast) -> None:
    browser = Browser(cast.app.test_client())
    page = browser.post("/sign-in", {"email": "alice@example.com", "password": "x"}, status=401)
    assert "E-mail or password is wrong." in page.body.text()
    assert page.css_first("input[name=password]").attributes.get("value") in (None, "")
    browser.get("/", status=303)


def test_signing_in_takes_a_new_session_and_leaves_nothing_of_the_old(cast: Cast) -> None:
    browser = cast.browser("vera")
    first = browser.client.get_cookie("session")
    browser.sign_in("alice@example.com", PASSWORD)
    assert browser.client.get_cookie("session") != first
    assert "alice@example.com" in browser.get("/").css_first(".who").text()


def test_a_form_without_its_token_is_refused(cast: Cast) -> None:
    form = {"email": "alice@example.com", "password": PASSWORD}
    response = cast.app.test_client().post("/sign-in", data=form)
    assert response.status_code == 403
    assert db.session.query(Session).count() == 0


def test_who_is_signed_in_need_not_again(cast: Cast) -> None:
    cast.browser("alice").get("/sign-in", status=303)
