"""What coverage is (docs/contract/knowledge.md)."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from tests.cast import Cast
from tests.coverage.physics import Ids, about, make_agent
from webapp.agents.figures import etag_of
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.coverage import services as coverage
from webapp.coverage.figures import get_figures
from webapp.coverage.models import CoverageRecord


def test_coverage_counts_each_topic_up_to_its_target(alice: Actor, ids: Ids) -> None:
    about(alice, ids["Wings"], count=2)
    about(alice, ids["Heat"], count=5)
    about(alice, ids["Cooking"])
    agent = make_agent(alice, ids["Physics"])

    found = coverage.get_coverage(agent.id, actor=alice)

    # "Physics" has no target of its own, so 10. Heat has 5 of 4: the surplus fills no other gap.
    physics, wings, heat = (str(ids[label]) for label in ("Physics", "Wings", "Heat"))
    assert found.target_counts == {physics: 10, wings: 4, heat: 4}
    assert found.document_counts == {physics: 0, wings: 2, heat: 5}
    assert found.node_coverage == {physics: 0.0, wings: 50.0, heat: 100.0}
    assert found.overall_coverage == round(100 * 6 / 18, 2)
    assert (found.total_documents, found.total_chunks) == (7, 7)
    kept = get_figures(agent)
    assert (kept.coverage_percent, kept.total_documents) == (found.overall_coverage, 7)


@pytest.mark.parametrize(("confidence", "counted"), [(0.7, 1), (0.69, 0), (1.0, 1), (0.0, 0)])
def test_a_document_counts_from_a_confidence_of_seven_tenths(
    alice: Actor, ids: Ids, confidence: float, counted: int
) -> None:
    about(alice, ids["Heat"], confidence=confidence)
    agent = make_agent(alice, ids["Heat"])
    assert coverage.get_coverage(agent.id, actor=alice).document_counts == {
        str(ids["Heat"]): counted
    }
    assert get_figures(agent).total_documents == counted


def test_totals_count_a_document_of_several_topics_once(alice: Actor, ids: Ids) -> None:
    about(alice, ids["Wings"], ids["Heat"])
    both = make_agent(alice, ids["Wings"], ids["Heat"])
    found = coverage.get_coverage(both.id, actor=alice)
    assert sum(found.document_counts.values()) == 2
    assert found.total_documents == 1
    above = make_agent(alice, ids["Physics"])
    assert coverage.get_coverage(above.id, actor=alice).total_documents == 1


def test_reading_writes_nothing(cast: Cast, alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    etag = etag_of(agent)
    about(alice, ids["Heat"], count=4)
    api = cast.api("vera")
    assert api.get(f"/agents/{agent.id}/coverage").json["overall_coverage"] == 100.0
    db.session.expire_all()
    assert (get_figures(agent).coverage_percent, etag_of(agent)) == (0.0, etag)
    assert db.session.scalar(select(func.count()).select_from(CoverageRecord)) == 0


def test_an_agent_without_a_scope_has_no_coverage(cast: Cast, alice: Actor) -> None:
    body = cast.api("alice").post("/agents", {"name": "Any", "instructions": "Help."}).json
    answer = cast.api("vera").get(f"/agents/{body['id']}/coverage").json
    assert answer["node_coverage"] == {}
    assert (answer["overall_coverage"], answer["version"]) == (0.0, None)
    assert cast.api("vera").get(f"/agents/{body['id']}/gaps").json["gaps"] == []
