from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import clock
from webapp.core.errors import Conflict
from webapp.core.extensions import Model
from webapp.engine.runs import Runnable


class Status(StrEnum):
    """The last three are final."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Task(Runnable, Model):
    """One piece of background work; `result` is its counters.

    See docs/contract/knowledge.md, tasks.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        Index(None, "organization_id", "created_at"),
        Index(None, "completed_at"),
        Index(None, "retry_of"),
    )

    id: Mapped[str] = mapped_column(String(41), primary_key=True, default=lambda: f"task-{uuid4()}")
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    agent_id: Mapped[UUID | None]
    task_type: Mapped[str] = mapped_column(String(50))
    title: Mapped[str] = mapped_column(String(300))
    status: Mapped[str] = mapped_column(String(20), default=Status.PENDING.value)
    input: Mapped[dict[str, Any]] = mapped_column(default=dict)
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    error: Mapped[str | None]
    progress_percent: Mapped[float] = mapped_column(default=0.0)
    retry_of: Mapped[str | None] = mapped_column(String(41))
    webhook_url: Mapped[str | None] = mapped_column(String(2000))
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]

    @property
    def task_id(self) -> str:
        return self.id

    @property
    def is_finished(self) -> bool:
        return self.status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)

    @property
    def is_retryable(self) -> bool:
        return self.status in (Status.FAILED, Status.CANCELLED)

    def begin(self, at: datetime) -> None:
        """Go to work, for the first time or again."""
        self.status = Status.RUNNING.value
        self.begin_run()
        self.started_at = self.started_at or at

    def request_cancel(self, at: datetime) -> None:
        """End a pending task at once; a running one stops after its present batch."""
        if self.is_finished:
            raise Conflict(f"Task {self.id} is already {self.status}.", code="task_finished")
        self.cancellation_requested = True
        if self.status == Status.PENDING:
            self.end(Status.CANCELLED, at)

    def end(self, status: Status, at: datetime, error: str | None = None) -> None:
        """Reach a final status; it never changes again."""
        if self.is_finished:
            raise Conflict(f"Task {self.id} is already {self.status}.", code="task_finished")
        self.status, self.completed_at, self.error = status.value, at, error
        if status == Status.COMPLETED:
            self.progress_percent = 100.0
