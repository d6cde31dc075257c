from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from webapp.core.api import Answer
from webapp.tasks.models import Status


class TaskAnswer(Answer):
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
