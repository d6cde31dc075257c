"""A list that is narrowed to what another table finds: a topic's documents, agents with a tool."""

from __future__ import annotations

from collections.abc import Sequence
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
    not all are gathered for it. `is_whole` where the list has them all, and `total` is then how
    many they are, each once, where that is known.
    """

    #: whether a look at one row costs much, as that at a text does
    is_dear = False

    def __init__(
        self, ids: Select[Any], *, total: int | None = None, is_whole: bool = False
    ) -> None:
        self.ids, self.total, found = ids, total, total
        self.is_whole = is_whole or total is not None
        if found is None:
            some = ids.limit(MANY + 1).subquery()
            found = db.session.scalar(select(func.count()).select_from(some)) or 0
        self.is_short, self.is_long = found <= FEW, found > MANY

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
    if any(found.total is None for found in narrowings):
        return None
    first = min(narrowings, key=lambda found: (found.is_long, not found.is_dear, found.total))
    [key] = first.ids.selected_columns
    others = (found.includes(key, is_walk=True) for found in narrowings if found is not first)
    counted = first.ids.where(*others).with_only_columns(func.count(key.distinct()))
    return db.session.scalar(counted) or 0
