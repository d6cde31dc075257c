"""Questions that found little are gathered by meaning, shown beside the gaps, and closed."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import select

from tests.browser import Browser
from tests.cast import Cast
from tests.factories import make_agent, make_document
from tests.server import Installation, eventually
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.coverage import refresh
from webapp.questions.models import Question
from webapp.questions.unanswered.services import close_answered

REFUND = "What is the refund policy for invoices?"
AGAIN = "what's the refund policy for invoices"
TEA = "How hot should the water for green tea be?"


@pytest.fixture
def agent_id(alice: Actor) -> str:
    make_document(alice, content="Green tea wants hot water of 80 degrees.")
    make_document(alice, title="Coffee", content="Coffee wants water that nearly boils.")
    make_document(alice, title="Bread", content="Bread wants flour, yeast and an oven.")
    return str(make_agent(alice).id)


def test_questions_that_find_little_are_gathered_by_meaning(cast: Cast, agent_id: str) -> None:
    api = cast.api("bob")
    for text in (REFUND, TEA, AGAIN, REFUND):
        assert api.post(f"/agents/{agent_id}/query", {"query": text}).status_code == 200
    found = cast.api("vera").get(f"/agents/{agent_id}/unanswered").json
    assert [(item["text"], item["times_asked"]) for item in found] == [(REFUND, 3)]
    assert found[0]["confidence"] < 0.3
    kept = {row.text: row.confidence for row in db.session.scalars(select(Question))}
    assert kept[TEA] is not None
    assert kept[TEA] >= 0.3
    agent = api.get(f"/agents/{agent_id}").json
    assert (agent["total_queries"], agent["successful_queries"]) == (4, 1)
    assert agent["avg_response_time_ms"] > 0
    assert cast.api("charlie").get(f"/agents/{agent_id}/unanswered").status_code == 404


@pytest.mark.parametrize(("text", "is_kept"), [("?", False), ("42?!", False), ("為何?", True)])
def test_what_has_no_words_is_no_open_question(
    cast: Cast, agent_id: str, text: str, is_kept: bool
) -> None:
    api = cast.api("bob")
    assert api.post(f"/agents/{agent_id}/query", {"query": text}).status_code == 200
    assert bool(api.get(f"/agents/{agent_id}/unanswered").json) is is_kept


def test_a_dismissed_question_comes_back_when_it_is_asked_again(
    cast: Cast, browser: Browser, agent_id: str
) -> None:
    api = cast.api("alice")
    api.post(f"/agents/{agent_id}/query", {"query": REFUND})
    page = browser.get("/agents/coding-expert/coverage")
    assert REFUND in page.text()
    (item,) = api.get(f"/agents/{agent_id}/unanswered").json
    browser.post(f"/agents/coding-expert/coverage/unanswered/{item['id']}/dismissal", {})
    assert api.get(f"/agents/{agent_id}/unanswered").json == []
    assert api.delete(f"/agents/{agent_id}/unanswered/{uuid4()}").status_code == 404
    api.post(f"/agents/{agent_id}/query", {"query": REFUND})
    (again,) = api.get(f"/agents/{agent_id}/unanswered").json
    assert (again["id"], again["times_asked"]) == (item["id"], 2)
    assert api.delete(f"/agents/{agent_id}/unanswered/{item['id']}").status_code == 204


def test_a_question_closes_when_the_documents_answer_it(
    cast: Cast, alice: Actor, agent_id: str
) -> None:
    api = cast.api("alice")
    for text in (REFUND, "Who repairs the lift?"):
        api.post(f"/agents/{agent_id}/query", {"query": text})
    make_document(alice, title="Refunds", content="The refund policy: invoices are refunded.")
    task = refresh.start_refresh(agent_id, actor=alice)
    assert task.status == "pending"
    assert close_answered([task.agent_id]) == 1
    left = api.get(f"/agents/{agent_id}/unanswered").json
    assert [item["text"] for item in left] == ["Who repairs the lift?"]


def test_an_agent_without_documents_answers_nothing(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice)
    answer = cast.api("bob").post(f"/agents/{agent.id}/query", {"query": TEA}).json
    assert answer["results"] == []
    (item,) = cast.api("bob").get(f"/agents/{agent.id}/unanswered").json
    assert item["confidence"] == 0.0


def test_a_worker_closes_what_new_documents_answer(own_installation: Installation) -> None:
    """Of an agent without topics, whose documents are all that there are."""
    installation = own_installation
    body = {"name": "Captain", "handle": "captain", "instructions": "Help."}
    installation.request("POST", "/agents", body)
    query = {"query": "How are zeppelins moored at their masts?"}
    installation.request("POST", "/agents/captain/query", query)
    unanswered = lambda: installation.request("GET", "/agents/captain/unanswered")
    assert [item["text"] for item in unanswered()] == [query["query"]]
    content = "Zeppelins are moored at their masts by the nose."
    installation.request("POST", "/documents", {"title": "Zeppelins", "content": content})
    eventually(lambda: unanswered() == [])
