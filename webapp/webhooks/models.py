from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.core import clock
from webapp.core.database.types import OrderedJson
from webapp.core.extensions import Model

#: seconds between the attempts to reach a webhook: it may be away for most of a day
PAUSES = (1.0, 2.0, 30.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0)
#: between those to reach an address that a request or an agent names (docs/contract, webhook)
NAMED_PAUSES = PAUSES[:2]


class Webhook(Model):
    """An address that is told of the events it wants; of all of them where it names none."""

    __tablename__ = "webhooks"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), index=True)
    url: Mapped[str] = mapped_column(String(2000))
    description: Mapped[str] = mapped_column(String(300), default="")
    events: Mapped[list[str]] = mapped_column(default=list)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    @property
    def name(self) -> str:
        """Fit for everybody's eyes: the rest of an address is often a secret."""
        return self.description or urlsplit(self.url).netloc

    def wants(self, event: str) -> bool:
        return self.is_active and (not self.events or event in self.events)


class WebhookSecret(Model):
    """What messages are signed with: a webhook's own, or, where there is none, the organization's.

    The organization's signs what goes to addresses that a request or an agent names by itself.
    While a secret is being changed there are two; the older one has an end.
    """

    __tablename__ = "webhook_secrets"
    __table_args__ = (Index(None, "organization_id", "webhook_id"), Index(None, "expires_at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    webhook_id: Mapped[UUID | None] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    sealed: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime | None]


class Status(StrEnum):
    """The last two are final."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(Model):
    """One message to a webhook, and what came of it."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index(None, "organization_id", "created_at"),
        Index(None, "webhook_id", "created_at"),
        Index(None, "completed_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    webhook_id: Mapped[UUID | None]
    url: Mapped[str] = mapped_column(String(2000))
    payload: Mapped[dict[str, Any]] = mapped_column(OrderedJson)
    status: Mapped[str] = mapped_column(String(20), default=Status.PENDING.value)
    attempts: Mapped[int] = mapped_column(default=0)
    #: how many attempts there had been when somebody last sent it again
    attempts_before: Mapped[int] = mapped_column(default=0)
    #: how many jobs there have been for it besides the first; none of them has another's key
    later_jobs: Mapped[int] = mapped_column(default=0)
    response_status: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    next_attempt_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    attempt_log: Mapped[list[Attempt]] = relationship(
        order_by="Attempt.number",
        lazy="selectin",
        cascade="all, delete-orphan",
        passive_deletes=True,
    )

    @property
    def about(self) -> str:
        """The event, or the task whose end is told."""
        for key in ("type", "event", "task_id"):
            if key in self.payload:
                return str(self.payload[key])
        return ""

    @property
    def pauses(self) -> tuple[float, ...]:
        """The seconds between its attempts, of which there is one more than these."""
        return PAUSES if self.webhook_id else NAMED_PAUSES

    @property
    def pause(self) -> float | None:
        """The seconds from the last attempt to the next; None where there is to be no other."""
        tried = self.attempts - self.attempts_before
        return self.pauses[tried - 1] if tried <= len(self.pauses) else None

    @property
    def is_due(self) -> bool:
        """Whether it has not ended, and waits for no pause between two attempts."""
        return self.status == Status.PENDING and self.next_attempt_at is None

    @property
    def job_key(self) -> str:
        """Names the job that makes the attempts; each time it is sent again there is a new one."""
        return f"webhook-{self.id}" + (f"-{self.later_jobs}" if self.later_jobs else "")

    def send_again(self) -> None:
        """Let it wait for a first attempt, and for as many as at the beginning."""
        self.status, self.attempts_before = Status.PENDING.value, self.attempts
        self.later_jobs += 1
        self.completed_at = self.next_attempt_at = None

    def end(self, status: Status, at: datetime) -> None:
        self.status, self.completed_at, self.next_attempt_at = status.value, at, None


class Attempt(Model):
    """One try to deliver a message; without an end where its worker died."""

    __tablename__ = "webhook_attempts"

    delivery_id: Mapped[UUID] = mapped_column(
        ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(default=clock.now)
    ended_at: Mapped[datetime | None]
    response_status: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(300))

    @property
    def duration_ms(self) -> int | None:
        if self.ended_at is None:
            return None
        return round((self.ended_at - self.started_at).total_seconds() * 1000)
