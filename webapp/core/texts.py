"""Lists that are searched by any part of their texts, without a look at each of these.

A feature has a table of `SearchedText`, one row for each thing that its list shows, with the text
as `fold` leaves it. Triggers keep the rows, and the index of the trigrams, which are all the three
letters that stand side by side: see migration 0039, and docs/adr/0016.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    column,
    func,
    literal_column,
    select,
    table,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import narrowing
from webapp.core.database.sql import not_by_index
from webapp.core.database.text import fold, like_pattern
from webapp.core.database.types import BigId
from webapp.core.extensions import Model, db
from webapp.core.narrowing import Narrowing

#: a shorter text is in no trigram, and is looked for in all texts
MIN_INDEXED = 3
#: what SQLite's tokenizer ends a text at, or takes for another
UNKNOWN_TO_TOKENIZER = frozenset("\0\ufffd\ufffe\uffff")
#: what an index is called, behind the table's name: on SQLite a table
INDEX = "_trigrams"


class SearchedText(Model):
    """A text by which one thing is found, the row of the same organization with `subject_id`.

    On SQLite the ids of an organization stand together, so that its part of the index is asked;
    and where rows have more columns, an index of `id + 0` and these is read in their place.
    """

    __abstract__ = True

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    organization_id: Mapped[UUID] = mapped_column(index=True)
    subject_id: Mapped[UUID] = mapped_column(unique=True)
    text: Mapped[str]


class Sought(Narrowing):
    """The things whose text holds what is sought, whatever its case; all of them are listed.

    Only those whose row of texts meets `conditions`, where there are any.
    """

    is_dear = True

    def __init__(
        self,
        row: type[SearchedText],
        sought: str,
        organization_id: UUID,
        conditions: Sequence[ColumnElement[bool]] = (),
    ) -> None:
        self._row, self._sought, self._owner = row, fold(sought), organization_id
        self.conditions = conditions
        self._pattern = like_pattern(self._sought)
        ids = self._select(row.subject_id)
        if not self._is_indexed:
            # All texts are read: once, where these are all that there are.
            some = db.session.scalars(ids.limit(narrowing.FEW + 1)).all()
            if len(some) <= narrowing.FEW:
                found = select(row.subject_id).where(row.subject_id.in_(some))
                super().__init__(found, total=len(some))
                return
        total = db.session.scalar(self._select(func.count(), counts=True)) or 0
        super().__init__(ids, total=total)

    @property
    def _is_indexed(self) -> bool:
        is_known = not UNKNOWN_TO_TOKENIZER & set(self._sought)
        return is_known and len(self._sought) >= MIN_INDEXED

    def includes(self, key: Any, *, is_walk: bool = False) -> ColumnElement[bool]:
        if not (self.is_long and is_walk):
            contained: ColumnElement[bool] = key.in_(self.ids)
            return contained
        # Each one's own text is looked at, which no database takes for a list of all that match.
        is_own = self._row.subject_id == key
        own = select(self._row.text).where(is_own, *self.conditions).scalar_subquery()
        return own.like(self._pattern, escape="\\")

    def _select(self, what: Any, *, counts: bool = False) -> Select[Any]:
        row, is_sqlite = self._row, db.engine.dialect.name == "sqlite"
        is_own: ColumnElement[bool] = row.organization_id == self._owner
        holds = row.text.like(self._pattern, escape="\\")
        if not self._is_indexed:
            found = self._is_in_range(row.id, is_own), holds
            return select(what).select_from(row).where(*found, *self.conditions)
        if not is_sqlite:
            trigrams = func.trigrams(row.text).op("@>")(func.trigrams(self._sought))
            # So asked, no index of the organization is taken instead of that of the trigrams.
            is_own = row.organization_id.is_not_distinct_from(self._owner)
            return select(what).select_from(row).where(is_own, trigrams, holds, *self.conditions)
        name = row.__tablename__ + INDEX
        index = table(name, column("rowid", BigInteger), column(name))
        phrase = '"' + self._sought.replace('"', '""') + '"'
        matched = index.c[name].op("MATCH")(phrase), self._is_in_range(index.c.rowid, is_own)
        if counts and not self.conditions:
            return select(what).select_from(index).where(*matched)
        # So the index of the rows' short columns is taken, instead of the long rows.
        key = row.id + literal_column("0") if self.conditions else row.id
        joined = index.join(row, key == not_by_index(index.c.rowid))
        return select(what).select_from(joined).where(*matched, is_own, *self.conditions)

    def _is_in_range(self, key: Any, is_own: ColumnElement[bool]) -> ColumnElement[bool]:
        """SQLite's ids of the organization, of which it may have none."""
        if db.engine.dialect.name != "sqlite":
            return is_own
        ends = func.min(self._row.id), func.max(self._row.id)
        first, last = (select(end).where(is_own).scalar_subquery() for end in ends)
        ids: ColumnElement[bool] = key.between(func.coalesce(first, 0), func.coalesce(last, -1))
        return ids


def owns(name: str) -> bool:
    """Whether a table, or an index, is one of trigrams, which migrations alone describe."""
    return INDEX in name
