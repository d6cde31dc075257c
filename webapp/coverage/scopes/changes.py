"""What is written about scopes inside of others' transactions; nothing here commits."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select

from webapp import index
from webapp.agents.models import Agent
from webapp.core.database.transactions import lock_name
from webapp.core.extensions import db
from webapp.taxonomies.models import Scope


def forget_unused(_before: datetime, limit: int) -> int:
    """Delete up to `limit` scopes of one organization that no agent has, deleted agents included.

    Whoever finds a scope to give it to an agent holds the same locks until the agent has it.
    """
    used = select(Agent.id).where(Agent.scope_id == Scope.id).exists()
    organization_id = db.session.scalar(select(Scope.organization_id).where(~used).limit(1))
    if organization_id is None:
        return 0
    index.lock(organization_id)
    lock_name(f"scopes of {organization_id}")
    unused = select(Scope.id).where(Scope.organization_id == organization_id, ~used).limit(limit)
    ids = db.session.scalars(unused).all()
    db.session.execute(delete(Scope).where(Scope.id.in_(ids)))
    return len(ids)
