from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from webapp.core.lists import DEFAULT_LIMIT, Limit, Offset
from webapp.core.schemas import RequestModel, ResponseModel
from webapp.tasks.models import Status


class TaskQuery(RequestModel):
    """The list's filters and page."""

    model_config = {"extra": "ignore"}

    status: Status | None = None
    task_type: str | None = Field(None, max_length=50, examples=["document_import"])
    agent_id: UUID | None = None
    limit: Limit = DEFAULT_LIMIT
    offset: Offset = 0

    @property
    def is_filtered(self) -> bool:
        return bool(self.status or self.task_type or self.agent_id)


class TaskResponse(ResponseModel):
    task_id: str
    agent_id: UUID | None
    task_type: str
    title: str
    status: Status
    progress_percent: float
    cancellation_requested: bool
    retry_of: str | None
    webhook_url: str | None
    created_by: str
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    result: dict[str, Any]
    error: str | None


class TaskStarted(ResponseModel):
    """The task that does the work; `GET /tasks/{task_id}` follows it."""

    task_id: str
    task_type: str
    status: str
    title: str
    created_at: datetime
