"""What the metrics of executions look like, and what they are asked for."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from webapp.core.schemas import FirstMoment, LastMoment, Query, ResponseModel


class MetricsQuery(Query):
    """Of which executions: those that ended within a time, by default the last 30 days."""

    since: FirstMoment = Field(None, alias="from", description="A day counts from its beginning")
    until: LastMoment = Field(None, alias="to", description="A day counts to its end")
    agent: str | None = Field(None, max_length=255, description="UUID or handle")
    project: str | None = Field(None, max_length=255)
    model: str | None = Field(None, max_length=255)
    trigger: str | None = Field(None, max_length=20)


class Outcomes(ResponseModel):
    total: int
    successful: int
    failed: int
    cancelled: int
    successRate: float | None = Field(
        description="Of those that were not cancelled, 0 to 1; null where there are none"
    )


class Durations(ResponseModel):
    """Milliseconds of those that were successful; from a second on to three digits."""

    average: float | None
    median: float | None
    p95: float | None
    p99: float | None


class Resources(ResponseModel):
    cpu_time_ms: int
    model_requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: float = Field(description="Of those whose price is known")
    without_price: int = Field(description="How many have no known price")


class ErrorCount(ResponseModel):
    errorCode: str
    count: int
    percentage: float = Field(description="Of all that failed")
    lastOccurrence: datetime


class Figures(ResponseModel):
    executions: Outcomes
    performance: Durations
    resources: Resources


class AgentMetrics(Figures):
    agent_id: UUID
    handle: str | None = Field(description="Null where the agent is no longer there")


class VersionMetrics(Figures):
    agent_id: UUID
    version: int


class ModelMetrics(Figures):
    model: str


class DayMetrics(Figures):
    day: date


class ExecutionMetrics(Figures):
    since: datetime
    until: datetime
    errors: list[ErrorCount] = Field(description="The most frequent ones, at most ten")
    by_agent: list[AgentMetrics] = Field(description="Those with most executions, at most 100")
    by_version: list[VersionMetrics] = Field(description="The same of versions")
    by_model: list[ModelMetrics]
    by_day: list[DayMetrics] = Field(description="In UTC, oldest first; without days of none")
