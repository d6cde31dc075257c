"""The check of all requests that the tests make (`tests/writes.py`) sees what is missing."""

from __future__ import annotations

import pytest
from apiflask import APIFlask
from sqlalchemy import text, update

from tests.cast import Cast
from tests.factories import make_agent
from tests.writes import Writes, find_missing
from webapp.accounts.models import Membership
from webapp.agents import services as agents
from webapp.agents.models import Agent
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.extensions import db

UPDATE = "agents_api.update"


@pytest.mark.parametrize(
    ("endpoint", "tables", "feeds", "missing"),
    [
        (UPDATE, {"agents"}, set(), ["audit", "announcement"]),
        (UPDATE, {"agents", "audit_entries"}, {"audit:all"}, ["announcement"]),
        (UPDATE, {"agents", "audit_entries"}, {"audit:all", "agents:all"}, []),
        (UPDATE, {"agents"}, {"agents:all"}, ["audit"]),
        (UPDATE, {"audit_entries"}, set(), []),
        (UPDATE, {"users", "audit_entries"}, {"audit:all"}, []),
        ("health.alive", {"users", "audit_entries"}, set(), ["right"]),
        ("entry.create_session", {"sessions", "audit_entries"}, set(), []),
        ("questions_api.query", {"agents"}, {"overview:all"}, []),
    ],
)
def test_it_names_what_a_change_lacks(
    app: APIFlask, endpoint: str, tables: set[str], feeds: set[str], missing: list[str]
) -> None:
    assert find_missing(app, Writes(endpoint, tables, feeds)) == missing


def test_a_change_without_a_record_fails_its_test(
    cast: Cast, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, agent = cast.api("alice"), make_agent(alice)
    path, body = f"/agents/{agent.id}", {"description": "Other"}

    with monkeypatch.context() as patch:
        patch.setattr(audit, "record", lambda *_args, **_detail: None)
        with pytest.raises(AssertionError, match="agents without audit;"):
            api.put(path, body)
    with monkeypatch.context() as patch:
        patch.setattr(agents, "announce", lambda _agent: None)
        with pytest.raises(AssertionError, match="agents without announcement;"):
            api.put(path, {"description": "Another"})
    assert api.put(path, {"description": "Third"}).status_code == 200


def test_what_is_rolled_back_or_only_seen_is_no_change(cast: Cast, alice: Actor) -> None:
    from tests import writes

    with writes.checked(cast.app):
        db.session.execute(update(Agent).values(description="gone"))
        db.session.rollback()
        db.session.execute(update(Membership).values(last_seen_at=None))
        db.session.execute(text("SELECT 1"))
        db.session.commit()
