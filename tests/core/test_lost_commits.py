"""PostgreSQL goes away for good: who has written learns what may have become of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
import pytest
from apiflask import APIFlask
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import Connection, event, func, select
from werkzeug.test import TestResponse

from tests.browser import Browser
from tests.cables import Cable, cable
from tests.cast import PASSWORD, Api, Cast, Client
from tests.factories import make_agent
from webapp import create_app
from webapp.agents.models import Agent
from webapp.config import Settings
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.documents.models import Document

pytestmark = pytest.mark.skipif(
    os.environ.get("TEST_DATABASE") != "postgresql", reason="SQLite has no server to lose"
)

UNCHANGED = "The database does not answer right now. Nothing was changed."
UNKNOWN = (
    "The database stopped answering before it said what became of the change: "
    "it may have been made."
)


@pytest.fixture
def line(database_url: str) -> Iterator[tuple[Cable, str]]:
    with cable(database_url) as laid:
        yield laid


@pytest.fixture
def remote(cast: Cast, settings: Settings, line: tuple[Cable, str]) -> Iterator[APIFlask]:
    """The application, at the other end of the cable."""
    app = create_app(settings.model_copy(update={"database_url": line[1]}))
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.test_client_class = Client
    yield app
    with app.app_context():
        db.engine.dispose()


@contextmanager
def lost_at_rollback(database_url: str) -> Iterator[list[int]]:
    """The server ends each session that is about to roll back."""
    lost: list[int] = []

    def lose(connection: Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        lost.append(driver.info.backend_pid)
        with psycopg.connect(database_url.replace("+psycopg", "")) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", lost[-1:])

    event.listen(db.engine, "rollback", lose)
    try:
        yield lost
    finally:
        event.remove(db.engine, "rollback", lose)


def count_agents() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Agent)) or 0


def detail_of(answer: TestResponse) -> str:
    if answer.mimetype != "text/html":
        return str(answer.json["detail"])
    page = LexborHTMLParser(answer.text)
    return page.css(".card p")[0].text(strip=True)


@pytest.mark.parametrize("way", ["api", "page"])
def test_at_whatever_moment_the_answer_is_honest(
    cast: Cast, remote: APIFlask, line: tuple[Cable, str], way: str
) -> None:
    said = set()
    browser = Browser(remote.test_client())
    browser.sign_in("alice@example.com", PASSWORD)
    token, key = browser.csrf_token(), cast.key("alice")

    def create() -> TestResponse:
        if way == "api":
            body = {"name": "Helper", "instructions": "Help."}
            return Api(remote.test_client(), key).post("/agents", body)
        form = {"csrf_token": token, "name": "Helper", "instructions": "Help."}
        return browser.client.post("/agents", data=form)

    for number in count(1):
        before = count_agents()
        line[0].cut_at_reply(number)
        answer = create()
        was_cut = line[0].is_cut
        line[0].mend()
        made = count_agents() - before
        if answer.status_code < 400:
            assert made == 1
        else:
            assert (number, answer.status_code) == (number, 503)
            assert answer.headers["Retry-After"] == "5"
            said.add(sentence := detail_of(answer))
            assert sentence in (UNCHANGED, UNKNOWN)
            assert not made or sentence == UNKNOWN
        if not was_cut:
            break
    assert answer.status_code < 400
    assert number > 5
    assert said == {UNCHANGED, UNKNOWN}


def test_at_whatever_moment_the_answer_about_a_stored_text_is_honest(
    cast: Cast, remote: APIFlask, line: tuple[Cable, str]
) -> None:
    """What it is about is read as the answer is written, which is after the commit."""
    api = Api(remote.test_client(), cast.key("alice"))
    said = set()
    for number in count(1):
        line[0].cut_at_reply(number)
        answer = api.post("/documents", {"title": f"Text {number}", "content": "Some words."})
        was_cut = line[0].is_cut
        line[0].mend()
        db.session.rollback()
        made = db.session.scalar(select(Document.id).where(Document.title == f"Text {number}"))
        if answer.status_code == 201:
            assert made is not None
        else:
            assert (number, answer.status_code) == (number, 503)
            said.add(answer.json["detail"])
            assert made is None or answer.json["detail"] == UNKNOWN
        if not was_cut:
            break
    assert answer.status_code == 201
    assert said == {UNCHANGED, UNKNOWN}


def test_a_commit_whose_answer_is_lost_may_have_been_made(
    cast: Cast, remote: APIFlask, line: tuple[Cable, str]
) -> None:
    api = Api(remote.test_client(), cast.key("alice"))
    assert api.get("/agents").json == []  # the key is noted as used, which is a commit too
    line[0].cut_at_commit()
    answer = api.post("/agents", {"name": "Helper", "instructions": "Help."})
    assert line[0].is_cut
    assert count_agents() == 1
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
    assert answer.json["detail"] == UNKNOWN
    assert answer.json["suggestions"] == ["See whether it is there before you send it again."]
    assert answer.headers["Retry-After"] == "5"
    assert api.get("/agents").json["detail"] == "The database does not answer right now."


def test_an_answer_that_is_ready_is_given(cast: Cast, database_url: str) -> None:
    api = cast.api("alice")
    with lost_at_rollback(database_url) as lost:
        assert api.get("/agents").status_code == 200
    assert len(lost) == 1


def test_a_refusal_needs_no_rollback_to_succeed(
    cast: Cast, alice: Actor, database_url: str
) -> None:
    make_agent(alice, handle="expert")
    api = cast.api("alice")
    locked = "DO $$ BEGIN RAISE EXCEPTION 'locked' USING ERRCODE = '55P03'; END $$"

    def lock(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> Any:
        return (locked, ()) if "FOR UPDATE" in statement else (statement, values)

    event.listen(db.engine, "before_cursor_execute", lock, retval=True)
    try:
        with lost_at_rollback(database_url) as lost:
            refused = api.put("/agents/expert", {"instructions": "Answer."})
    finally:
        event.remove(db.engine, "before_cursor_execute", lock)
    assert lost
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert "Nothing was changed." in refused.json["detail"]


def test_what_was_committed_before_the_view_is_no_change(
    cast: Cast, remote: APIFlask, line: tuple[Cable, str]
) -> None:
    """The database goes as it keeps that the key was used, which is asked of it first."""
    api = Api(remote.test_client(), cast.key("alice"))
    line[0].cut_at_commit()
    answer = api.post("/agents", {"name": "Helper", "instructions": "Help."})
    assert line[0].is_cut
    assert (answer.status_code, answer.json["detail"]) == (503, UNCHANGED)
    line[0].mend()
    assert api.get("/agents").json == []


def test_a_search_whose_commit_is_lost_has_changed_nothing(
    cast: Cast, remote: APIFlask, line: tuple[Cable, str]
) -> None:
    """It ends what it has read from with a commit, which makes no change."""
    api = Api(remote.test_client(), cast.key("alice"))
    assert api.get("/agents").json == []  # the key is noted as used
    line[0].cut_at_commit()
    answer = api.post("/knowledge/search", {"query": "garnet"})
    assert line[0].is_cut
    assert (answer.status_code, answer.json["detail"]) == (503, UNCHANGED)
