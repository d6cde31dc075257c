"""A list that is narrowed to what another table finds: a topic's documents, agents with a tool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from webapp.core.extensions import db

#: so few rows are looked up one by one, with their long texts, sooner than a list is read
FEW = 100
#: with so many rows, a page is full before a list of them all were made
MANY = 5000


class Narrowing:
    """Ids that a list is narrowed to and that another table finds; may hold an id twice.

    Few of them are looked up. Of many, a page soon has enough on its way through the list, so that
    not all are gathered for it.

    ids       selects them
    total     how many they are, each once, where that is known
    is_whole  the list has all of them
    found     as many as were found: `total`, or else at most one more than `MANY`
    rest      finds all other ids of the list; None where nothing does
    """

    #: whether a look at one row costs much, as that at a text does
    is_dear = False

    def __init__(
        self,
        ids: Select[Any],
        *,
        total: int | None = None,
        is_whole: bool = False,
        rest: Callable[[], Narrowing] | None = None,
    ) -> None:
        self.ids, self.total, self.rest = ids, total, rest
        self.is_whole = is_whole or total is not None
        self.found = _count_some(ids) if total is None else total
        self.is_short, self.is_long = self.found <= FEW, self.found > MANY

    def includes(self, key: Any, *, is_walk: bool = False) -> ColumnElement[bool]:
        """That an id of the list is one of them.

        `is_walk` where the list is read in its order, until a page is full.
        """
        if not (self.is_long and is_walk):
            contained: ColumnElement[bool] = key.in_(self.ids)
            return contained
        found = self.ids.subquery()
        [column] = found.c
        return select(column).where(column == key).exists()

    def count(self) -> int:
        """How many they are, each once."""
        if self.total is not None:
            return self.total
        [column] = self.ids.selected_columns
        counted = self.ids.with_only_columns(func.count(column.distinct()))
        return db.session.scalar(counted) or 0


def count_common(narrowings: Sequence[Narrowing]) -> int | None:
    """How many ids all of these have; None where one may have ids that the list has not.

    Those of the fewest are looked up in the others, and texts in none where there are many.
    """
    if not all(found.is_whole for found in narrowings):
        return None
    first = min(narrowings, key=lambda found: (found.is_long, not found.is_dear, found.found))
    [key] = first.ids.selected_columns
    others = (found.includes(key, is_walk=True) for found in narrowings if found is not first)
    counted = first.ids.where(*others).with_only_columns(func.count(key.distinct()))
    return db.session.scalar(counted) or 0


def count_by_few(narrowings: Sequence[Narrowing]) -> int | None:
    """How many ids all of these have, where few have to be looked at for it; else None.

    They are few where one has few; or where the list has few besides those of one, and then they
    are taken off: of green and round things there are as many as of round ones, less those that are
    round and not green.
    """
    if len(narrowings) == 1:
        return narrowings[0].total
    if not all(found.is_long for found in narrowings):
        return count_common(narrowings)
    for found in narrowings:
        rest = found.rest() if found.rest else None
        if rest and not rest.is_long:
            others = [other for other in narrowings if other is not found]
            among, without = count_by_few(others), count_common([*others, rest])
            return None if among is None or without is None else among - without
    return None


def _count_some(ids: Select[Any]) -> int:
    """How many rows a select finds, counted no further than one beyond `MANY`."""
    some = ids.limit(MANY + 1).subquery()
    return db.session.scalar(select(func.count()).select_from(some)) or 0
