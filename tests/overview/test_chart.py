"""The chart of questions: counted by the database in whole steps, over a time from the address."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.browser import Browser, words_of
from tests.cast import Cast
from tests.factories import make_agent
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.core.ranges import Range
from webapp.questions import counts as questions
from webapp.questions.models import Question

NOW = datetime(2026, 3, 5, 12, 34, 56, tzinfo=UTC)


@pytest.fixture
def ask(alice: Actor, monkeypatch: pytest.MonkeyPatch) -> object:
    """Have somebody ask an agent of Alice's organization at each moment; it is noon of March 5."""
    agent = make_agent(alice)
    monkeypatch.setattr(clock, "now", lambda: NOW)

    def asked(*moments: datetime, actor: Actor = alice) -> None:
        for moment in moments:
            db.session.add(
                Question(
                    organization_id=actor.organization_id, agent_id=agent.id, text="?",
                    result_count=0, query_time_ms=1.0, created_at=moment,
                )
            )  # fmt: skip
        db.session.commit()

    return asked


@pytest.mark.parametrize("chosen", list(Range))
def test_each_question_is_counted_in_its_step(
    alice: Actor, charlie: Actor, ask: object, chosen: Range
) -> None:
    assert callable(ask)
    size = int(chosen.step.total_seconds())
    count = chosen.span // chosen.step
    last = datetime.fromtimestamp(int(NOW.timestamp()) // size * size, UTC)
    first = last - (count - 1) * chosen.step
    tick = timedelta(microseconds=1)
    ask(first - tick, first, first + chosen.step - tick, first + chosen.step, last - tick, last)
    ask(NOW, NOW + timedelta(days=2))
    ask(NOW, actor=charlie)
    times, counts = questions.count_over_time(actor=alice, span=chosen.span, step=chosen.step)
    assert times == [int(first.timestamp()) + size * place for place in range(count)]
    assert [counts[0], counts[1], counts[-2], counts[-1]] == [2, 1, 1, 3]
    assert sum(counts) == 7
    _, theirs = questions.count_over_time(actor=charlie, span=chosen.span, step=chosen.step)
    assert sum(theirs) == 1


def test_a_question_that_a_wrong_clock_has_dated_hides_none_that_follow(
    alice: Actor, ask: object
) -> None:
    assert callable(ask)
    seen = [questions.read_revision(alice)]
    for moment in (NOW + timedelta(days=9999), NOW - timedelta(minutes=2), NOW):
        ask(moment)
        seen.append(questions.read_revision(alice))
    assert len(set(seen)) == 4
    assert questions.read_revision(alice) == seen[-1]


def test_the_time_is_chosen_in_the_address(browser: Browser, ask: object) -> None:
    assert callable(ask)
    page = browser.get("/")
    assert "No questions yet" in words_of(page.css_first("#questions"))
    ask(NOW - timedelta(days=3))
    page = browser.get("/")
    assert page.css_first("#questions [aria-current]").text(strip=True) == "1h"
    assert not page.css("#questions-chart")
    assert "No questions in the last hour" in words_of(page.css_first("#questions"))
    page = browser.get("/?range=7d")
    chart = page.css_first("#questions-chart")
    assert sum(json.loads(str(chart.attributes["data-series"]))["y"]) == 1
    assert words_of(chart.css_first("figcaption")) == "Questions 1 in 7 days"
    assert words_of(page.css_first("#questions h2")) == "Questions per 2 hours"
    assert page.css_first("#questions").attributes["hx-get"] == "/?range=7d"


def test_the_part_is_fetched_again_with_its_range(cast: Cast, ask: object) -> None:
    assert callable(ask)
    ask(NOW - timedelta(days=3))
    headers = {"HX-Request": "true", "HX-Target": "questions"}
    part = cast.browser("vera").get("/?range=30d", headers=headers)
    assert not part.css("#activity")
    assert "Questions per 6 hours" in part.body.text()
