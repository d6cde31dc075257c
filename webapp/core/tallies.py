"""How many rows there are of a kind, and with each value: what lists need not count row by row.

Triggers of the database keep it (migration 0035), so that it is true in every transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import String, func, select
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.database.types import BigId
from webapp.core.extensions import Model, db


class Tally(Model):
    """A part of how many rows of a kind ("document.status") have a value, also below zero.

    On PostgreSQL every statement adds one, so that no writer waits for another; some bring those
    together that are there. SQLite has one writer and one part.
    """

    __tablename__ = "tallies"
    __table_args__ = {"sqlite_with_rowid": False}

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(255), primary_key=True)
    part: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    count: Mapped[int]


def total(kind: str, organization_id: UUID, values: Iterable[str] | None = None) -> int:
    """How many of the organization's rows have one of these values, or any."""
    statement = select(func.sum(Tally.count)).where(
        Tally.organization_id == organization_id, Tally.kind == kind
    )
    if values is not None:
        statement = statement.where(Tally.value.in_(list(values)))
    return int(db.session.scalar(statement) or 0)
