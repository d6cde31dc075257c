"""The history of coverage on its page: the chart, the days."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.browser import Browser, words_of
from tests.coverage.pages.physicist import DAY, NOON, PAGE
from webapp.agents.models import Agent
from webapp.core import clock
from webapp.core.extensions import db
from webapp.coverage.models import CoverageRecord


def keep_history(agent: Agent, *moments: datetime) -> None:
    fields = {"overall_coverage": 50.0, "total_documents": 1, "total_chunks": 1}
    db.session.add_all(CoverageRecord(agent_id=agent.id, timestamp=at, **fields) for at in moments)
    db.session.commit()


@pytest.mark.parametrize(
    ("moments", "query", "span"),
    [
        ([NOON], "", (NOON - DAY / 2, NOON + DAY / 2)),
        ([NOON, NOON + timedelta(seconds=2)], "", (NOON - DAY / 2, NOON + DAY / 2)),
        ([NOON, NOON + DAY], "", (NOON, NOON + DAY)),
        ([NOON], "?start_date=2026-03-01", (datetime(2026, 3, 1, tzinfo=UTC), NOON)),
        (
            [NOON, NOON + 9 * DAY],
            "?start_date=2026-03-01&end_date=2026-03-10",
            (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC)),
        ),
    ],
)
def test_the_chart_shows_the_chosen_days_or_a_day_round_one_point(
    browser: Browser,
    physicist: Agent,
    moments: list[datetime],
    query: str,
    span: tuple[datetime, datetime],
) -> None:
    keep_history(physicist, *moments)
    chart = browser.get(PAGE + query).css_first("#coverage-chart")
    found: list[Any] = json.loads(chart.attributes["data-range"])
    assert found == pytest.approx([moment.timestamp() for moment in span], abs=2)
    points = json.loads(chart.attributes["data-series"])["x"]
    assert found[0] <= points[0] <= points[-1] <= found[1]


def test_the_chart_of_one_point_shows_no_time_to_come(browser: Browser, physicist: Agent) -> None:
    measured = clock.now() - timedelta(hours=1)
    keep_history(physicist, measured)
    chart = browser.get(PAGE).css_first("#coverage-chart")
    start, end = json.loads(str(chart.attributes["data-range"]))
    assert end <= clock.now().timestamp()
    assert end == pytest.approx(measured.timestamp() + 3600, abs=30)
    assert end - start == pytest.approx(24 * 3600, abs=1)


def test_without_a_history_there_is_no_chart(browser: Browser, physicist: Agent) -> None:
    page = browser.get(PAGE)
    assert not page.css("#coverage-chart")
    assert "No history yet" in page.text()
    keep_history(physicist, NOON)
    page = browser.get(f"{PAGE}?start_date=2026-04-01&threshold=0.75")
    assert not page.css("#coverage-chart")
    assert "Nothing was measured in this time" in page.text()
    (everything,) = (link for link in page.css("#coverage a.button") if link.text() == "Show all")
    assert everything.attributes["href"] == f"{PAGE}?threshold=0.75#history"
    assert (
        "The first day is after the last one"
        in browser.get(f"{PAGE}?start_date=2026-04-02&end_date=2026-04-01", status=422).text()
    )


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        ("start_date=2026-02-01&end_date=2026-01-01", "The first day is after the last one."),
        ("start_date=someday", "must be a date"),
    ],
)
def test_days_that_cannot_be_are_refused_on_the_page_itself(
    browser: Browser, physicist: Agent, days: str, sentence: str
) -> None:
    page = browser.get(f"{PAGE}?{days}", status=422)
    assert sentence in words_of(page.css_first("[role=alert]"))
    given = page.css_first("input[name=start_date]").attributes["value"]
    assert given == days.partition("=")[2][:10].partition("&")[0]
    assert page.css_first("#unanswered") is not None


@pytest.mark.parametrize(
    ("address", "notice"),
    [
        ("?range=all", ""),
        ("?range=7w", "There is no time range 7w, so this is all that was measured."),
        (
            "?range=7w&start_date=2026-03-01",
            "There is no time range 7w, so this is the days that were chosen.",
        ),
    ],
)
def test_a_time_range_that_is_not_offered_is_told_and_left_out(
    browser: Browser, physicist: Agent, address: str, notice: str
) -> None:
    keep_history(physicist, NOON)
    page = browser.get(PAGE + address)
    assert page.css("#coverage-chart")
    assert [words_of(told) for told in page.css("#history .notice")] == [notice] * bool(notice)
    chosen = [words_of(link) for link in page.css("#history .segmented [aria-current]")]
    assert chosen == ([] if "start_date" in address else ["All"])


def test_an_empty_history_says_what_the_last_measuring_was(
    browser: Browser, physicist: Agent
) -> None:
    figures = [words_of(card) for card in browser.get(PAGE).css(".figures .card")]
    assert figures[-1].startswith("Last measured 16.7 %")
    (history,) = browser.get(PAGE).css("#history")
    assert "It was measured when its topics or targets were chosen." in words_of(history)
