"""First steps: what a new organization does first; they tick themselves and go."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from apiflask import APIFlask
from selectolax.lexbor import LexborHTMLParser

from tests.browser import words_of
from tests.cast import Cast
from tests.factories import make_agent, make_document
from tests.follower import Follower
from webapp.agents import deletion
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.errors import Forbidden
from webapp.core.extensions import db
from webapp.documents import services as documents
from webapp.documents.deletion import services as document_deletion
from webapp.overview import first_steps, samples
from webapp.questions.schemas import QueryRequest
from webapp.questions.services import ask_agent

STEPS = ["Ask the sample agent", "Add your own text", "Make an agent"]


def ticked(page: LexborHTMLParser) -> list[str]:
    return [words_of(step).split(" (done)")[0] for step in page.css("#first-steps .step.done h3")]


def has_steps(page: LexborHTMLParser) -> bool:
    return page.css_first("#first-steps h2") is not None


def ask(actor: Actor, handle: str = "callboard-guide") -> None:
    ask_agent(handle, QueryRequest(query=first_steps.SAMPLE_QUESTION), actor=actor)


def test_they_tick_themselves_and_go_when_all_are_done(cast: Cast, alice: Actor) -> None:
    browser = cast.browser("alice")
    samples.seed(alice)
    page = browser.get("/")
    assert [words_of(step) for step in page.css("#first-steps h3")] == STEPS
    assert ticked(page) == []
    ask(alice)
    assert ticked(browser.get("/")) == STEPS[:1]
    page = browser.post("/first-steps/text", {"content": "# Lifts\r\n\r\nMia repairs the lift."})
    assert "“Lifts” is ready." in page.body.text()
    assert ticked(page) == STEPS[:2]
    make_agent(alice, handle="caretaker")
    assert not has_steps(browser.get("/"))


def test_they_say_what_answers_and_that_no_model_is_called(cast: Cast, alice: Actor) -> None:
    make_document(alice)
    make_agent(alice, handle="helper")
    browser = cast.browser("alice")
    sentence = words_of(browser.get("/").css_first("#first-steps > p"))
    assert "Answers are passages from your documents" in sentence
    assert "no language model is called" in sentence
    status = browser.get("/agents/helper/ask").css_first("[data-ask-status]")
    assert "no language model is called" in words_of(status)


def test_the_ready_question_is_filled_in_and_asked_by_nobody(cast: Cast, alice: Actor) -> None:
    samples.seed(alice)
    browser = cast.browser("alice")
    link = browser.get("/").css_first("#first-steps a[href*='/ask?draft=']").attributes["href"]
    assert link
    page = browser.get(link)
    assert page.css_first("input[name=q]").attributes["value"] == first_steps.SAMPLE_QUESTION
    assert page.css("article.result, .results > li") == []
    assert ticked(browser.get("/")) == []
    # It is a good one: the documentation answers it.
    page = browser.post("/agents/callboard-guide/ask", {"q": first_steps.SAMPLE_QUESTION})
    assert "Rotate an API key" in page.css_first(".results").text()


def test_without_the_sample_data_they_offer_it(cast: Cast, alice: Actor) -> None:
    browser = cast.browser("alice")
    page = browser.get("/")
    assert page.css_first("#first-steps form[action='/first-steps/samples']")
    page = browser.post("/first-steps/samples")
    assert "3 agents and" in page.css_first(".toast").text()
    assert page.css_first("#first-steps a[href*='/callboard-guide/ask']")
    assert ticked(page) == []


def test_an_empty_organization_reads_no_zeros(cast: Cast, alice: Actor) -> None:
    browser = cast.browser("alice")
    assert browser.get("/").css("#figures .metric") == []
    make_document(alice)
    assert [words_of(figure) for figure in browser.get("/").css("#figures .metric")] == [
        "Documents 1 to answer from"
    ]
    browser.post("/first-steps/dismissal")
    figures = [words_of(figure) for figure in browser.get("/").css("#figures .metric")]
    assert figures[0] == "Agents 0 define the first one"
    assert len(figures) == 3


def test_who_may_only_read_is_asked_to_do_nothing(cast: Cast) -> None:
    page = cast.browser("vera").get("/")
    figures = [words_of(figure) for figure in page.css("#figures .metric")]
    assert figures[:2] == ["Agents 0 none yet", "Documents 0 none yet"]
    chart = page.css_first("#questions")
    assert "How often agents are asked shows here." in words_of(chart)
    assert "Choose an agent" not in words_of(chart)
    assert "Choose an agent" in words_of(cast.browser("bob").get("/").css_first("#questions"))


def test_a_text_that_is_none_is_refused_where_it_was_pasted(cast: Cast) -> None:
    page = cast.browser("alice").post("/first-steps/text", {"content": " "})
    assert page.css_first("h1").text() == "Overview"
    assert "Paste a text first." in page.css_first(".toast.error").text()
    assert documents.count_documents(actor=cast.actor("alice")) == 0


def test_a_step_that_was_seen_done_stays_done(cast: Cast, alice: Actor) -> None:
    browser = cast.browser("alice")
    agent = make_agent(alice, handle="mine")
    assert ticked(browser.get("/")) == STEPS[2:]
    deletion.delete_agent(agent.id, actor=alice)
    document = make_document(alice)
    assert ticked(browser.get("/")) == STEPS[1:]
    document_deletion.delete_document(document.id, actor=alice)
    assert ticked(browser.get("/")) == STEPS[1:]
    samples.seed(alice)
    ask(alice)
    assert not has_steps(browser.get("/"))
    assert has_steps(cast.browser("charlie").get("/"))


def test_what_nobody_has_seen_ticked_and_is_gone_ticks_nothing(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="mine")
    deletion.delete_agent(agent.id, actor=alice)
    assert ticked(cast.browser("alice").get("/")) == []


def test_steps_dismissed_twice_at_once_are_one_entry_of_the_audit(
    app: APIFlask, alice: Actor
) -> None:
    before = audit.latest_id(alice.organization_id)
    db.session.rollback()

    def dismiss(_number: int) -> None:
        with app.app_context():
            first_steps.dismiss_first_steps(actor=alice)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(dismiss, range(4)))
    entries = audit.entries_after(before, alice.organization_id, limit=10)
    assert [entry.action for entry in entries] == ["dismiss_first_steps"]


def test_an_admin_dismisses_them_for_the_organization(cast: Cast, alice: Actor) -> None:
    browser = cast.browser("alice")
    assert has_steps(browser.get("/"))
    assert not has_steps(browser.post("/first-steps/dismissal"))
    assert not has_steps(browser.get("/"))
    assert has_steps(cast.browser("charlie").get("/"))
    entry = audit.latest(alice.organization_id)[0]
    assert (entry.action, entry.subject_type) == ("dismiss_first_steps", "organization")
    before = audit.latest_id(alice.organization_id)
    first_steps.dismiss_first_steps(actor=alice)
    assert audit.latest_id(alice.organization_id) == before


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_who_can_take_none_of_them_sees_none(cast: Cast, name: str) -> None:
    page = cast.browser(name).get("/")
    assert not has_steps(page)
    assert page.css_first("#first-steps[hidden]")
    assert len(page.css("#figures .metric")) == 3
    with pytest.raises(Forbidden):
        first_steps.dismiss_first_steps(actor=cast.actor(name))


def test_they_are_of_ones_own_organization(cast: Cast, charlie: Actor) -> None:
    samples.seed(charlie)
    ask(charlie)
    make_document(charlie)
    make_agent(charlie, handle="helper")
    page = cast.browser("alice").get("/")
    assert ticked(page) == []
    assert page.css_first("#first-steps form[action='/first-steps/samples']")
    assert not has_steps(cast.browser("charlie").get("/"))


def test_who_looks_sees_them_ticked_at_once(cast: Cast, alice: Actor) -> None:
    follower = Follower(cast, "alice", "/ws/live?feed=overview:all")
    try:
        assert "step done" not in follower.receive()
        agent = make_agent(alice, handle="helper")
        assert "step done" in follower.receive()
    finally:
        follower.close()
    # What somebody has seen ticked stays it, also for who only looked and asked for no page.
    deletion.delete_agent(agent.id, actor=alice)
    assert ticked(cast.browser("alice").get("/")) == STEPS[2:]
