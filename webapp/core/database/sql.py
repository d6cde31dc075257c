"""SQL for columns of ids and lists, for either database, and what comes of reading them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Boolean, ColumnElement, Integer, String, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType

from webapp.core.database.types import UuidList


class uuid_digits(FunctionElement[str]):
    """A UUID column as text for `dashed`; in long lists UUID objects cost more than the query."""

    inherit_cache = True
    type = String()


@compiles(uuid_digits)
def _uuid_digits_sqlite(element: uuid_digits, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(uuid_digits, "postgresql")
def _uuid_digits_postgresql(element: uuid_digits, compiler: Any, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS TEXT)"


def split_uuids(joined: str | None) -> list[str]:
    """The texts of UUIDs that the database has joined by commas."""
    ids = joined.split(",") if joined else []
    return ids if "-" in (joined or "") else [dashed(digits) for digits in ids]


@lru_cache(65_536)
def dashed(digits: str) -> str:
    """The text of a UUID, from PostgreSQL's own text or SQLite's 32 digits."""
    if len(digits) == 36:
        return digits
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class is_among(FunctionElement[Any]):
    """SQL for "this UUID column is one of these", given as 32 digits each.

    It is one parameter, however many they are: the database is asked for thousands at once. A
    statement that is kept names the parameter, and is given what `joined` makes of the ids.
    """

    inherit_cache = True
    #: A Boolean would be compared with 1 on SQLite, which then looks at every row, past the index.
    type = NullType()

    def __init__(self, column: Any, ids: Iterable[str] | BindParameter[str]) -> None:
        parameter = ids if isinstance(ids, BindParameter) else literal(joined(ids), String)
        super().__init__(column, parameter)


def joined(ids: Iterable[str]) -> str:
    """Many ids as the one parameter of `is_among`."""
    return ",".join(ids)


@compiles(is_among)
def _is_among_sqlite(element: is_among, compiler: Any, **options: Any) -> str:
    column, ids = (compiler.process(clause, **options) for clause in element.clauses)
    listed = f"""'["' || replace({ids}, ',', '","') || '"]'"""
    return f"({column} IN (SELECT value FROM json_each({listed})))"  # noqa: S608 - compiled parts


@compiles(is_among, "postgresql")
def _is_among_postgresql(element: is_among, compiler: Any, **options: Any) -> str:
    column, ids = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} = ANY(CAST(string_to_array({ids}, ',') AS UUID[])))"


#: an item that stands in a JSON list as it is, between quotes; most are
PLAIN = re.compile(r"[A-Za-z0-9_.:/@-]+")


class list_contains(ColumnElement[bool]):
    """SQL for "this list column holds this item", on either database."""

    inherit_cache = False
    type = Boolean()

    def __init__(self, column: ColumnElement[Any], item: str) -> None:
        self.column, self.item = column, literal(item, String)
        self.is_plain = PLAIN.fullmatch(item) is not None


@compiles(list_contains, "postgresql")
def _list_contains_postgresql(element: list_contains, compiler: Any, **options: Any) -> str:
    item = compiler.process(element.item, **options)
    if isinstance(element.column.type, UuidList):
        item = f"CAST({item} AS UUID)"
    return f"({item} = ANY({compiler.process(element.column, **options)}))"


@compiles(list_contains)
def _list_contains_sqlite(element: list_contains, compiler: Any, **options: Any) -> str:
    column = compiler.process(element.column, **options)
    item = compiler.process(element.item, **options)
    if element.is_plain:
        # A quote inside of an item is written as \\", so that this can only be a whole item.
        return f"(instr({column}, '\"' || {item} || '\"') > 0)"
    return f"({item} IN (SELECT value FROM json_each({column})))"  # noqa: S608 - compiled parts


class list_length(ColumnElement[int]):
    """SQL for the number of items in a list column, on either database."""

    inherit_cache = False
    type = Integer()

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.column = column


@compiles(list_length, "postgresql")
def _list_length_postgresql(element: list_length, compiler: Any, **options: Any) -> str:
    return f"cardinality({compiler.process(element.column, **options)})"


@compiles(list_length)
def _list_length_sqlite(element: list_length, compiler: Any, **options: Any) -> str:
    return f"json_array_length({compiler.process(element.column, **options)})"


class not_by_index(FunctionElement[Any]):
    """SQL for a column by which SQLite shall sort and not search.

    Where few rows match, it would take them in the order of an index, and look at each whole row.
    PostgreSQL, which knows how many match, chooses by itself.
    """

    inherit_cache = True

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(not_by_index)
def _not_by_index_sqlite(element: not_by_index, compiler: Any, **options: Any) -> str:
    return f"+{compiler.process(element.clauses, **options)}"


@compiles(not_by_index, "postgresql")
def _not_by_index_postgresql(element: not_by_index, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


class begins_with(FunctionElement[Any]):
    """SQL for "this column begins so", letter for letter, which an index answers.

    PostgreSQL's has the column with `text_pattern_ops`: others are in the order of a language.
    """

    inherit_cache = True
    type = NullType()

    def __init__(self, column: Any, beginning: str) -> None:
        # No character comes after this one, and in UTF-8 neither.
        end = beginning + chr(sys.maxunicode)
        super().__init__(column, literal(beginning, String), literal(end, String))


@compiles(begins_with)
def _begins_with_sqlite(element: begins_with, compiler: Any, **options: Any) -> str:
    column, first, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} >= {first} AND {column} < {end})"


@compiles(begins_with, "postgresql")
def _begins_with_postgresql(element: begins_with, compiler: Any, **options: Any) -> str:
    column, first, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} ~>=~ {first} AND {column} ~<~ {end})"
