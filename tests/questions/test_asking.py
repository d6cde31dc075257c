"""What a question is answered with, and what asking leaves behind."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from sqlalchemy import func, select, text

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent, make_document
from tests.statements import noted, plan_of
from webapp.agents import services as agents
from webapp.agents.releases import services as releases
from webapp.agents.schemas import AgentPatch, PublishRequest
from webapp.core.actor import Actor
from webapp.core.errors import Conflict
from webapp.core.extensions import db
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.schemas import FromTaxonomyRequest
from webapp.index import analyze_query
from webapp.questions import examples, services
from webapp.questions.models import Question
from webapp.questions.schemas import QueryRequest
from webapp.questions.unanswered import services as unanswered
from webapp.questions.unanswered.changes import SETTLING_SECONDS
from webapp.questions.unanswered.models import UnansweredQuestion
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.schemas import TaxonomyRequest

TEA = "How hot should the water for green tea be?"
NOTHING = "The documents say nothing about this"
REFUND = "What is the refund policy for invoices?"


@pytest.fixture
def agent_id(alice: Actor) -> str:
    make_document(alice, content="Green tea wants hot water of 80 degrees.")
    return str(make_agent(alice, name="Helper").id)


def count(model: type[Question] | type[UnansweredQuestion]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_a_paused_agent_answers_nobody_and_counts_nothing(
    cast: Cast, browser: Browser, alice: Actor, agent_id: str
) -> None:
    agents.update_agent(agent_id, AgentPatch(paused=True), actor=alice)
    with pytest.raises(Conflict, match="paused"):
        services.ask_agent(agent_id, QueryRequest(query=TEA), actor=alice)
    api = cast.api("bob")
    for path in ("query", "query/stream"):
        refused = api.post(f"/agents/{agent_id}/{path}", {"query": TEA})
        assert (refused.status_code, refused.json["code"]) == (409, "agent_paused")
    page = browser.get("/agents/helper/ask")
    assert "Helper is paused" in words_of(page.css_first("[data-ask-paused]:not([hidden])"))
    assert page.css_first("[data-ask-status]:not([hidden])") is None
    controls = page.css(".ask-form input[name=q], .ask-form button")
    assert ["disabled" in control.attributes for control in controls] == [True, True]
    sent = browser.post("/agents/helper/ask", {"q": TEA}, status=422)
    assert "Helper is paused and answers nobody." in sent.css_first("[data-ask-paused]").text()
    assert refused.json["detail"] == "Helper is paused and answers nobody."
    assert count(Question) == 0

    member = cast.browser("bob").get("/agents/helper/ask")
    assert member.css_first("[data-ask-paused]") and not member.css("[data-ask-paused] form")
    form = page.css_first("[data-ask-paused] form")
    answer = browser.client.post(
        form.attributes["action"] or "",
        data={field.attributes["name"]: field.attributes["value"] for field in form.css("input")},
        headers={"Referer": "http://localhost/agents/helper/ask"},
    )
    assert (answer.status_code, answer.location) == (303, "/agents/helper/ask")
    assert not agents.get_agent(agent_id, actor=alice).paused


def test_only_a_question_that_is_sent_counts(cast: Cast, browser: Browser, agent_id: str) -> None:
    answered = browser.post("/agents/helper/ask", {"q": REFUND}, status=200)
    assert NOTHING in " ".join(answered.text().split())
    assert (count(Question), count(UnansweredQuestion)) == (1, 1)
    for _ in range(2):
        again = browser.get("/agents/helper/ask?" + urlencode({"q": REFUND}))
        assert NOTHING in " ".join(again.text().split())
    page = browser.get("/agents/helper/ask?" + urlencode({"q": TEA}))
    assert "80 degrees" in page.css(".results")[0].text()
    assert (count(Question), count(UnansweredQuestion)) == (1, 1)
    (item,) = cast.api("bob").get(f"/agents/{agent_id}/unanswered").json
    assert item["times_asked"] == 1


def test_passages_that_hardly_answer_are_not_shown_as_an_answer(
    browser: Browser, alice: Actor, agent_id: str
) -> None:
    question = "How many degrees has the angle of a square?"
    asked = browser.post("/agents/helper/ask", {"q": question}, status=200)
    again = browser.get("/agents/helper/ask?" + urlencode({"q": question}))
    for page in (asked, again):
        assert len(page.css(".results > li")) == 1
        told = words_of(page.css_first("[data-ask-status]"))
        assert told.startswith(
            "The documents hardly answer this; below is what comes nearest, 1 pass"
        )
        assert told.endswith("Try other words, or add a document that does.")
    assert count(UnansweredQuestion) == 1
    page = browser.get("/agents/helper/ask?" + urlencode({"q": TEA}))
    told = words_of(page.css_first("[data-ask-status]"))
    assert told.startswith("1 passage in ")
    assert told.endswith(" ms")


def test_a_weak_match_bears_a_sign_beside_the_good_ones(browser: Browser, alice: Actor) -> None:
    make_document(alice, title="Tea", content=f"{TEA} Green tea wants water of 80 degrees.")
    make_document(alice, title="Press", content="The green press releases of last year, by date.")
    page = browser.get("/search?" + urlencode({"q": TEA}))
    signs = {card.css_first("h2").text(): card.css(".badge") for card in page.css(".result")}
    assert {title: [sign.text() for sign in found] for title, found in signs.items()} == {
        "Tea": [],
        "Press": ["weak match"],
    }
    assert "Only weak matches" not in page.css_first("#results").text()
    page = browser.get("/search?" + urlencode({"q": "Who wrote the press releases on volcanoes?"}))
    assert "Only weak matches: 1 passage in " in words_of(page.css_first("#results > p"))


def test_a_passage_is_drawn_with_its_marks_and_folded_where_it_is_long(
    browser: Browser, alice: Actor, agent_id: str
) -> None:
    table = "\n".join(f"| oolong {number} | {number} |" for number in range(30))
    text = f"### Oolong\n\nThe **oolong** kettle\n\n| tea | heat |\n|---|---|\n{table}"
    make_document(alice, title="Kettles", content=text)
    page = browser.get("/agents/helper/ask?" + urlencode({"q": "Which oolong kettle?"}))
    card = next(card for card in page.css(".result") if "Kettles" in card.text())
    assert [mark.text() for mark in card.css("p mark")] == ["oolong", "kettle"]
    assert card.css_first("strong mark").text() == "oolong"
    assert len(card.css("tbody tr")) == 30
    fold = card.css_first(".passage > details.unfold")
    assert (words_of(fold.css_first("summary")), "open" in fold.attributes) == (
        "Show all Show less",
        False,
    )
    short = next(iter(browser.get("/search?q=degrees").css(".result")))
    assert short.css_first("details.unfold") is None


def test_the_pages_say_what_answers_and_propose_what_can_be_answered(
    browser: Browser, alice: Actor, agent_id: str
) -> None:
    sentence = "Answers are passages from your documents; no language model is called."
    for address in ("/agents/helper/ask", "/search"):
        page = browser.get(address)
        assert sentence in words_of(page.css_first("main"))
        assert page.css("[data-examples]") == []
    text = "## Prepare the `pot`\n\nWarm it.\n\n## Pour\n\nSlowly."
    make_document(alice, title="Pots", content=text)
    for address in ("/agents/helper/ask", "/search"):
        (example,) = browser.get(address).css("[data-examples] a")
        assert example.text() == "Prepare the pot"
        page = browser.get(example.attributes["href"] or "")
        assert "Warm it." in page.css_first(".result").text()
        assert page.css("[data-examples]") == []
    for question in (TEA, REFUND, TEA.upper()):
        browser.post("/agents/helper/ask", {"q": question})
    asked = browser.get("/agents/helper/ask").css("[data-examples] a")
    assert [item.text().casefold() for item in asked] == [TEA.casefold()]


def test_examples_of_an_agent_with_topics_are_from_its_documents(cast: Cast, alice: Actor) -> None:
    body = TaxonomyRequest.model_validate({"version": "1.0.0", "nodes": [{"path": ["Bread"]}]})
    (bread,) = taxonomies.extend_taxonomy(body, actor=alice).nodes
    make_document(alice, content="## Bake the bread\n\nHot.", nodes=[bread.node_id])
    make_document(alice, content="## Stir the soup\n\nSlowly.")
    expert = FromTaxonomyRequest(name="Baker", taxonomy_node_ids=[bread.node_id])
    agent = scopes.create_agent(expert, actor=alice)
    assert examples.questions_to_try(agent, actor=alice) == ["Bake the bread"]


def test_examples_are_those_of_the_own_organization(
    cast: Cast, alice: Actor, charlie: Actor, agent_id: str
) -> None:
    make_document(charlie, title="Secret", content="## Secret section of ours\n\nText.")
    assert examples.searches_to_try(actor=alice) == []
    assert examples.searches_to_try(actor=charlie) == ["Secret section of ours"]


def test_an_empty_question_is_refused_with_a_reason(browser: Browser, agent_id: str) -> None:
    page = browser.post("/agents/helper/ask", {"q": "  "}, status=422)
    assert "at least 1 character" in page.css("[data-ask-status]")[0].text()


def test_what_nothing_speaks_for_is_no_result(cast: Cast, agent_id: str) -> None:
    found = cast.api("bob").post(f"/agents/{agent_id}/query", {"query": "zzzz qqqq"}).json
    assert [result["score"] > 0 for result in found["results"]] == [True]
    nothing = cast.api("bob").post("/knowledge/search", {"query": "zzzz", "strategy": "keyword"})
    assert (nothing.json["results"], nothing.json["total_results"]) == ([], 0)


def test_the_last_of_those_that_mean_something_else_is_no_result(
    cast: Cast, alice: Actor, agent_id: str
) -> None:
    """Among two that do not fit, the worse one has score 0.0, and its confidence is 0.0 as well."""
    make_document(alice, title="Keys", content="Rotate the keys each quarter.")
    for path in (f"/agents/{agent_id}/query", "/knowledge/search"):
        found = cast.api("bob").post(path, {"query": "vacation policy"}).json
        assert [result["score"] > 0 for result in found["results"]] == [True]
        assert found["total_results"] == 1


def test_copies_of_a_text_take_one_place(cast: Cast, alice: Actor, agent_id: str) -> None:
    for number in range(6):
        make_document(
            alice, title="Copy", content="Steep oolong for three minutes.", external_id=f"c{number}"
        )
    for name in ("Assam", "Darjeeling", "Sencha", "Matcha", "Rooibos"):
        make_document(alice, title=name, content=f"Steep {name} for as long as you like.")
    found = (
        cast.api("bob")
        .post(f"/agents/{agent_id}/query", {"query": "How long do I steep oolong?", "top_k": 5})
        .json["results"]
    )
    texts = [result["content"] for result in found]
    assert len(texts) == len(set(texts)) == 5
    assert "oolong" in texts[0]


def test_many_results_are_looked_up_by_their_ids(cast: Cast, alice: Actor) -> None:
    """SQLite walked all documents of the organization from 18 ids on."""
    if db.engine.dialect.name != "sqlite":
        pytest.skip("The plan of SQLite.")
    for number in range(60):
        make_document(alice, title=f"Tea {number}", content=f"Tea number {number}.")
    db.session.execute(text("ANALYZE"))
    db.session.commit()
    with noted() as statements:
        answer = cast.api("bob").post("/knowledge/search", {"query": "tea", "top_k": 50}).json
    joins = "FROM chunks JOIN documents"
    plans = [plan_of(said) for said in statements if joins in " ".join(said.text.split())]
    assert answer["total_results"] == 50
    assert plans
    assert all("chunks" in plan[0] for plan in plans), plans


def test_the_open_questions_of_an_agent_without_topics_close_too(
    cast: Cast, alice: Actor, agent_id: str
) -> None:
    cast.api("bob").post(f"/agents/{agent_id}/query", {"query": REFUND})
    assert count(UnansweredQuestion) == 1
    make_document(alice, title="Refunds", content="The refund policy for invoices: thirty days.")
    assert SETTLING_SECONDS < 10  # until a worker does what follows
    unanswered.close_of_unscoped("key", organization_id=str(alice.organization_id))
    assert cast.api("bob").get(f"/agents/{agent_id}/unanswered").json == []


def test_questions_that_differ_in_a_number_are_different(cast: Cast, agent_id: str) -> None:
    """However alike they are else: without the numbers, these two mean the same."""
    question = "What does error {} of the payment service mean?"
    for code in ("404", "500", "404"):
        asked = {"query": question.format(code)}
        cast.api("bob").post(f"/agents/{agent_id}/query", asked)
    found = cast.api("bob").get(f"/agents/{agent_id}/unanswered").json
    assert {(item["text"], item["times_asked"]) for item in found} == {
        (question.format("404"), 2), (question.format("500"), 1),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("What does the with statement do?", ["with", "statement"]),
        ("How do I write a for loop?", ["write", "for", "loop"]),
        ("What does `not` mean?", ["not", "mean"]),
        ("How is the same water used?", ["water", "use"]),
        ("What is it?", ["what", "is", "it"]),
    ],
)
def test_stop_words_that_carry_the_question_stay(question: str, terms: list[str]) -> None:
    assert [term.rstrip("e") for term in analyze_query(question)] == [
        term.rstrip("e") for term in terms
    ]


def test_the_ask_page_says_which_version_answers(cast: Cast, alice: Actor) -> None:
    make_document(alice)
    make_agent(alice, handle="helper")
    browser = cast.browser("alice")
    said = lambda: words_of(browser.get("/agents/helper/ask").css_first("[data-ask-status]"))
    assert said().endswith("You ask version 1.")
    releases.publish_version("helper", 1, PublishRequest(), actor=alice)
    assert said().endswith("You ask version 1, which production runs as 1.0.0.")
    agents.update_agent("helper", AgentPatch(name="Anew"), actor=alice)
    assert said().endswith("version 2, the current one; production runs 1.0.0 (version 1).")


def test_a_document_that_could_not_be_read_is_none_to_answer_from(cast: Cast, alice: Actor) -> None:
    make_document(alice)
    make_document(alice, title="Empty").status = "failed"
    db.session.commit()
    make_agent(alice, handle="helper")
    browser = cast.browser("alice")
    assert "answers from 1 document." in words_of(
        browser.get("/agents/helper/ask").css_first("main")
    )
    assert "(1)" in words_of(browser.get("/agents/helper").css_first("main"))
    figures = words_of(browser.get("/").css_first("#figures"))
    assert "Documents 1 to answer from" in figures
