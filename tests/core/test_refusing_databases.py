"""What the database refuses is told by its code, not by words that may be anybody's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import Connection, event

from tests.cast import Cast
from webapp.core.extensions import db

HELPER = {"name": "Helper", "instructions": "Help."}


@contextmanager
def in_place_of_agents(statement: str) -> Iterator[None]:
    """The database gets `statement` where it should insert an agent."""

    def replace(_connection: Any, _cursor: Any, asked: str, values: Any, *_: Any) -> Any:
        return (statement, ()) if asked.startswith("INSERT INTO agents ") else (asked, values)

    event.listen(db.engine, "before_cursor_execute", replace, retval=True)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", replace)


@contextmanager
def write_protected() -> Iterator[None]:
    """The database takes no more writes from where an agent should be inserted."""
    if db.engine.dialect.name == "postgresql":
        refusal = "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '25006'; END $$"
        with in_place_of_agents(refusal):
            yield
        return
    protected: list[Any] = []

    def protect(connection: Connection, _cursor: Any, asked: str, *_: Any) -> None:
        if asked.startswith("INSERT INTO agents "):
            protected.append(connection.connection.driver_connection)
            protected[-1].execute("PRAGMA query_only = ON")

    event.listen(db.engine, "before_cursor_execute", protect)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", protect)
        for raw in protected:
            raw.execute("PRAGMA query_only = OFF")


@pytest.fixture
def as_in_production(app: APIFlask) -> Iterator[None]:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    yield
    app.config["PROPAGATE_EXCEPTIONS"] = None


@pytest.mark.usefixtures("as_in_production")
def test_a_name_that_says_full_is_no_full_disk(cast: Cast) -> None:
    api = cast.api("alice")
    with in_place_of_agents("SELECT full_report"):
        answer = api.post("/agents", HELPER)
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")


def test_a_database_that_takes_no_writes_says_so(cast: Cast) -> None:
    api = cast.api("alice")
    with write_protected():
        answer = api.post("/agents", HELPER)
    assert (answer.status_code, answer.json["code"]) == (503, "storage_full")
    assert answer.headers["Retry-After"] == "30"
    assert api.get("/agents").json == []
    assert api.post("/agents", HELPER).status_code == 201
