"""What the database is asked, and how it means to find it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import event

from webapp.core.extensions import db


class Statement(NamedTuple):
    """As the driver gets it."""

    text: str
    values: Any


@contextmanager
def noted() -> Iterator[list[Statement]]:
    """The statements that the database is given inside."""
    statements: list[Statement] = []

    def note(_connection: Any, _cursor: Any, text: str, values: Any, *_others: Any) -> None:
        statements.append(Statement(text, values))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def plan_of(statement: Statement) -> list[str]:
    """The steps by which the database finds what a statement asks for."""
    explain = "EXPLAIN QUERY PLAN" if db.engine.dialect.name == "sqlite" else "EXPLAIN"
    with db.engine.connect() as connection:
        said = connection.exec_driver_sql(f"{explain} {statement.text}", statement.values)
        return [str(row[-1]) for row in said]
