"""What executions look like from outside, and what one says to start them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    BeforeValidator,
    Field,
    StrictInt,
    StringConstraints,
    model_validator,
)

from webapp.agents.models import MAX_VERSION, Environment
from webapp.core.lists import DEFAULT_LIMIT, Limit
from webapp.core.schemas import FirstMoment, LastMoment, Query, RequestModel, ResponseModel
from webapp.executions.models import DEFAULT_PRIORITY, Level
from webapp.executions.policy import MAX_TIMEOUT_SECONDS
from webapp.tasks.models import Status

MAX_WAIT_SECONDS = 60
MAX_PROMPT = 200_000

Reference = Annotated[str, Field(min_length=1, max_length=255)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=255, strip_whitespace=True)]


def _uuid_of_text(value: Any) -> Any:
    """A query string has only text, which no strict type reads."""
    try:
        return UUID(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError("must be the `next_cursor` of an answer") from error


Cursor = Annotated[UUID | None, BeforeValidator(_uuid_of_text)]


class ExecuteRequest(RequestModel):
    """What an agent is to do; `version` is a number or a semver, else production's release."""

    model_config = {"json_schema_extra": {"examples": [{"input": "What is our returns policy?"}]}}

    input: Annotated[str, Field(max_length=MAX_PROMPT)] | dict[str, Any] = Field(
        description='A text is `{"prompt": …}`; held to the agent\'s input_schema'
    )
    environment: Environment | None = None
    version: Annotated[StrictInt, Field(ge=1, le=MAX_VERSION)] | Label | None = Field(
        None, description="A version's number, or the semver of a release"
    )
    project_id: Label | None = None
    conversation_id: Label | None = None
    priority: int = Field(DEFAULT_PRIORITY, ge=1, le=9, description="1 is first")
    timeout_seconds: float | None = Field(None, gt=0, le=MAX_TIMEOUT_SECONDS)
    wait: float = Field(
        0, ge=0, le=MAX_WAIT_SECONDS, description="Seconds to wait for the end: then it is 200"
    )

    @model_validator(mode="after")
    def _says_one(self) -> ExecuteRequest:
        if self.environment is not None and self.version is not None:
            raise ValueError("give either environment or version")
        return self


class AgentExecuteRequest(ExecuteRequest):
    """The same, with the agent that is to do it."""

    model_config = {
        "json_schema_extra": {"examples": [{"agent_id": "helper", "input": {"city": "Bonn"}}]}
    }

    agent_id: Reference = Field(description="UUID or handle")


class Rerun(StrEnum):
    """Which version a retry runs."""

    SAME = "same"
    NEWEST = "newest"


class RetryRequest(RequestModel):
    """Which version the new execution runs, and how long the answer waits for its end."""

    model_config = {"json_schema_extra": {"examples": [{"version": "newest"}]}}

    version: Rerun = Field(
        Rerun.SAME, description="`newest`: what a new execution of the agent would run"
    )
    wait: float = Field(0, ge=0, le=MAX_WAIT_SECONDS)


class ExecutionFilter(Query):
    """Which executions: the list's filters without its page."""

    agent: str | None = Field(None, max_length=255, description="UUID or handle")
    status: Status | None = None
    since: FirstMoment = Field(
        None, alias="from", description="Begun to wait at or after it; a day from its beginning"
    )
    until: LastMoment = Field(
        None, alias="to", description="Begun to wait at or before it; a day to its end"
    )
    trigger: str | None = Field(None, max_length=20, examples=["api"])
    project: str | None = Field(None, max_length=255)
    q: str = Field("", max_length=255, description="Part of the input, the project or the id")

    @property
    def is_filtered(self) -> bool:
        return any(getattr(self, name) not in (None, "") for name in ExecutionFilter.model_fields)


class ExecutionQuery(ExecutionFilter):
    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor = Field(None, description="The `next_cursor` of the answer before")


class StrictExecutionFilter(ExecutionFilter):
    """The list's filters; a misspelt one would otherwise select every execution."""

    model_config = {"extra": "forbid"}


class ExecutionSelection(RequestModel):
    """Executions by id, or all that the list's filters find."""

    model_config = {"json_schema_extra": {"examples": [{"filter": {"status": "pending"}}]}}

    ids: list[UUID] | None = Field(None, max_length=1000)
    filter: StrictExecutionFilter | None = None

    @model_validator(mode="after")
    def _says_which(self) -> ExecutionSelection:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("give either ids or filter")
        return self


class RetrySelection(ExecutionSelection):
    """Which executions, and which version the new ones run."""

    model_config = {
        "json_schema_extra": {"examples": [{"filter": {"status": "failed"}, "version": "newest"}]}
    }

    version: Rerun = Rerun.SAME

    @property
    def selection(self) -> ExecutionSelection:
        return ExecutionSelection(ids=self.ids, filter=self.filter)


class ExecutionsBulkQuery(Query):
    dry_run: bool = Field(False, description="Say what would happen, and change nothing")


class ExecutionResult(ResponseModel):
    id: UUID
    status: int = Field(description="What a request for this one alone would have answered")
    execution_id: UUID | None = Field(None, description="The new one, of one that was retried")
    problem: dict[str, Any] | None = None


class ExecutionsBulkResponse(ResponseModel):
    results: list[ExecutionResult]
    matched: int


class ErrorResponse(ResponseModel):
    code: str = Field(examples=["execution_timeout"])
    message: str
    suggestions: list[str]


class UsageResponse(ResponseModel):
    cpu_time_ms: int
    memory_peak_mb: float
    model_requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = Field(description="Null where nobody knows the model's price")


class ExecutionResponse(ResponseModel):
    id: UUID
    agent_id: UUID
    agent_version: int
    release: str | None = Field(description="The semver, where the version is a release")
    environment: str | None
    model: str
    status: Status
    input: dict[str, Any]
    output: Any | None = Field(
        description="As the agent's output_schema has it; without one `{text, citations}`"
    )
    error: ErrorResponse | None
    attempt: int = Field(description="Tries that the retry policy has made, from 1")
    retry_of: UUID | None
    trigger: str
    project_id: str | None
    conversation_id: str | None
    priority: int
    timeout_seconds: float = Field(validation_alias="time_limit_seconds")
    created_by: str
    worker: str | None
    waiting_for: str | None = Field(
        validation_alias="waits_for",
        description="Why a pending one does not run: queue, worker, agent_paused, agent_limit, "
        "retry, approval",
    )
    waiting_since: datetime | None = Field(validation_alias="waits_since")
    waiting_reason: str | None = Field(
        validation_alias="waits_because", description="The same in a sentence"
    )
    queue_position: int | None = Field(
        None,
        validation_alias="place_in_queue",
        description="From 1, of one that waits for nothing but its turn; asked for one only",
    )
    resume_at: datetime | None = Field(description="When the next try begins at the earliest")
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    execution_time_ms: int = Field(description="Without waiting")
    usage: UsageResponse


class ExecutionsResponse(ResponseModel):
    items: list[ExecutionResponse]
    next_cursor: UUID | None = Field(description="Null at the end of the list")


class LogQuery(Query):
    """The log's filters and page, oldest line first."""

    level: Level | None = Field(None, description="Lines of this level and of those above it")
    q: str = Field("", max_length=255, description="Part of the message, the step or the metadata")
    limit: int = Field(100, ge=1, le=1000)
    cursor: int | None = Field(None, ge=0, le=2**31 - 1, description="The `next_cursor` before")
    format: Literal["json", "csv"] | None = Field(
        None, description="Download all matching lines as a file"
    )


class LogFilter(Query):
    level: Level | None = None
    q: str = Field("", max_length=255)


class LogPageQuery(LogFilter):
    """The page's part of a log: the newest lines, or those before one."""

    before: int | None = Field(None, ge=1, le=2**31 - 1)


class LogExportQuery(LogFilter):
    format: Literal["json", "csv"] = "json"


class LogLineResponse(ResponseModel):
    id: int
    timestamp: datetime = Field(validation_alias="at")
    level: Level
    step: str
    message: str
    metadata: dict[str, Any] = Field(validation_alias="fields")


class LogResponse(ResponseModel):
    items: list[LogLineResponse]
    next_cursor: str | None = Field(description="Null at the end of what there is")


class ExportedLine(ResponseModel):
    timestamp: datetime
    level: Level
    step: str
    message: str
    metadata: dict[str, Any]


class LogSummary(ResponseModel):
    totalLogs: int
    errorCount: int
    warnCount: int
    executionTime: int = Field(description="Milliseconds")


class LogFile(ResponseModel):
    """The log as a file, with `format=json`."""

    executionId: UUID
    logs: list[ExportedLine]
    summary: LogSummary


class RetentionRequest(RequestModel):
    """How long an organization keeps its executions and their logs; null: as everybody here."""

    model_config = {"json_schema_extra": {"examples": [{"execution_days": 365, "log_days": 14}]}}

    execution_days: int | None = Field(None, ge=1, le=36_500)
    log_days: int | None = Field(None, ge=1, le=36_500)


class RetentionResponse(ResponseModel):
    execution_days: int
    log_days: int = Field(description="At most as long as the executions")
    own_execution_days: int | None = Field(description="Null: as everybody here")
    own_log_days: int | None
    executions: int = Field(description="How many have served their time and are deleted next")
    log_lines: int
    log_bytes: int
