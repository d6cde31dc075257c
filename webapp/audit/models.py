from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import clock
from webapp.core.actor import split_name
from webapp.core.database.types import BigId
from webapp.core.extensions import Model


class AuditEntry(Model):
    """One change: the actor as named at the time, the action, and what it was done to."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "organization_id", "id"), Index(None, "created_at"))

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

    # How many entries it stands for where a list shows an act on many things as one.
    together = 1

    @property
    def actor(self) -> str:
        """Who it was: of an API key, the person whose it is."""
        return split_name(self.actor_name)[1]

    @property
    def key_name(self) -> str | None:
        """The name of the API key, where one was used."""
        return split_name(self.actor_name)[0] if self.actor_kind == "api_key" else None

    @property
    def is_of_many(self) -> bool:
        """Whether it is one of many that one request made in one act."""
        return bool(self.request_id and self.detail.get("bulk"))

    def is_of_act(self, other: AuditEntry) -> bool:
        """Whether the same one did the same in the same request."""
        own = (self.request_id, self.actor_name, self.action, self.subject_type)
        return own == (other.request_id, other.actor_name, other.action, other.subject_type)
