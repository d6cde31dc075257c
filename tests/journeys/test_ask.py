"""The Ask page keeps its questions in the browser's history."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.server import Installation, eventually

pytestmark = [pytest.mark.browser, pytest.mark.once]

#: The sockets that the page asks through, so that a test knows when one is open.
SOCKETS = """
window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(url) {
    super(url);
    if (url.includes("/ws/ask/")) window.sockets.push(this);
  }
};
"""
IS_OPEN = "window.sockets.some((socket) => socket.readyState === 1)"


def test_back_shows_the_question_before_with_its_answer_and_asks_nothing(
    installation: Installation, page: Page, sign_in: Callable[[Page], Page]
) -> None:
    answers = {"How tall do walnuts grow?": "Walnuts", "What do quinces taste of?": "Quinces"}
    for name, text in (("Walnuts", "grow 30 metres tall"), ("Quinces", "taste of honey")):
        installation.request("POST", "/documents", {"title": name, "content": f"{name} {text}."})
    body = {"name": "Pomologist", "handle": "pomologist", "instructions": "Help."}
    installation.request("POST", "/agents", body)

    question = page.get_by_label("Your question")
    title = page.locator(".result h2").first

    sign_in(page).goto(f"{installation.url}/agents/pomologist")
    page.goto(f"{installation.url}/agents/pomologist/ask")
    for asked, answer in answers.items():
        expect(page.locator("[data-live-dot]")).to_have_text("live")
        question.fill(asked)
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(title).to_have_text(answer)
        expect(page.locator("[data-ask-status]")).to_contain_text("passage")
    (first, first_answer), (second, second_answer) = answers.items()

    page.evaluate("history.back()")
    expect(question).to_have_value(first)
    expect(title).to_have_text(first_answer)
    page.evaluate("history.forward()")
    expect(question).to_have_value(second)
    expect(title).to_have_text(second_answer)
    page.evaluate("history.go(-2)")
    expect(question).to_have_value("")
    expect(page.locator(".result")).to_have_count(0)
    page.evaluate("history.back()")
    expect(page).to_have_url(f"{installation.url}/agents/pomologist")

    def times_asked() -> int:
        return int(installation.request("GET", "/agents/pomologist")["total_queries"])

    assert eventually(times_asked) == 2


def test_a_slow_answer_is_awaited_in_its_place(
    installation: Installation, page: Page, sign_in: Callable[[Page], Page]
) -> None:
    text = "## Where medlars grow\n\nMedlars grow beside the wall."
    installation.request("POST", "/documents", {"title": "Medlars", "content": text})
    body = {"name": "Gardener", "handle": "gardener", "instructions": "Help."}
    installation.request("POST", "/agents", body)
    held: list[Callable[[], None]] = []

    def hold(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda message: held.append(lambda: server.send(message)))

    page.route_web_socket("**/ws/ask/*", hold)
    page.add_init_script(SOCKETS)
    sign_in(page).goto(f"{installation.url}/agents/gardener/ask")
    eventually(lambda: page.evaluate(IS_OPEN))
    page.get_by_role("link", name="Where medlars grow").click()
    expect(page.locator(".skeleton")).to_have_count(3)
    expect(page.locator(".results")).to_have_attribute("aria-busy", "true")
    expect(page.locator("[data-ask-status]")).to_have_text("Searching…")
    expect(page.get_by_label("Your question")).to_have_value("Where medlars grow")
    held[0]()
    expect(page.locator(".result").first).to_contain_text("beside the wall")
    expect(page.locator(".skeleton")).to_have_count(0)
    expect(page.locator(".results")).not_to_have_attribute("aria-busy", "true")


#: Ask all of these at once: no frame of an answer can come between.
ASK = """(questions) => {
  const form = document.querySelector(".ask-form");
  for (const question of questions) {
    form.elements.q.value = question;
    form.requestSubmit();
  }
}"""


def test_of_two_questions_that_wait_the_page_shows_the_answer_to_the_last(
    installation: Installation, page: Page, sign_in: Callable[[Page], Page]
) -> None:
    for name, text in (("Sloes", "Sloes want frost."), ("Rowans", "Rowans redden in August.")):
        installation.request("POST", "/documents", {"title": name, "content": text})
    body = {"name": "Forager", "handle": "forager", "instructions": "Help."}
    installation.request("POST", "/agents", body)
    page.add_init_script(SOCKETS)
    sign_in(page).goto(f"{installation.url}/agents/forager/ask")
    eventually(lambda: page.evaluate(IS_OPEN))
    page.evaluate(ASK, ["What do sloes want?", "When do rowans redden?"])
    expect(page.locator("[data-ask-status]")).to_contain_text("passage")
    expect(page.locator(".result h2").first).to_have_text("Rowans")
    expect(page.locator(".result h2", has_text="Rowans")).to_have_count(1)
