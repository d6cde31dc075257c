from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field

from webapp.core.schemas import RequestModel, ResponseModel
from webapp.webhooks.urls import check_url

Url = Annotated[str, AfterValidator(check_url), Field(examples=["https://example.com/hook"])]
Events = Annotated[
    list[str],
    Field(
        max_length=100,
        description="The events to tell of; none means all.",
        examples=[["task.failed"]],
    ),
]
Description = Annotated[str, Field(max_length=300, examples=["on-call channel"])]


class WebhookRequest(RequestModel):
    url: Url
    events: Events = []
    description: Description = ""
    is_active: bool = True


class WebhookChanges(RequestModel):
    url: Url = ""
    events: Events = []
    description: Description = ""
    is_active: bool = True


class WebhookResponse(ResponseModel):
    id: UUID
    url: str
    events: list[str]
    description: str
    is_active: bool
    created_at: datetime


class NewWebhookResponse(WebhookResponse):
    secret: str = Field(description="What messages are signed with; it is shown this once.")


class SecretRequest(RequestModel):
    overlap_hours: float = Field(
        24, ge=0, le=168, description="For how long the secret before signs too.", examples=[24]
    )


class SecretResponse(ResponseModel):
    secret: str = Field(description="It is shown this once.")
    previous_until: datetime | None


class EventResponse(ResponseModel):
    name: str
    meaning: str


class AttemptResponse(ResponseModel):
    number: int
    started_at: datetime
    duration_ms: int | None
    response_status: int | None
    error: str | None


class DeliveryResponse(ResponseModel):
    id: UUID
    webhook_id: UUID | None
    url: str
    payload: dict[str, Any]
    status: str
    attempts: list[AttemptResponse] = Field(validation_alias="attempt_log")
    created_at: datetime
    next_attempt_at: datetime | None = Field(
        description="When a pending message is tried again; none where an attempt is due."
    )
    completed_at: datetime | None
