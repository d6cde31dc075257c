"""Gaps: what is missing most (docs/contract/knowledge.md)."""

from __future__ import annotations

import pytest

from tests.cast import Cast
from tests.coverage.physics import Ids, about, make_agent
from webapp.core.actor import Actor


def test_gaps_name_what_is_missing_most_first(cast: Cast, alice: Actor, ids: Ids) -> None:
    about(alice, ids["Wings"], count=2)
    about(alice, ids["Heat"])
    agent = make_agent(alice, ids["Physics"])
    answer = cast.api("vera").get(f"/agents/{agent.handle}/gaps").json
    assert answer["threshold"] == 0.5
    assert [(gap["path"], gap["missing_docs"]) for gap in answer["gaps"]] == [
        (["Physics"], 10),
        (["Physics", "Heat"], 3),
    ]
    heat = answer["gaps"][1]
    assert (heat["current_coverage"], heat["target_coverage"]) == (25.0, 50.0)
    assert heat["recommendation"] == "Collect 3 more documents for Physics > Heat"
    all_of_them = cast.api("vera").get(f"/agents/{agent.handle}/gaps?threshold=1").json
    assert len(all_of_them["gaps"]) == 3
    assert cast.api("vera").get(f"/agents/{agent.handle}/gaps?threshold=0").json["gaps"] == []


@pytest.mark.parametrize("threshold", ["-0.1", "1.01", "nan", "inf", "half", ""])
def test_a_threshold_out_of_range_is_refused(
    cast: Cast, alice: Actor, ids: Ids, threshold: str
) -> None:
    agent = make_agent(alice, ids["Heat"])
    response = cast.api("vera").get(f"/agents/{agent.id}/gaps?threshold={threshold}")
    assert response.status_code == 422
