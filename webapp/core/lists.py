"""One part of a list: which one is wanted, and what is there. Services answer with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement, Select, func, select

from webapp.core.extensions import db

DEFAULT_LIMIT, MAX_LIMIT = 50, 100
#: no list is as long
MAX_OFFSET = 10**9
#: so few rows are looked up one by one, with their long texts, sooner than a list is read
FEW = 100
#: with so many rows, a page is full before a list of them all were made
MANY = 5000

#: how many rows a request asks for, and after how many
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]
Offset = Annotated[int, Field(ge=0, le=MAX_OFFSET)]


@dataclass(frozen=True)
class Paging:
    """Which part of a list the caller wants: `limit` rows after `offset`."""

    limit: int = DEFAULT_LIMIT
    offset: int = 0


@dataclass(frozen=True)
class Page:
    """One part of a list with what is needed to lead to the others."""

    items: list[Any]
    total: int
    limit: int
    offset: int

    @classmethod
    def of_all(cls, items: list[Any]) -> Page:
        """A list that is short by nature, whole."""
        return cls(items, len(items), max(len(items), 1), 0)

    @property
    def first(self) -> int:
        """The place of its first item in the whole list, from 1; 0 where it is empty."""
        return self.offset + 1 if self.items else 0

    @property
    def last(self) -> int:
        return self.offset + len(self.items)

    @property
    def prev_offset(self) -> int | None:
        """Where the part before begins; None at the beginning."""
        return max(self.offset - self.limit, 0) if self.offset else None

    @property
    def next_offset(self) -> int | None:
        """Where the part after begins; None at the end."""
        return self.offset + self.limit if self.last < self.total else None


class Chosen:
    """Ids by which a list is narrowed and that another table finds; may hold an id twice.

    Few of them are looked up. Of many, a page soon has enough on its way through the list, so that
    not all are gathered for it. `are_listed` says that the list has them all.
    """

    def __init__(self, ids: Select[Any], *, are_listed: bool = False) -> None:
        self.ids, self.are_listed = ids, are_listed
        some = ids.limit(MANY + 1).subquery()
        found = db.session.scalar(select(func.count()).select_from(some)) or 0
        self.are_few, self.are_many = found <= FEW, found > MANY

    def include(self, key: Any, *, on_the_way: bool = False) -> ColumnElement[bool]:
        """That an id of the list is one of them; `on_the_way` where the list is in its order."""
        if not (self.are_many and on_the_way):
            contained: ColumnElement[bool] = key.in_(self.ids)
            return contained
        found = self.ids.subquery()
        [column] = found.c
        return select(column).where(column == key).exists()

    def count(self) -> int:
        """How many they are, each once."""
        [column] = self.ids.selected_columns
        counted = self.ids.with_only_columns(func.count(column.distinct()))
        return db.session.scalar(counted) or 0


def count_all(statement: Select[Any]) -> int:
    """How many rows a selection has, without loading them."""
    counted = statement.with_only_columns(func.count(), maintain_column_froms=True)
    return db.session.scalar(counted.order_by(None)) or 0


def total_of(count: Callable[[], int], found: int, *, limit: int, offset: int = 0) -> int:
    """How many rows a selection has, of which a page has found so many; counts where it must."""
    is_last = found < limit and (found > 0 or offset == 0)
    return offset + found if is_last else count()
