"""Targets of an agent's topics."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from tests.cast import Cast
from tests.coverage.physics import Ids, about, make_agent
from webapp.agents.figures import figures_of
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.core.live import Announcement
from webapp.coverage import refresh
from webapp.coverage import services as coverage


def test_targets_belong_to_the_agent(cast: Cast, alice: Actor, ids: Ids) -> None:
    agent, other = make_agent(alice, ids["Physics"]), make_agent(alice, ids["Physics"])
    about(alice, ids["Heat"], count=3)
    api = cast.api("alice")
    path = f"/agents/{agent.id}/coverage/targets"
    answer = api.put(path, {str(ids["Heat"]): 3, str(ids["Physics"]): 0})
    assert answer.status_code == 200
    assert answer.json["target_counts"][str(ids["Heat"])] == 3
    assert answer.json["node_coverage"][str(ids["Physics"])] == 100.0
    assert answer.json["overall_coverage"] == round(100 * 3 / 7, 2)
    assert str(ids["Physics"]) not in {
        gap["node_id"] for gap in api.get(f"/agents/{agent.id}/gaps?threshold=1").json["gaps"]
    }
    assert coverage.measure(other).target_counts[str(ids["Heat"])] == 4
    again = api.put(path, {str(ids["Heat"]): None}).json
    assert again["target_counts"][str(ids["Heat"])] == 4
    assert again["target_counts"][str(ids["Physics"])] == 0


def test_whoever_shows_an_agent_is_told_of_other_targets(
    cast: Cast, alice: Actor, ids: Ids
) -> None:
    agent = make_agent(alice, ids["Heat"])
    about(alice, ids["Heat"])
    api = cast.api("alice")
    known = api.get(f"/agents/{agent.id}").headers["ETag"]
    shown = refresh.revision_of(agent, figures_of(agent))
    last = db.session.scalar(select(func.max(Announcement.id))) or 0
    api.put(f"/agents/{agent.id}/coverage/targets", {str(ids["Heat"]): 1})
    again = api.get(f"/agents/{agent.id}", headers={"If-None-Match": known})
    assert (again.status_code, again.json["coverage_percent"]) == (200, 100.0)
    assert refresh.revision_of(agent, figures_of(agent)) != shown
    told = set(db.session.scalars(select(Announcement.feed).where(Announcement.id > last)))
    assert {"agents:all", f"coverage:{agent.id}"} <= told


@pytest.mark.parametrize(
    ("target", "status"), [(-1, 422), ("many", 422), (1.5, 422), (10**9, 422), (0, 200)]
)
def test_a_nonsense_target_is_refused(
    cast: Cast, alice: Actor, ids: Ids, target: Any, status: int
) -> None:
    agent = make_agent(alice, ids["Heat"])
    path = f"/agents/{agent.id}/coverage/targets"
    assert cast.api("alice").put(path, {str(ids["Heat"]): target}).status_code == status


def test_a_target_out_of_scope_is_refused(cast: Cast, alice: Actor, ids: Ids) -> None:
    agent = make_agent(alice, ids["Heat"])
    path = f"/agents/{agent.id}/coverage/targets"
    for node in (ids["Cooking"], uuid4()):
        response = cast.api("alice").put(path, {str(ids["Heat"]): 1, str(node): 1})
        assert response.status_code == 400
        assert response.json["extras"]["invalid"] == [str(node)]
    assert coverage.measure(agent).target_counts == {str(ids["Heat"]): 4}
