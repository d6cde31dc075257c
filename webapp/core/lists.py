"""One part of a list: which one is wanted, and what is there. Services answer with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DEFAULT_LIMIT = 50


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
