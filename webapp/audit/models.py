from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import clock
from webapp.core.actor import split_name
from webapp.core.database.types import BigId
from webapp.core.extensions import Model


class AuditEntry(Model):
    """One change: the actor as named at the time, the action, and what it was done to."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index(None, "organization_id", "id"),
        Index(None, "created_at"),
        Index(
            "ix_audit_entries_acts",
            *("organization_id", "id"),
            postgresql_where=text("first_id IS NULL"),
            sqlite_where=text("first_id IS NULL"),
        ),
        Index(
            None,
            *("first_id", "id"),
            postgresql_where=text("first_id IS NOT NULL"),
            sqlite_where=text("first_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    actor_kind: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str] = mapped_column(String(320))
    action: Mapped[str] = mapped_column(String(60))
    subject_type: Mapped[str] = mapped_column(String(60))
    subject_id: Mapped[str] = mapped_column(String(64))
    subject_name: Mapped[str] = mapped_column(String(300))
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    request_id: Mapped[str | None] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    # The first entry of the same change of many things, of which it is a further one. No foreign
    # key: old entries are forgotten in any order.
    first_id: Mapped[int | None] = mapped_column(BigId)

    # How many entries it stands for where a list shows a change of many things as one.
    together = 1
    # The newest of them, where that is another one.
    last_id = 0

    @property
    def actor(self) -> str:
        """Who it was: of an API key, the person whose it is."""
        return split_name(self.actor_name)[1]

    @property
    def key_name(self) -> str | None:
        """The name of the API key, where one was used."""
        return split_name(self.actor_name)[0] if self.actor_kind == "api_key" else None

    @property
    def act_id(self) -> int:
        """The same of all entries of one change of many things."""
        return self.first_id or self.id
