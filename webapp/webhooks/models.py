from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import clock
from webapp.core.database import OrderedJson
from webapp.core.extensions import Model


class Status(StrEnum):
    """The last two are final."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(Model):
    """One message to a webhook, and what came of it."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (Index(None, "organization_id", "created_at"), Index(None, "completed_at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    url: Mapped[str] = mapped_column(String(2000))
    payload: Mapped[dict[str, Any]] = mapped_column(OrderedJson)
    status: Mapped[str] = mapped_column(String(20), default=Status.PENDING.value)
    attempts: Mapped[int] = mapped_column(default=0)
    response_status: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    completed_at: Mapped[datetime | None]

    def end(self, status: Status, at: datetime) -> None:
        self.status, self.completed_at = status.value, at
