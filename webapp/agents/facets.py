"""Facets: the few words of each active agent that the list is narrowed by most.

The rows are kept by triggers of the database, so that they are true after every write.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from uuid import UUID

from sqlalchemy import func, select

from webapp.agents.models import AgentFacet
from webapp.core import tallies
from webapp.core.database.text import fold
from webapp.core.extensions import db
from webapp.core.narrowing import Narrowing
from webapp.core.tallies import Tally

#: so many values may match a word that is being typed
MAX_VALUES = 50


def narrow(terms: Iterable[tuple[str, str, bool]], organization_id: UUID) -> list[Narrowing] | None:
    """The active agents that have all these; None where too many different values match.

    A term is a name, a word, and whether the word may be typed only in part.
    """
    narrowings = []
    for name, word, is_part in terms:
        values = _find_values(name, word, organization_id) if is_part else [word]
        if values is None:
            return None
        ids = select(AgentFacet.agent_id).where(
            AgentFacet.organization_id == organization_id,
            AgentFacet.name == name,
            AgentFacet.value.in_(values),
        )
        total = tallies.total(f"agent.{name}", organization_id, values)
        rest = None if name == "tool" else partial(_others, name, values, total, organization_id)
        narrowings.append(Narrowing(ids, total=total, rest=rest))
    return narrowings


def _others(name: str, values: list[str], total: int, organization_id: UUID) -> Narrowing:
    """The active agents with another value of a facet of which each has one; `total` have these."""
    kind = f"agent.{name}"
    other = select(Tally.value).where(
        Tally.organization_id == organization_id, Tally.kind == kind, Tally.value.not_in(values)
    )
    ids = select(AgentFacet.agent_id).where(
        AgentFacet.organization_id == organization_id,
        AgentFacet.name == name,
        AgentFacet.value.in_(other),
    )
    return Narrowing(ids, total=tallies.total(kind, organization_id) - total)


def _find_values(name: str, word: str, organization_id: UUID) -> list[str] | None:
    """The values that a word matches: any part of a model, the beginning of others."""
    values = _read_values(name, organization_id)
    if values is None:
        return None
    if name == "model":
        return [value for value in values if fold(word) in value]
    return [value for value in values if value.startswith(word.lower())]


def _read_values(name: str, organization_id: UUID) -> list[str] | None:
    """All values that agents have, each found behind the last; None where there are too many."""
    own = AgentFacet.organization_id == organization_id, AgentFacet.name == name
    first = select(func.min(AgentFacet.value).label("value")).where(*own)
    each = first.cte("each_value", recursive=True)
    later = select(func.min(AgentFacet.value)).where(*own, AgentFacet.value > each.c.value)
    each = each.union_all(select(later.scalar_subquery()).where(each.c.value.is_not(None)))
    found = select(each.c.value).where(each.c.value.is_not(None)).limit(MAX_VALUES + 1)
    values = list(db.session.scalars(found))
    return values if len(values) <= MAX_VALUES else None
