"""One part of a list: which one is wanted, and what is there. Services answer with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Select, func

from webapp.core.extensions import db

DEFAULT_LIMIT, MAX_LIMIT = 50, 100
#: no list is as long
MAX_OFFSET = 10**9

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


def count_all(statement: Select[Any]) -> int:
    """How many rows a selection has, without loading them."""
    counted = statement.with_only_columns(func.count(), maintain_column_froms=True)
    return db.session.scalar(counted.order_by(None)) or 0


def total_of(count: Callable[[], int], found: int, *, limit: int, offset: int = 0) -> int:
    """How many rows a selection has, of which a page has found so many; counts where it must."""
    is_last = found < limit and (found > 0 or offset == 0)
    return offset + found if is_last else count()
