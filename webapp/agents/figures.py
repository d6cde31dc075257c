"""Figures: what features count and measure of each agent, in tables of theirs beside `agents`.

A feature brings `AgentFigures` and, for the API, `AddedFields` to `AgentResponse` and, where the
list is narrowed by them, to `AgentFilter`. Every agent has a row of each kind from its beginning
to its end, so that an index of theirs can give the list its order.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, reduce
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Select,
    String,
    asc,
    bindparam,
    desc,
    insert,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.agents.models import Agent, AgentFacet, AgentText
from webapp.core import live
from webapp.core.database.sql import is_among, joined, not_by_index
from webapp.core.database.transactions import has_grown, refresh_statistics
from webapp.core.errors import NotFound
from webapp.core.extensions import Model, db
from webapp.core.feature import contributions
from webapp.core.http import preconditions
from webapp.core.lists import count_all
from webapp.core.narrowing import Narrowing, count_common
from webapp.core.schemas import misshaped

#: by what the list can be sorted without any feature's figures
OWN_SORTS = ("name", "created_at", "updated_at")


class FiguresRow(Model):
    """One agent's figures of one kind; `revision` counts the changes that its ETag tells of."""

    __abstract__ = True

    agent_id: Mapped[UUID] = mapped_column(
        ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True
    )
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    revision: Mapped[int] = mapped_column(default=0)


@dataclass(frozen=True)
class AgentFigures:
    """A table of figures, whose columns have their defaults for a new agent.

    `fields` are those that an agent's JSON and the templates of columns and facts have of it;
    `sorts` the columns that the list can be sorted by, each with an index behind the organization
    and before the agent; `condition(query, of)` what the list's filters want of the row, or of that
    of texts, which has the columns that are asked for; None where they say nothing about it.
    """

    row: type[FiguresRow]
    fields: type[BaseModel]
    sorts: tuple[str, ...] = ()
    condition: Callable[[BaseModel, Any], ColumnElement[bool] | None] = lambda query, of: None


@dataclass(frozen=True)
class Figures:
    """All figures of one agent by their names, and how often they have changed."""

    values: dict[str, Any] = field(default_factory=dict)
    revision: int = 0


def load_figures(agents: Sequence[Agent]) -> dict[UUID, Figures]:
    """The figures of each agent by its id, as they are now.

    An agent that was removed for good since it was read has none any more and is left out.
    """
    kinds = contributions(AgentFigures) if agents else ()
    if not kinds:
        return {agent.id: Figures() for agent in agents}
    statement, names = _select_figures(tuple(kinds))
    found = db.session.execute(statement, {"ids": joined(agent.id.hex for agent in agents)})
    return {
        agent_id: Figures(dict(zip(names, values, strict=True)), changes)
        for agent_id, changes, *values in found
    }


@cache
def _select_figures(kinds: tuple[AgentFigures, ...]) -> tuple[Select[Any], tuple[str, ...]]:
    """One statement for all kinds, built once, with one parameter for all ids."""
    first = kinds[0].row
    revision = reduce(operator.add, (kind.row.revision for kind in kinds))
    columns = [(kind.row, name) for kind in kinds for name in kind.fields.model_fields]
    rows = select(first.agent_id, revision, *(getattr(row, name) for row, name in columns))
    for kind in kinds[1:]:
        rows = rows.join(kind.row, kind.row.agent_id == first.agent_id)
    statement = rows.where(is_among(first.agent_id, bindparam("ids", type_=String)))
    return statement, tuple(name for _, name in columns)


def figures_of(agent: Agent) -> Figures:
    """The figures of an agent; NotFound where it was removed for good since it was read."""
    figures = load_figures([agent]).get(agent.id)
    if figures is None:
        raise NotFound(f"Agent not found: {agent.handle}")
    return figures


def add_figures(agents: Sequence[Agent]) -> None:
    """Give new agents, which the running transaction has stored, their rows."""
    values = [{"agent_id": agent.id, "organization_id": agent.organization_id} for agent in agents]
    for kind in contributions(AgentFigures) if values else ():
        db.session.execute(insert(kind.row), values)


def announce_figures(agent_id: UUID, organization_id: UUID) -> None:
    """Tell whoever shows the agent that figures of it have changed; the caller commits."""
    live.announce(f"figures:{agent_id}", organization_id)


def refresh_list_statistics(added: int) -> None:
    """Let the database count anew what lists go by, where so many agents more are many."""
    if not has_grown(Agent.__tablename__, added):
        return
    refresh_statistics(Agent.__tablename__)
    refresh_statistics(AgentFacet.__tablename__)
    refresh_statistics(AgentText.__tablename__)
    for kind in contributions(AgentFigures):
        refresh_statistics(kind.row.__tablename__)


def etag_of(agent: Agent) -> str:
    """The agent's ETag; the figures stand in its JSON, and so their revisions count as well."""
    return preconditions.etag_of(agent.current_version, revision_of(agent))


def revision_of(agent: Agent) -> int:
    """The number that any change of the agent or of its figures raises."""
    return agent.revision + figures_of(agent).revision


def refuse_stale(agent: Agent, if_match: str | None) -> None:
    """Raise PreconditionFailed where `if_match` names another version than the agent's."""
    if if_match is not None:
        preconditions.check_version(etag_of(agent), if_match)


def narrow(query: BaseModel, organization_id: UUID) -> list[Narrowing]:
    """The organization's agents whose figures are what the list's filters want."""
    return [
        Narrowing(select(row.agent_id).where(row.organization_id == organization_id, condition))
        for row, condition in _conditions(query)
    ]


def conditions(query: BaseModel, organization_id: UUID) -> Iterator[ColumnElement[bool]]:
    """What the list's filters want of the figures of the organization's agents."""
    for row, condition in _conditions(query):
        is_own = row.organization_id == organization_id
        yield Agent.id.in_(select(row.agent_id).where(is_own, condition))


def conditions_of_texts(query: BaseModel) -> list[ColumnElement[bool]]:
    """The same, said of the rows of agents' texts."""
    found = (kind.condition(query, AgentText) for kind in contributions(AgentFigures))
    return [condition for condition in found if condition is not None]


def _conditions(query: BaseModel) -> Iterator[tuple[type[FiguresRow], ColumnElement[bool]]]:
    for kind in contributions(AgentFigures):
        condition = kind.condition(query, kind.row)
        if condition is not None:
            yield kind.row, condition


def count_narrowed(narrowings: Sequence[Narrowing], organization_id: UUID) -> int:
    """How many active agents of the organization all of `narrowings`, one at least, include."""
    known = count_common(narrowings) if len(narrowings) > 1 else narrowings[0].total
    if known is not None:
        return known
    if len(narrowings) > 1:
        is_some = any(not found.is_long for found in narrowings)
        owner: Any = not_by_index(Agent.organization_id) if is_some else Agent.organization_id
        narrowed = (found.includes(Agent.id, is_walk=is_some) for found in narrowings)
        return count_all(select(Agent).where(owner == organization_id, Agent.is_active, *narrowed))
    [found] = narrowings
    [key] = found.ids.selected_columns
    return count_all(found.ids.where(key.not_in(select_deleted(organization_id))))


def select_deleted(organization_id: UUID) -> Select[UUID]:
    """The ids of the organization's deleted agents, which are few."""
    is_own = Agent.organization_id == organization_id
    return select(Agent.id).where(is_own, Agent.is_active.is_(False))


def select_page(
    statement: Select[Any],
    sort: str,
    *,
    organization_id: UUID,
    limit: int,
    offset: int = 0,
    narrowings: Sequence[Narrowing] | None = None,
) -> Select[Any]:
    """A part of a selection of the organization's agents, in the order of a word of `Sort`.

    `narrowings` is all that narrows the selection to some of the active agents, where nothing else
    does: then an index is read only as far as the page goes, instead of all that match being found
    and sorted.

    The ids are found and sorted first, so that no long row is read for nothing. The id is the
    last of an order, in the same direction, so that an index can give it.
    """
    name, direction = sort.removeprefix("-"), desc if sort.startswith("-") else asc
    row = next((kind.row for kind in contributions(AgentFigures) if name in kind.sorts), None)
    key: Any
    column: Any
    owner: Any
    is_there: Any
    if row is None:
        key, column = Agent.id, Agent.name_key if name == "name" else getattr(Agent, name)
        owner, is_there = Agent.organization_id, Agent.is_active
    else:
        key, column, owner = row.agent_id, getattr(row, name), row.organization_id
        # Not a join: for what few match, SQLite would read whole agents in the figures' order.
        matching = statement.with_only_columns(Agent.id)
        missing = select_deleted(organization_id)
        is_there = key.in_(matching) if narrowings is None else key.not_in(missing)
    if any(found.is_short for found in narrowings or ()):
        owner = not_by_index(owner)
    ids = select(key, column).where(owner == organization_id, is_there)
    ids = ids.where(*(found.includes(key, is_walk=True) for found in narrowings or ()))
    if row is None and narrowings is None:
        ids = statement.with_only_columns(key, column)
    # The index of filters and texts begins with `created_at`; other orders have their own.
    is_scan = row is None and narrowings is None and name != "created_at"
    order = not_by_index(column) if is_scan else column
    page = ids.order_by(direction(order), direction(key)).limit(limit).offset(offset).subquery()
    found_id, found_value = page.c
    rows = select(Agent).join(page, Agent.id == found_id)
    return rows.order_by(direction(found_value), direction(found_id))


def _sorts() -> list[str]:
    return [*OWN_SORTS, *(name for kind in contributions(AgentFigures) for name in kind.sorts)]


def _pattern() -> str:
    return rf"^-?({'|'.join(_sorts())})$"


def _check_sort(value: str) -> str:
    if value.removeprefix("-") not in _sorts():
        raise misshaped(f"one of {', '.join(_sorts())}; a minus before it turns the order round")
    return value


#: a word for the list's order, with a minus downwards
Sort = Annotated[
    str,
    AfterValidator(_check_sort),
    Field(json_schema_extra=lambda schema: schema.update(pattern=_pattern())),
]
