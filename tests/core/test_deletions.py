"""Something is used while it is deleted: whoever uses it is refused, not told of a bug."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, event, func, select

from tests.cast import Cast
from tests.core.test_errors import check
from tests.factories import make_agent, make_document
from tests.follower import Follower
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.documents.models import Document
from webapp.questions.models import Question
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.schemas import TaxonomyRequest

TEA = {"query": "How hot should the water for green tea be?"}
TWICE = "INSERT INTO questions SELECT * FROM questions"


@contextmanager
def first(before: str, sql: str) -> Iterator[None]:
    """Run `sql` just before the statement that begins so, as if somebody else had been faster."""

    seen: list[str] = []

    def run(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(before) and not seen:
            seen.append(statement)
            connection.exec_driver_sql(sql)

    event.listen(db.engine, "before_cursor_execute", run)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", run)
    assert seen


@pytest.fixture
def agent_id(alice: Actor) -> UUID:
    make_document(alice, content="Green tea wants hot water of 80 degrees.")
    return make_agent(alice, handle="helper").id


def test_a_document_about_a_topic_that_goes_is_refused(cast: Cast, alice: Actor) -> None:
    body = TaxonomyRequest.model_validate({"version": "1.0.0", "nodes": [{"path": ["Tea"]}]})
    (tea,) = taxonomies.extend_taxonomy(body, actor=alice).nodes
    document = {"title": "Tea", "content": "Green tea.", "nodes": [str(tea.node_id)]}
    with first("INSERT INTO document_nodes", "DELETE FROM taxonomy_nodes"):
        refused = cast.api("alice").post("/documents", document)
    problem = check(refused, 409, "reference_gone")
    assert problem["detail"].endswith("has just been deleted. Nothing was changed.")
    assert db.session.scalar(select(func.count()).select_from(Document)) == 0


def test_what_else_a_row_may_not_be_stays_a_bug(cast: Cast, agent_id: UUID) -> None:
    """A constraint that is no foreign key: the caller can do nothing about it."""
    cast.api("bob").post("/agents/helper/query", TEA)
    with first("INSERT INTO questions", TWICE):
        check(cast.api("bob").post("/agents/helper/query", TEA), 500, "internal_error")


def test_an_agent_that_goes_while_it_is_asked_is_not_there(cast: Cast, agent_id: UUID) -> None:
    with first("UPDATE agent_usage", "DELETE FROM agent_usage"):
        check(cast.api("bob").post("/agents/helper/query", TEA), 404, "not_found")
    assert db.session.scalar(select(func.count()).select_from(Question)) == 0


@pytest.mark.parametrize(
    ("before", "sql", "status", "code"),
    [
        ("UPDATE agent_usage", "DELETE FROM agent_usage", 404, "not_found"),
        ("INSERT INTO questions", TWICE, 500, "internal_error"),
    ],
)
def test_an_open_stream_is_told_what_went_wrong(
    before: str, sql: str, status: int, code: str, cast: Cast, agent_id: UUID
) -> None:
    api = cast.api("bob")
    api.post("/agents/helper/query", TEA)
    with first(before, sql):
        streamed = api.post("/agents/helper/query/stream", TEA).text
    last = streamed.strip().split("\n\n")[-1]
    assert f'"status_code": {status}' in last or f'"status_code":{status}' in last
    assert code in last
    socket = Follower(cast, "bob", f"/ws/query/{agent_id}")
    with first(before, sql):
        socket.send(TEA)
        frames = [socket.receive_json(), socket.receive_json()]
    socket.close()
    assert (frames[-1]["event"], frames[-1]["data"]["code"]) == ("error", code)
    assert frames[-1]["data"]["status"] == status
    assert api.post("/agents/helper/query", TEA).status_code == 200


@pytest.mark.parametrize(
    ("statement", "path", "form"),
    [
        ("UPDATE users", "/settings/profile/theme", {"theme": "dark"}),
        ("UPDATE sessions", "/sign-out", {}),
    ],
)
def test_who_changes_their_own_while_they_are_removed_is_told(
    cast: Cast, statement: str, path: str, form: dict[str, str]
) -> None:
    """What the change has left was read again to draw the refusal, which failed as well."""
    browser = cast.browser("bob")
    removal = "DELETE FROM users WHERE email = 'bob@example.com'"
    with first(statement, removal):
        page = browser.post(path, form)
    # The test's deletion went back with the change that met it.
    assert "has just been deleted. Nothing was changed." in page.body.text()
