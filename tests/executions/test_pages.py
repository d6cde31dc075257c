"""The pages of executions: what they say, and that they stay small."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.browser import words_of
from tests.cast import Cast
from tests.executions.conftest import stored
from tests.factories import make_agent
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.executions.changes import end_execution, log
from webapp.executions.failures import Failure
from webapp.executions.fitting import fit, weigh
from webapp.executions.models import Execution, ExecutionStep, Level, OutputChunk
from webapp.executions.schemas import ExecuteRequest
from webapp.executions.services import execute_agent
from webapp.tasks.models import Status

MAX_HTML_BYTES = 200_000


def accept(actor: Actor, given: Any = "Who repairs the lift?", agent: str = "") -> Execution:
    reference = (
        agent or make_agent(actor, handle=f"agent-{uuid4().hex[:8]}", name="Lift desk").handle
    )
    return execute_agent(reference, ExecuteRequest(input=given), actor=actor)


def begin(execution: Execution) -> None:
    execution = stored(execution)
    execution.begin(clock.now(), "worker-1")
    db.session.commit()


def end(execution: Execution, output: Any = None, failure: Failure | None = None) -> None:
    execution = stored(execution)
    status = Status.FAILED if failure else Status.COMPLETED
    end_execution(execution, status, "Ended.", output=output, failure=failure)
    db.session.commit()


def test_the_list_says_of_each_what_it_was_given_and_where_it_stands(
    cast: Cast, alice: Actor
) -> None:
    accept(alice, "Who repairs the lift?")
    done = accept(alice, {"order": "A-1", "count": 2})
    end(done, failure=Failure("upstream_timeout", "It took too long."))
    page = cast.browser("vera").get("/executions")
    rows = [words_of(row) for row in page.css("#executions tbody tr")]
    assert len(rows) == 2
    assert rows[0].startswith("order: A-1, count: 2 Lift desk v1 failed upstream_timeout")
    assert rows[1].startswith("Who repairs the lift? Lift desk v1 pending")
    assert not page.css("#bulk")
    assert len(cast.browser("bob").get("/executions").css("#bulk button[name=action]")) == 2


def test_filters_and_parts_of_the_list_are_in_its_address(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="lift").handle
    for number in range(3):
        accept(alice, f"Question {number}", agent)
    other = accept(alice, "Something else")
    end(other, output={"text": "x", "citations": []})
    browser = cast.browser("vera")

    def found(path: str) -> list[str]:
        return [words_of(row) for row in browser.get(path).css("#executions .row-title")]

    assert found("/executions?agent=lift") == ["Question 2", "Question 1", "Question 0"]
    assert found("/agents/lift/executions") == found("/executions?agent=lift")
    assert found("/executions?status=completed") == ["Something else"]
    assert found("/executions?q=question+1") == ["Question 1"]
    assert found("/executions?from=2099-01-01") == []
    assert found("/executions?trigger=manual") == []
    first = browser.get("/executions?limit=2")
    older = first.css_first("a[rel=next]").attributes["href"]
    assert found(older or "") == ["Question 1", "Question 0"]
    assert "No execution matches" in browser.get("/executions?q=nothing").text()


def test_saved_views_keep_the_days_and_not_the_part(cast: Cast, alice: Actor) -> None:
    browser = cast.browser("alice")
    query = "from=2026-01-02&status=failed&cursor=01a220b3-1e9d-77d7-811d-a6d96afad315"
    browser.post("/views", {"list": "executions", "name": "Failed", "query": query})
    (chip,) = [
        link.attributes["href"]
        for link in browser.get("/executions").css(".view-chips a")
        if words_of(link) == "Failed"
    ]
    assert chip == "/executions?from=2026-01-02&status=failed"


def test_an_empty_list_says_what_to_do(cast: Cast, alice: Actor) -> None:
    handle = make_agent(alice).handle
    empty = cast.browser("bob").get("/executions").css_first(".empty")
    assert empty and empty.css_first("a").attributes["href"] == "/agents"
    empty = cast.browser("bob").get(f"/agents/{handle}/executions").css_first(".empty")
    assert empty and empty.css_first("a").attributes["href"] == f"/agents/{handle}/run"
    empty = cast.browser("vera").get("/executions").css_first(".empty")
    assert empty and empty.css_first("a") is None


def test_the_page_of_one_that_waits_says_why(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice)
    agent.paused = True
    execution = accept(alice, agent=agent.handle)
    page = cast.browser("vera").get(f"/executions/{execution.id}")
    assert "Its agent is paused; it begins when the agent is resumed." in page.text()
    assert "Cancel" not in words_of(page.css_first("main"))


def test_output_steps_and_log_are_shown(cast: Cast, alice: Actor) -> None:
    execution = accept(alice)
    begin(execution)
    row = stored(execution)
    db.session.add(
        ExecutionStep(
            execution_id=row.id,
            number=1,
            kind="model",
            content={"model_name": "gpt-x", "parts": [{"content": "I look.", "part_kind": "text"}]},
        )
    )
    row.step_count = 1
    log(row, Level.WARN, "Slow.", step="model", milliseconds=1200)
    log(row, Level.DEBUG, "Fine.", step="tool")
    db.session.commit()
    end(execution, output={"text": "The **janitor** [1].", "citations": [
        {"doc_id": str(uuid4()), "chunk_id": 7, "title": "Lifts", "score": 0.5}]})  # fmt: skip
    browser = cast.browser("vera")
    page = browser.get(f"/executions/{execution.id}")
    assert page.css_first("h1").text() == "Who repairs the lift?"
    assert words_of(page.css_first(".rendered strong")) == "janitor"
    assert words_of(page.css_first(".sources")).startswith("Lifts 0.50")
    assert words_of(page.css_first(".steps")).startswith("gpt-x model")
    assert "says I look." in words_of(page.css_first(".steps"))
    lines = [words_of(line) for line in page.css(".log li")]
    assert "warn model Slow. milliseconds=1200" in lines[-3]
    warned = browser.get(f"/executions/{execution.id}?level=warn&q=slow")
    assert len(warned.css(".log li")) == 1
    csv = browser.client.get(f"/executions/{execution.id}/log?format=csv&level=warn")
    assert csv.mimetype == "text/csv" and "Slow." in csv.text and "Fine." not in csv.text


def test_a_structured_output_is_a_tree_and_a_file(cast: Cast, alice: Actor) -> None:
    execution = accept(alice)
    end(execution, output={"category": "lift", "parts": ["door", "rope"], "is_new": False})
    browser = cast.browser("vera")
    tree = browser.get(f"/executions/{execution.id}").css_first("dl.value")
    assert words_of(tree) == "category lift parts door rope is_new no"
    file = browser.client.get(f"/executions/{execution.id}/output")
    assert file.mimetype == "application/json"
    assert file.json == {"category": "lift", "parts": ["door", "rope"], "is_new": False}


def test_output_that_grows_is_shown_without_what_counts_no_more(cast: Cast, alice: Actor) -> None:
    execution = accept(alice)
    begin(execution)
    row = stored(execution)
    for text in ("Wrong", None, "The **jan", "itor**"):
        piece = OutputChunk(execution_id=row.id, sequence=row.next_sequence(), text=text)
        db.session.add(piece)
    db.session.commit()
    page = cast.browser("vera").get(f"/executions/{execution.id}")
    assert words_of(page.css_first(".rendered.grows")) == "The janitor"


def test_a_failure_says_what_to_do(cast: Cast, alice: Actor) -> None:
    execution = accept(alice)
    end(execution, failure=Failure("upstream_auth", "It refuses our key.", ["Check the key."]))
    notice = cast.browser("vera").get(f"/executions/{execution.id}").css_first(".notice.bad")
    assert words_of(notice) == "It refuses our key. Check the key. upstream_auth"


@pytest.mark.parametrize("text", ["<&\"' ", "語", "- a\n", "`a` ", "> > > a\n\n", "x"])
def test_however_long_everything_is_the_page_is_small(cast: Cast, alice: Actor, text: str) -> None:
    execution = accept(alice, text * (150_000 // len(text)))
    begin(execution)
    row = stored(execution)
    for number in range(1, 101):
        content = {"name": text * 90, "arguments": {"q": text * 5000}, "result": text * 5000}
        db.session.add(
            ExecutionStep(execution_id=row.id, number=number, kind="tool", content=content)
        )
        log(row, Level.INFO, text * 2000, step=text * 10, value=text * 2000)
    row.step_count = 100
    db.session.commit()
    end(execution, output={"text": text * 300_000, "citations": [
        {"doc_id": text * 1000, "chunk_id": text * 1000, "title": text * 1000, "score": 1}
    ] * 500})  # fmt: skip
    browser = cast.browser("vera")
    browser.get(f"/executions/{execution.id}")
    assert browser.response and len(browser.response.data) <= MAX_HTML_BYTES
    browser.get("/executions")
    assert browser.response and len(browser.response.data) <= MAX_HTML_BYTES
    whole = browser.client.get(f"/executions/{execution.id}/output").text
    assert whole == text * 300_000


def test_a_text_is_cut_to_the_bytes_that_it_takes_in_html() -> None:
    assert fit("<<<<", 16) == "<<<<"
    assert fit("<<<<<", 16) == "<<<<…"
    assert fit("語" * 10, 9) == "語語語…"
    assert weigh("<語") == 7


def test_members_cancel_and_run_again_viewers_do_not(cast: Cast, alice: Actor) -> None:
    execution = accept(alice)
    path = f"/executions/{execution.id}"
    cast.browser("vera").post(f"{path}/cancellation", status=403)
    browser = cast.browser("bob")
    page = browser.post(f"{path}/cancellation")
    assert stored(execution).status == Status.CANCELLED
    assert "cancelled" in words_of(page.css_first("main"))
    page = browser.post(f"{path}/cancellation")
    assert "has already been cancelled" in page.css_first("#toasts").text()
    browser.post(f"{path}/retrial")
    again = db.session.scalars(db.select(Execution).where(Execution.retry_of == execution.id)).one()
    assert browser.response and browser.response.request.path == f"/executions/{again.id}"


def test_the_activity_names_the_agent_that_was_started(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="lift-desk")
    execution = accept(alice, agent="lift-desk")
    activity = words_of(cast.browser("alice").get("/audit").css_first("main"))
    assert f"started execution {execution.id} of lift-desk" in activity


def test_many_are_cancelled_after_a_look_at_what_would_happen(cast: Cast, alice: Actor) -> None:
    waiting = [accept(alice, f"Question {number}") for number in range(3)]
    end(waiting[0], output={"text": "x", "citations": []})
    browser = cast.browser("bob")
    ids = "&".join(f"id={execution.id}" for execution in waiting)
    page = browser.get(f"/executions/bulk?action=cancel&{ids}")
    said = words_of(page.css_first("#what-happens"))
    assert said == "2 executions will stop at once. 1 other have ended already."
    assert stored(waiting[1]).status == Status.PENDING
    fields = {"action": "cancel", "all": "true", "q": "question 1"}
    browser.post("/executions/bulk", fields)
    statuses = [stored(execution).status for execution in waiting]
    assert statuses == [Status.COMPLETED, Status.CANCELLED, Status.PENDING]
    browser.post("/executions/bulk", {"action": "retry", "id": str(waiting[0].id)})
    assert db.session.scalar(db.select(db.func.count()).select_from(Execution)) == 4
    for odd in ("action=cancel", "action=cancel&id=1", "action=delete&all=true"):
        browser.get(f"/executions/bulk?{odd}", status=422)


def test_the_palette_runs_agents_and_cancels_what_runs(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="lift", name="Lift desk").handle
    execution = accept(alice, "Who repairs it?", agent)
    begin(execution)
    found = cast.browser("bob").get("/palette?q=run+lift").text()
    assert "Run Lift desk" in found
    browser = cast.browser("bob")
    assert "Cancel “Who repairs it?”" in browser.get("/palette?q=cancel+repairs").text()
    assert "Who repairs it?" in browser.get(f"/palette?q={execution.id}").text()
    assert "Cancel" not in cast.browser("vera").get("/palette?q=cancel").text()


def test_the_first_page_says_what_runs_and_what_has_failed(
    cast: Cast, alice: Actor, charlie: Actor
) -> None:
    def figures() -> list[str]:
        page = cast.browser("vera").get("/")
        return [words_of(card) for card in page.css("#executions-present .metric")]

    assert figures() == []
    accept(charlie)
    running, failed = accept(alice), accept(alice)
    accept(alice)
    begin(running)
    end(failed, failure=Failure("upstream_error", "No."))
    assert figures() == ["Running 1 1 waits", "Failed 1 in the last 24 hours"]


def test_an_agents_own_page_says_what_its_executions_came_to(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="lift").handle
    for number in range(4):
        execution = accept(alice, f"Question {number}", agent)
        end(execution, failure=None if number else Failure("upstream_error", "No."))
    other = accept(alice)
    end(other)
    page = cast.browser("vera").get("/agents/lift/executions")
    cards = [words_of(card) for card in page.css(".figures .metric")]
    assert cards[0] == "Executions 4 ended in the last 30 days"
    assert cards[1].startswith("Success rate 75") and cards[1].endswith("1 failed one")
    assert [card.split()[0] for card in cards[2:]] == ["p95", "Cost"]


def test_two_are_compared_side_by_side(cast: Cast, alice: Actor, charlie: Actor) -> None:
    first, second = accept(alice, "Who?"), accept(alice, {"order": "A-1"})
    end(first, output={"text": "The janitor.", "citations": []})
    end(second, failure=Failure("upstream_error", "It was away."))
    browser = cast.browser("vera")
    page = browser.get(f"/executions/compare?id={first.id}&id={second.id}")
    left, right = (words_of(side) for side in page.css(".compared > section"))
    assert "Who?" in left and "completed" in left and "The janitor." in left
    assert "order: A-1" in right and "failed" in right and "It was away." in right
    assert "Select two executions" in browser.get(f"/executions/compare?id={first.id}").text()
    foreign = accept(charlie)
    browser.get(f"/executions/compare?id={first.id}&id={foreign.id}", status=404)
    browser.get("/executions/compare?id=1", status=404)
