"""The Ask page's own socket: it brings the very cards that the page draws when it is loaded."""

from __future__ import annotations

from urllib.parse import urlencode

from selectolax.lexbor import LexborHTMLParser

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent, make_document
from tests.follower import Follower
from webapp.core.actor import Actor

TEA = "How hot should the water for green tea be?"


def test_a_card_is_the_same_on_the_socket_and_on_the_page(
    cast: Cast, browser: Browser, alice: Actor
) -> None:
    make_document(alice, content="Green tea wants hot <water> of 80 degrees.")
    make_agent(alice, handle="helper")
    page = browser.get("/agents/helper/ask?" + urlencode({"q": TEA}))
    socket = Follower(cast, "bob", page.css_first("[data-ask]").attributes["data-ask"] or "")
    socket.send({"id": 1, "query": TEA, "include_metadata": False})
    started, result, completed = (socket.receive_json() for _ in range(3))
    socket.close()
    assert [frame["event"] for frame in (started, result, completed)] == [
        "started",
        "result",
        "completed",
    ]
    card = LexborHTMLParser(result["data"]["html"]).css_first("li.card")
    assert card.html == page.css_first(".results > li").html
    assert [mark.text() for mark in card.css("mark")] == ["Green", "tea", "hot", "water"]
    assert "80 degrees" in words_of(card)
    assert "1 passage in" in completed["data"]["html"]


def test_a_question_without_an_answer_is_told_in_the_pages_own_words(
    cast: Cast, browser: Browser, alice: Actor
) -> None:
    agent = make_agent(alice, handle="helper")
    page = browser.post("/agents/helper/ask", {"q": TEA})
    socket = Follower(cast, "bob", f"/ws/ask/{agent.id}")
    socket.send({"query": TEA})
    _, completed = socket.receive_json(), socket.receive_json()
    assert completed["data"]["html"] == words_of(page.css_first("[data-ask-status]"))
    socket.send({"query": ""})
    assert socket.receive_json()["data"]["status"] == 422
    socket.close()
