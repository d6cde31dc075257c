"""PostgreSQL goes away in the middle of a request, at whatever point that is."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
import pytest
from apiflask import APIFlask
from sqlalchemy import Connection, event, text
from werkzeug.test import TestResponse

from tests.cast import Api, Cast
from tests.factories import make_agent, make_document
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.core.live.steps import Steps

pytestmark = pytest.mark.skipif(
    os.environ.get("TEST_DATABASE") != "postgresql", reason="SQLite has no server to lose"
)


@contextmanager
def lost_at(number: int, database_url: str) -> Iterator[list[int]]:
    """The server ends the session that sends the statement, or commits, with this number."""
    seen: list[int] = []

    def lose(connection: Connection, *_: Any) -> None:
        driver: Any = connection.connection.dbapi_connection
        seen.append(driver.info.backend_pid)
        if len(seen) == number:
            with psycopg.connect(database_url.replace("+psycopg", "")) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", seen[-1:])

    for name in ("before_cursor_execute", "commit"):
        event.listen(db.engine, name, lose)
    try:
        yield seen
    finally:
        for name in ("before_cursor_execute", "commit"):
            event.remove(db.engine, name, lose)


def create(api: Api) -> TestResponse:
    return api.post("/agents", {"name": "Helper", "instructions": "Help."})


def change(api: Api) -> TestResponse:
    return api.put("/agents/expert", {"instructions": "Answer."})


def upload(api: Api) -> TestResponse:
    return api.client.post(
        "/api/v1/documents/import",
        data=b'{"title": "Tea", "content": "Green tea."}',
        headers={"X-API-Key": str(api.key), "Content-Type": "application/x-ndjson"},
    )


@pytest.mark.parametrize("write", [create, change, upload])
def test_whoever_writes_is_told_to_try_again(
    write: Callable[[Api], TestResponse], cast: Cast, alice: Actor, database_url: str
) -> None:
    make_agent(alice, handle="expert")
    api = cast.api("alice")
    for number in count(1):
        with lost_at(number, database_url) as seen:
            refused = write(api)
        if len(seen) < number:
            break
        assert (number, refused.status_code) == (number, 503)
        assert refused.json["code"] == "unavailable"
        assert refused.headers["Retry-After"] == "5"
    assert number > 3
    assert refused.status_code < 300


def test_a_step_whose_session_is_lost_at_its_end_has_its_item(
    app: APIFlask, database_url: str
) -> None:
    def read() -> Iterator[str]:
        pid = db.session.scalar(text("SELECT pg_backend_pid()"))
        with psycopg.connect(database_url.replace("+psycopg", "")) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        yield "item"
        assert db.session.scalar(text("SELECT 1")) == 1
        yield "next"

    async def run() -> list[str | None]:
        async with Steps(app, app.app_context(), read()) as steps:
            return [await steps.next() for _ in range(3)]

    assert asyncio.run(run()) == ["item", "next", None]


def test_a_stream_ends_with_the_word_that_the_database_went(
    cast: Cast, alice: Actor, database_url: str
) -> None:
    make_document(alice, content="Green tea wants hot water of 80 degrees.")
    make_agent(alice, handle="expert")
    api, told = cast.api("alice"), 0
    for number in count(1):
        with lost_at(number, database_url) as seen:
            answer = api.post("/agents/expert/query/stream", {"query": "How hot is green tea?"})
            text = answer.text
        if len(seen) < number:
            break
        if answer.status_code == 200:
            last = json.loads(text.strip().rsplit("data: ", 1)[1])
            assert (last.get("status"), last.get("code")) in [
                ("error", "unavailable"),
                ("completed", None),
            ]
            told += last["status"] == "error"
        else:
            assert answer.status_code == 503
    assert told > 2


@pytest.mark.parametrize(
    ("code", "seconds"),
    [("55P03", "2"), ("40P01", "2"), ("40001", "2"), ("57P03", "5"), ("53300", "5")],
)
def test_what_postgresql_cannot_do_right_now_is_to_be_tried_again(
    code: str, seconds: str, cast: Cast
) -> None:
    api = cast.api("alice")
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{code}'; END $$"

    def refuse(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> Any:
        return (raising, ()) if statement.startswith("INSERT INTO agents") else (statement, values)

    event.listen(db.engine, "before_cursor_execute", refuse, retval=True)
    try:
        refused = create(api)
    finally:
        event.remove(db.engine, "before_cursor_execute", refuse)
    assert (refused.status_code, refused.headers.get("Retry-After")) == (503, seconds)
    assert create(api).status_code == 201
