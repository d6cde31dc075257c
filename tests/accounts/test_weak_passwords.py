"""A password that is among the first to be tried is refused, wherever one is chosen."""

from __future__ import annotations

import pytest
from argon2 import extract_parameters
from argon2.exceptions import VerifyMismatchError

from tests.browser import Browser
from tests.cast import Cast
from webapp.accounts import invitations, passwords, services
from webapp.core.actor import Role
from webapp.core.errors import Invalid

EMAIL = "gertrude@tea-house.example"


@pytest.mark.parametrize(
    "password",
    ["password", "Password1", "12345678", "qwertyuiop", "letmein1", "aaaaaaaa", "callboard1",
     "gertrude1", "tea-house.example", EMAIL],
)  # fmt: skip
def test_what_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(Invalid, match="easy to guess") as refusal:
        passwords.hash_new(password, email=EMAIL)
    assert (refusal.value.code, refusal.value.field) == ("weak_password", "password")


@pytest.mark.parametrize("password", ["correct horse battery", "q8!fTz-11", "ein langes Passwort"])
def test_what_is_not_is_taken(password: str) -> None:
    assert passwords.verify(passwords.hash_new(password, email=EMAIL), password)


@pytest.mark.parametrize("password", ["", "q8!fTz-", "correct horse " * 15])
def test_too_short_and_too_long_are_refused(password: str) -> None:
    with pytest.raises(Invalid, match="A password has 8 to 200 characters"):
        passwords.hash_new(password, email=EMAIL)


def test_only_the_beginning_of_a_long_one_is_judged() -> None:
    password = "correct horse battery " * 9
    assert passwords.verify(passwords.hash_new(password, email=EMAIL), password)


def test_one_that_was_made_is_strong_and_never_the_same() -> None:
    made = {passwords.make_password() for _ in range(20)}
    assert len(made) == 20
    for password in made:
        passwords.hash_new(password, email=EMAIL)


def test_the_first_admin_needs_a_good_one_as_well(cast: Cast) -> None:
    with pytest.raises(Invalid, match="easy to guess"):
        services.create_organization("Tea", email=EMAIL, password="password")
    answer = cast.api("alice").post("/members", {"email": EMAIL, "password": "password"})
    assert (answer.status_code, answer.json["code"]) == (422, "weak_password")
    _, token = invitations.invite_member(EMAIL, role=Role.VIEWER, actor=cast.actor("alice"))
    page = Browser(cast.app.test_client()).post(
        f"/join?token={token}", {"password": "password"}, status=422
    )
    assert "easy to guess" in page.css_first(".error").text()


def test_an_account_that_is_not_there_costs_as_much_as_one_that_is() -> None:
    known = passwords.hash_new("correct horse battery", email=EMAIL)
    assert extract_parameters(passwords._NOBODY) == extract_parameters(known)
    assert len(passwords._NOBODY) == len(known)
    with pytest.raises(VerifyMismatchError):  # it is computed to the end, not refused unread
        passwords._hasher.verify(passwords._NOBODY, "correct horse battery")
    assert passwords.verify(None, "correct horse battery") is False
