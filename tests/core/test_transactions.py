"""What a transaction sees of others', on both databases."""

from __future__ import annotations

from sqlalchemy import select, text

from tests.factories import make_agent
from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.core.database.transactions import get_locked
from webapp.core.extensions import db


def test_what_is_locked_is_read_again(alice: Actor) -> None:
    """Who decides by a locked row decides by what others have committed meanwhile."""
    known = make_agent(alice)  # its commit leaves it in the session, as it was
    with db.engine.begin() as elsewhere:
        elsewhere.execute(text("UPDATE agents SET revision = 4711"))
    assert db.session.get_one(Agent, known.id).revision != 4711
    locked = get_locked(select(Agent).where(Agent.id == known.id))
    assert locked is known
    assert locked.revision == 4711
