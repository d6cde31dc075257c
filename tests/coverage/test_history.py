"""What was kept of earlier measurements, newest first."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.cast import Cast
from tests.coverage.physics import Ids, make_agent
from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.coverage import pages
from webapp.coverage import services as coverage
from webapp.coverage.models import CoverageRecord


def add_history(agent: Agent, *moments: datetime) -> None:
    db.session.add_all(
        CoverageRecord(
            agent_id=agent.id,
            timestamp=moment,
            overall_coverage=number,
            total_documents=number,
            total_chunks=number,
            version="1.0.0",
        )
        for number, moment in enumerate(moments)
    )
    db.session.commit()


def test_what_a_wrong_clock_has_dated_is_not_the_newest(cast: Cast, alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    days = [datetime(year, 1, 1, tzinfo=UTC) for year in (2025, 2099, 2026)]
    add_history(agent, *days)
    found = cast.api("vera").get(f"/agents/{agent.id}/coverage/history").json["history"]
    assert [entry["overall_coverage"] for entry in found] == [2, 1, 0]
    history = coverage.get_history(agent.id, actor=alice)
    assert pages._series(history)["y"] == [0, 2]


def test_history_is_newest_first_within_its_dates(cast: Cast, alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    days = [datetime(2026, 1, day, 12, tzinfo=UTC) for day in (1, 2, 3)]
    add_history(agent, *days)
    get = lambda query: cast.api("vera").get(f"/agents/{agent.id}/coverage/history{query}")
    everything = get("").json
    assert [entry["overall_coverage"] for entry in everything["history"]] == [2, 1, 0]
    assert everything["total_entries"] == 3
    some = get("?start_date=2026-01-02T12:00:00Z&end_date=2026-01-03").json
    assert [entry["overall_coverage"] for entry in some["history"]] == [2, 1]
    assert some["start_date"] == "2026-01-02T12:00:00Z"
    assert len(get("?start_date=2026-01-01&end_date=2026-01-01").json["history"]) == 1
    assert len(get("?start_date=2026-01-02T13:00:00%2B01:00").json["history"]) == 2
    assert len(get("?limit=2").json["history"]) == 2
    for wrong in (
        "?limit=1001",
        "?limit=0",
        "?start_date=yesterday",
        "?start_date=2026-01-03&end_date=2026-01-01",
    ):
        assert get(wrong).status_code == 422, wrong


def test_what_is_measured_is_not_called_kept_before_it_is(cast: Cast, ids: Ids) -> None:
    """A page said "Last kept 37.9 %" beside "No history yet"."""
    alice = cast.actor("alice")
    agent = make_agent(alice, ids["Physics"])
    browser, address = cast.browser("alice"), f"/agents/{agent.handle}/coverage"
    page = browser.get(address).text()
    assert "No history yet" in page
    assert "Last kept" not in page
    assert "Last measured" in page
