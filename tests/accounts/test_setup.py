"""The first start: one link, once, or an admin from the environment."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError

from tests.browser import Browser, words_of
from tests.cast import PASSWORD
from webapp.accounts import keys, services, setup
from webapp.accounts.models import ApiKey, Organization, Session, User
from webapp.audit.models import AuditEntry
from webapp.config import BadSettings, Settings
from webapp.core.errors import Conflict
from webapp.core.extensions import db

KEY = "cb_a_long_random_key_0123456789"


@pytest.fixture
def fresh(app: APIFlask, settings: Settings) -> str:
    """An installation that nobody has set up: the token of its link."""
    path = setup.prepare(settings)
    assert path is not None
    return path.partition("token=")[2]


def form_of(token: str, **fields: str) -> dict[str, str]:
    return {
        "token": token,
        "name": "Acme",
        "email": "first@example.com",
        "password": PASSWORD,
    } | fields


def test_the_link_stays_the_same_until_it_is_used(fresh: str, settings: Settings) -> None:
    assert setup.prepare(settings) == f"/setup?token={fresh}"
    assert (settings.data_dir / setup.TOKEN_FILE).stat().st_mode & 0o777 == 0o600


def test_the_link_makes_the_first_admin_who_is_signed_in_then(
    app: APIFlask, fresh: str, settings: Settings
) -> None:
    browser = Browser(app.test_client())
    browser.get(f"/setup?token={fresh}")
    page = browser.post("/setup", form_of(fresh))
    assert "first@example.com · admin" in page.css_first(".who").text()
    assert not (settings.data_dir / setup.TOKEN_FILE).exists()
    assert setup.prepare(settings) is None


def test_before_that_the_sign_in_page_says_where_the_link_is(app: APIFlask, fresh: str) -> None:
    browser = Browser(app.test_client())
    assert "Open the link that make run has printed" in words_of(browser.get("/").css_first("main"))
    browser.post("/setup", form_of(fresh))
    browser.post("/sign-out")
    assert "link that" not in words_of(browser.get("/sign-in").css_first("main"))


def test_one_types_at_once_where_a_page_has_one_form(app: APIFlask, fresh: str) -> None:
    browser = Browser(app.test_client())
    for path in (f"/setup?token={fresh}", "/sign-in"):
        assert browser.get(path).css_first("input[name=email][autofocus]"), path


def test_a_refused_form_keeps_its_link_in_the_address(app: APIFlask, fresh: str) -> None:
    browser = Browser(app.test_client())
    action = browser.get(f"/setup?token={fresh}").css_first("form").attributes["action"]
    assert action == f"/setup?token={fresh}"
    page = browser.post(action, form_of("", email="no e-mail"), status=422)
    assert page.css_first("form").attributes["action"] == action
    browser.post(action, form_of(""))
    assert db.session.query(User).count() == 1


@pytest.mark.parametrize("token", ["", "wrong", "x" * 32])
def test_without_its_token_nobody_is_made(app: APIFlask, fresh: str, token: str) -> None:
    browser = Browser(app.test_client())
    browser.get(f"/setup?token={token}", status=404)
    browser.post("/setup", form_of(token), status=404)
    assert db.session.query(User).count() == 0


@pytest.mark.usefixtures("fresh")
def test_a_link_that_is_not_good_says_where_the_good_one_is(app: APIFlask) -> None:
    page = Browser(app.test_client()).get("/setup", status=404)
    words = " ".join(page.css_first("main").text().split())
    said = "Not found This link is not valid (any more)."
    step = "Sign in, or look for the newest link in the output of make run. Go to"
    assert f"{said} {step}" in words


def test_where_no_link_is_waiting_none_is_good(
    app: APIFlask, fresh: str, settings: Settings
) -> None:
    (settings.data_dir / setup.TOKEN_FILE).unlink()
    Browser(app.test_client()).post("/setup", form_of(fresh), status=404)
    assert db.session.query(User).count() == 0


@pytest.mark.usefixtures("fresh")
def test_what_cannot_be_encoded_is_no_token(settings: Settings) -> None:
    assert not setup.is_token(settings, "\ud800")


def test_the_link_works_once(app: APIFlask, fresh: str, settings: Settings) -> None:
    Browser(app.test_client()).post("/setup", form_of(fresh))
    # Even where the token's file is there again, say from a backup.
    (settings.data_dir / setup.TOKEN_FILE).write_text(fresh)
    browser = Browser(app.test_client())
    browser.get(f"/setup?token={fresh}", status=404)
    browser.post("/setup", form_of(fresh, email="second@example.com"), status=404)
    with pytest.raises(Conflict) as refused:
        setup.create_first_organization("B", email="b@example.com", password=PASSWORD)
    assert refused.value.message == "The first admin has been made already. Sign in."
    assert refused.value.code == "already_set_up"
    assert db.session.query(Organization).count() == 1


def test_a_bad_form_is_drawn_again_and_the_link_still_works(app: APIFlask, fresh: str) -> None:
    browser = Browser(app.test_client())
    page = browser.post("/setup", form_of(fresh, email="no e-mail"), status=422)
    assert "This is not an e-mail address" in page.css_first(".error").text()
    browser.post("/setup", form_of(fresh))


def test_the_environment_can_name_the_first_admin(
    app: APIFlask, settings: Settings, tmp_path: Path
) -> None:
    prepared = settings.model_copy(
        update={
            "data_dir": tmp_path,
            "admin_email": "first@example.com",
            "admin_password": PASSWORD,
            "admin_api_key": "cb_a_long_random_key_0123456789",
        }
    )
    assert setup.prepare(prepared) is None
    key = {"X-API-Key": "cb_a_long_random_key_0123456789"}
    answer = app.test_client().get("/api/v1/members", headers=key)
    assert [member["email"] for member in answer.json] == ["first@example.com"]
    assert setup.prepare(prepared) is None
    assert db.session.query(User).count() == 1


def refuse(model: type[Any], moment: str) -> Callable[[], None]:
    """Let the database refuse rows of a model, until the returned function is called."""

    def fail(*_: object) -> None:
        raise RuntimeError("The process ends here.")

    event.listen(model, moment, fail)
    return lambda: event.remove(model, moment, fail)


def test_an_admin_from_the_environment_is_there_with_the_key_or_not_at_all(
    app: APIFlask, settings: Settings, tmp_path: Path
) -> None:
    named = {"admin_email": "first@example.com", "admin_password": PASSWORD, "admin_api_key": KEY}
    prepared = settings.model_copy(update={"data_dir": tmp_path, **named})
    allow = refuse(ApiKey, "before_insert")
    try:
        with pytest.raises(RuntimeError):
            setup.prepare(prepared)
    finally:
        allow()
    db.session.rollback()
    assert not services.has_organization()
    assert db.session.query(User).count() == db.session.query(AuditEntry).count() == 0
    setup.prepare(prepared)
    key = keys.find_key(KEY)
    assert key is not None and key.name == "First key"


def test_the_first_admin_is_there_and_signed_in_or_the_link_still_works(
    app: APIFlask, fresh: str
) -> None:
    browser = Browser(app.test_client())
    allow = refuse(Session, "before_insert")
    try:
        browser.post("/setup", form_of(fresh), status=500)
    finally:
        allow()
    db.session.rollback()
    assert not services.has_organization()
    assert db.session.query(User).count() == db.session.query(AuditEntry).count() == 0
    page = browser.post("/setup", form_of(fresh))
    assert "first@example.com · admin" in page.css_first(".who").text()


def test_who_is_signed_in_is_not_told_that_nothing_was_changed(app: APIFlask, fresh: str) -> None:
    """The samples, which come after that, find the database busy."""

    def refuse_topics(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO taxonomies"):
            locked = sqlite3.OperationalError("database is locked")
            raise OperationalError(statement, {}, locked)

    browser = Browser(app.test_client())
    event.listen(db.engine, "before_cursor_execute", refuse_topics)
    try:
        page = browser.post("/setup", form_of(fresh, with_samples="y"), status=503)
    finally:
        event.remove(db.engine, "before_cursor_execute", refuse_topics)
    assert services.has_organization()
    assert "A part of the change has been made." in page.body.text()
    assert "See what is there before you send it again." in page.body.text()
    assert "Nothing was changed" not in page.body.text()


def test_of_two_who_start_at_once_only_one_makes_the_first_organization(app: APIFlask) -> None:
    outcomes: list[str] = []

    def start() -> None:
        with app.app_context():
            try:
                setup.create_first_organization("B", email="b@example.com", password=PASSWORD)
                outcomes.append("made")
            except Conflict as error:
                outcomes.append(error.code)
            finally:
                db.session.remove()

    other = Thread(target=start)

    def start_another(*_: object) -> None:
        other.start()
        other.join(1)  # it waits for the one that is being made here, or has ended

    event.listen(Organization, "before_insert", start_another, once=True)
    setup.create_first_organization("A", email="a@example.com", password=PASSWORD)
    other.join(60)
    assert outcomes == ["already_set_up"]
    assert [organization.name for organization in db.session.query(Organization)] == ["A"]


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("admin_password", "password", "CALLBOARD_ADMIN_PASSWORD cannot be used. This password is"),
        ("admin_password", "short", "CALLBOARD_ADMIN_PASSWORD cannot be used. A password has"),
        ("admin_email", "nobody", "CALLBOARD_ADMIN_EMAIL cannot be used. This is not an e-mail"),
        (
            "organization",
            "x" * 256,
            "CALLBOARD_ORGANIZATION cannot be used. An organization",
        ),
    ],
)
def test_a_value_that_makes_no_admin_is_named_by_its_variable(
    app: APIFlask, settings: Settings, tmp_path: Path, field: str, value: str, sentence: str
) -> None:
    named = {"admin_email": "first@example.com", "admin_password": PASSWORD, field: value}
    prepared = settings.model_copy(update={"data_dir": tmp_path, **named})
    with pytest.raises(BadSettings, match=sentence):
        setup.prepare(prepared)
    db.session.rollback()
    assert db.session.query(User).count() == 0


@pytest.mark.parametrize("key", ["é" + KEY, KEY + "ß", f"{KEY}\t", f"{KEY}\n", f" {KEY}", "short"])
def test_a_key_that_no_request_can_bring_is_refused(
    app: APIFlask, tmp_path: Path, key: str
) -> None:
    with pytest.raises(BadSettings, match="CALLBOARD_ADMIN_API_KEY cannot be used"):
        Settings.from_environment({"CALLBOARD_DATA": str(tmp_path), "CALLBOARD_ADMIN_API_KEY": key})
    options = ["org", "add", "Acme", "--email", "a@example.com", "--password", PASSWORD]
    result = app.test_cli_runner().invoke(args=[*options, "--api-key", key])
    assert result.exit_code == 1
    assert "A key has" in result.output
    assert not services.has_organization()
    assert app.test_cli_runner().invoke(args=[*options, "--api-key", KEY]).exit_code == 0
    assert keys.find_key(KEY)


def test_a_token_is_whole_or_not_there(settings: Settings) -> None:
    """Web and worker begin at once, and a start may have been killed between file and token."""
    file = settings.data_dir / setup.TOKEN_FILE
    settings.data_dir.mkdir(exist_ok=True)
    file.touch()
    assert not setup.is_token(settings, "")
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda _: setup._kept_token(settings.data_dir), range(8)))
    assert file.read_text() in tokens
    assert "" not in tokens
    file.unlink()
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda _: setup._kept_token(settings.data_dir), range(8)))
    assert tokens == {file.read_text()}
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.glob(f"{setup.TOKEN_FILE}*")] == [file.name]


def test_processes_that_start_at_once_make_one_admin_and_all_go_on(
    app: APIFlask, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = settings.model_copy(
        update={
            "data_dir": tmp_path,
            "admin_email": "first@example.com",
            "admin_password": PASSWORD,
        }
    )
    all_have_looked, lock_name = Barrier(3), setup.lock_name

    def lock_then(name: str) -> None:
        all_have_looked.wait(60)
        lock_name(name)

    monkeypatch.setattr(setup, "lock_name", lock_then)

    def start(_number: int) -> str | None:
        with app.app_context():
            return setup.prepare(prepared)

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(start, range(3))) == 3 * [None]
    assert db.session.scalar(select(func.count()).select_from(Organization)) == 1
