"""The list's query language and its SQL: `code model:gpt-4 "exact words" status:published`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, or_, select

from webapp.agents import facets, figures
from webapp.agents.models import MAX_KEY, Agent, AgentText
from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.references import is_below
from webapp.agents.schemas import AgentFilter, AgentQuery
from webapp.core.actor import Actor
from webapp.core.database.sql import begins_with, list_contains
from webapp.core.database.text import beginnings, fold, like_pattern
from webapp.core.errors import Forbidden
from webapp.core.extensions import db
from webapp.core.narrowing import Narrowing, count_by_few
from webapp.core.texts import Sought

QUALIFIERS = ("model", "tool", "modality", "status")
#: what finds the paused ones: it is no status of a release, and people type it as one
PAUSED = (("status", "paused"), ("is", "paused"))
#: what has the columns that the list is filtered by
Filtered = type[Agent] | type[AgentText]
_TOKEN = re.compile(r'(?:(\w+):)?(?:"([^"]*)"|(\S+))')


@dataclass
class Terms:
    """What a person typed: plain text, and the values after each qualifier."""

    text: str = ""
    qualified: list[tuple[str, str]] = field(default_factory=list)
    is_paused: bool = False


def parse(q: str) -> Terms:
    """Take the qualifiers out of `q`; what is left, and unknown qualifiers, is plain text."""
    terms, words = Terms(), []
    for match in _TOKEN.finditer(q):
        name, quoted, word = match.groups()
        value = word if quoted is None else quoted
        if (name, value.lower()) in PAUSED:
            terms.is_paused = True
        elif name in QUALIFIERS:
            terms.qualified.append((name, value))
        elif quoted is not None and name is None:
            words.append(quoted)
        else:
            words.append(match.group())
    terms.text = " ".join(words)
    return terms


def seek_text(query: AgentFilter, *, actor: Actor, has_all: bool = False) -> Sought | None:
    """The active agents that hold the plain text of `q`; None where there is none, or all count.

    With `has_all` only those that match, unless `count_with_text` finds these sooner.
    """
    text = parse(query.q).text.strip()
    if not text or query.include_deleted:
        return None
    owner, conditions = actor.organization_id, []
    if has_all:
        conditions = _conditions(query, owner, AgentText) + figures.conditions_of_texts(query)
    if not conditions:
        return Sought(AgentText, text, owner)
    # SQLite counts many texts by their index alone, without the rows.
    if db.engine.dialect.name == "sqlite" and _is_few(query, actor):
        sought = Sought(AgentText, text, owner)
        if sought.is_long:
            return sought
    return Sought(AgentText, text, owner, conditions)


def _is_few(query: AgentFilter, actor: Actor) -> bool:
    """Whether only facets are asked for, of which few agents have one, or all but few."""
    if _has_more_than_facets(query, actor):
        return False
    found = facets.narrow(_facets(query), actor.organization_id)
    return any(not of.is_long or (of.rest and not of.rest().is_long) for of in found or ())


def is_in_one_index(query: AgentQuery, sought: Sought | None) -> bool:
    """Whether many that hold a text are met in the list's own order with all they are filtered by.

    SQLite's index of the list has texts and filters, but for figures, behind the time.
    """
    if not sought or query.sort.lstrip("-") != "created_at" or figures.conditions_of_texts(query):
        return False
    return _is_met(sought) and bool(sought.conditions or db.engine.dialect.name == "sqlite")


def _is_met(sought: Sought) -> bool:
    """Whether agents are soon met in the list's order, and not gathered by all texts once more."""
    return not sought.is_short if sought.conditions else sought.is_long


def select_agents(query: AgentFilter, *, actor: Actor, sought: Sought | None = None) -> Select[Any]:
    """The agents of the actor's organization that match, in no order yet.

    `sought` is what `seek_text` has found, where that is known: few are looked up, of many each
    text is looked at, with all else in one index.
    """
    if query.include_deleted and not actor.may(AGENTS_WRITE):
        raise Forbidden("Only an admin sees deleted agents.")
    statement = select(Agent).where(Agent.organization_id == actor.organization_id)
    if not query.include_deleted:
        statement = statement.where(Agent.is_active)
    sought = sought or seek_text(query, actor=actor)
    if sought and not _is_met(sought):
        statement = statement.where(sought.includes(Agent.id))
    elif text := parse(query.q).text.strip():
        statement = statement.where(matches_text(text))
    owner = actor.organization_id
    return statement.where(*_conditions(query, owner), *figures.conditions(query, owner))


def narrow_agents(
    query: AgentFilter, *, actor: Actor, sought: Sought | None
) -> list[Narrowing] | None:
    """What `select_agents` selects of the active agents, by facets, figures and texts.

    None where it selects by something else as well, or deleted agents too.
    """
    if sought and sought.conditions:
        return [sought]
    if query.include_deleted or _other_conditions(query, actor.organization_id):
        return None
    found = facets.narrow(_facets(query), actor.organization_id)
    if found is None:
        return None
    found += figures.narrow(query, actor.organization_id)
    return [*found, sought] if sought else found


def count_with_text(query: AgentFilter, *, actor: Actor, sought: Sought) -> int | None:
    """How many `select_agents` selects, where few agents have to be looked at for it; else None."""
    if _has_more_than_facets(query, actor):
        return None
    found = facets.narrow(_facets(query), actor.organization_id)
    return count_by_few([*found, sought]) if found else None


def select_names(actor: Actor) -> Select[UUID, str, str]:
    """Id, name and handle of each of the organization's agents, in no order yet."""
    is_own = Agent.organization_id == actor.organization_id
    return select(Agent.id, Agent.name, Agent.handle).where(is_own, Agent.is_active)


def select_called(typed: str, *, actor: Actor) -> list[Select[UUID, str, str]]:
    """Those with this handle, and those whose names begin so: an index finds each of the two."""
    names = select_names(actor)
    begin_so = or_(*(begins_with(Agent.name_key, key) for key in beginnings(typed, MAX_KEY)))
    return [names.where(Agent.handle == fold(typed)), names.where(begin_so)]


def select_described(typed: str, among: int, *, actor: Actor) -> Select[UUID]:
    """The ids of those of the newest `among` agents that hold `typed`, as `matches_text` says."""
    newest = (
        select(Agent.id, Agent.search_text)
        .where(Agent.organization_id == actor.organization_id, Agent.is_active)
        .order_by(Agent.created_at.desc(), Agent.id)
        .limit(among)
        .subquery()
    )
    is_described = newest.c.search_text.like(like_pattern(fold(typed)), escape="\\")
    return select(newest.c.id).where(is_described)


def matches_text(text: str) -> ColumnElement[bool]:
    """Agents that hold `text` in name, handle or description, whatever its case."""
    return Agent.search_text.like(like_pattern(fold(text)), escape="\\")


def _facets(query: AgentFilter) -> list[tuple[str, str, bool]]:
    """Name and word of each facet that is asked for, and whether the word may be a part of it.

    While it is being typed, a word matches the beginning of what it may become.
    """
    given = [(name, getattr(query, name), False) for name in ("status", "modality", "tool")]
    typed = [(name, word, name != "tool") for name, word in parse(query.q).qualified]
    return typed + [facet for facet in given if facet[1]]


def _has_more_than_facets(query: AgentFilter, actor: Actor) -> bool:
    others = _other_conditions(query, actor.organization_id)
    return bool(others or figures.conditions_of_texts(query))


def _conditions(
    query: AgentFilter, organization_id: UUID, of: Filtered = Agent
) -> list[ColumnElement[bool]]:
    others = _other_conditions(query, organization_id, of)
    return [*others, *(_has_facet(of, *facet) for facet in _facets(query))]


def _other_conditions(
    query: AgentFilter, organization_id: UUID, of: Filtered = Agent
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if parse(query.q).is_paused:
        conditions.append(of.paused.is_(True))
    if query.active is not None:
        conditions.append(of.paused.is_(not query.active))
    if query.is_sub is not None:
        conditions.append(of.parent.is_not(None) if query.is_sub else of.parent.is_(None))
    if query.parent is not None:
        conditions.append(is_below(query.parent, organization_id, of))
    return conditions


def _has_facet(of: Filtered, name: str, word: str, is_part: bool) -> ColumnElement[bool]:
    if name == "tool":
        return list_contains(of.__table__.c.tools, word)
    if name == "model":
        return of.model_key.like(like_pattern(fold(word)), escape="\\")
    column: ColumnElement[str] = getattr(of, name)
    return column.startswith(word.lower(), autoescape=True) if is_part else column == word
