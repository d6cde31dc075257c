from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import clock
from webapp.core.database.types import BigId, OrderedJson
from webapp.core.errors import Conflict
from webapp.core.extensions import Model
from webapp.core.ids import uuid7
from webapp.engine.runs import Runnable
from webapp.tasks.models import Status

DEFAULT_PRIORITY = 5


ENDED = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


class Waiting(StrEnum):
    """Why a pending execution does not run; the first two are found out when somebody asks."""

    QUEUE = "queue"
    WORKER = "worker"
    AGENT_PAUSED = "agent_paused"
    AGENT_LIMIT = "agent_limit"
    RETRY = "retry"
    APPROVAL = "approval"


_REASONS = {
    Waiting.QUEUE: "It waits for its turn.",
    Waiting.WORKER: "No worker is running.",
    Waiting.AGENT_PAUSED: "Its agent is paused; it begins when the agent is resumed.",
    Waiting.AGENT_LIMIT: "As many executions of its agent are running as may at once.",
    Waiting.RETRY: "It is tried again.",
    Waiting.APPROVAL: "Somebody has to approve a call of a tool.",
}


class Level(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"

    @property
    def and_above(self) -> list[str]:
        """This level and those that are more serious."""
        levels = [str(level) for level in Level]
        return levels[levels.index(self) :]


_HAS_CHUNKS = text("has_chunks")
_HAS_LOGS = text("log_count > 0")
_IS_HELD = text("waiting_for IS NOT NULL")


class Execution(Runnable, Model):
    """One run of an agent on one input; see docs/contract/executions.md.

    Ids grow with the time, and so does a list by them. `sequence` numbers all that streams tell of
    it: log lines, pieces of output, changes of the status, of which `status_sequence` is the last.
    `attempt` counts the tries that the retry policy makes, `attempts` those that workers make of
    one. `job_number` says which of its jobs is the one that runs it; earlier ones do nothing.

    `waiting_for` is kept where something other than the queue holds a pending one back.
    """

    __tablename__ = "executions"
    __table_args__ = (
        Index(None, "organization_id", "id"),
        Index(None, "organization_id", "agent_id", "id"),
        Index(None, "organization_id", "status", "id"),
        Index(
            "ix_executions_project",
            *("organization_id", "project_id", "id"),
            sqlite_where=text("project_id IS NOT NULL"),
            postgresql_where=text("project_id IS NOT NULL"),
        ),
        Index(
            "ix_executions_trigger",
            *("organization_id", "trigger", "id"),
            sqlite_where=text("trigger <> 'api'"),
            postgresql_where=text("trigger <> 'api'"),
        ),
        Index(None, "organization_id", "completed_at"),
        Index(
            "ix_executions_logs",
            *("organization_id", "completed_at"),
            sqlite_where=_HAS_LOGS,
            postgresql_where=_HAS_LOGS,
        ),
        Index("ix_executions_held", "agent_id", sqlite_where=_IS_HELD, postgresql_where=_IS_HELD),
        Index(
            "ix_executions_chunks",
            "completed_at",
            sqlite_where=_HAS_CHUNKS,
            postgresql_where=_HAS_CHUNKS,
        ),
        Index(
            "ix_executions_retry_of",
            "retry_of",
            sqlite_where=text("retry_of IS NOT NULL"),
            postgresql_where=text("retry_of IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    agent_version: Mapped[int]
    release: Mapped[str | None] = mapped_column(String(64))
    environment: Mapped[str | None] = mapped_column(String(20))
    model: Mapped[str] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(20), default=Status.PENDING.value)
    input: Mapped[dict[str, Any]] = mapped_column(OrderedJson)
    output: Mapped[Any | None] = mapped_column(OrderedJson)
    error: Mapped[dict[str, Any] | None] = mapped_column(OrderedJson)
    error_code: Mapped[str | None] = mapped_column(String(64))
    attempt: Mapped[int] = mapped_column(default=1)
    retry_of: Mapped[UUID | None]
    trigger: Mapped[str] = mapped_column(String(20), default="api")
    project_id: Mapped[str | None] = mapped_column(String(255))
    conversation_id: Mapped[str | None] = mapped_column(String(255))
    priority: Mapped[int] = mapped_column(default=DEFAULT_PRIORITY)
    time_limit_seconds: Mapped[float]
    created_by: Mapped[str] = mapped_column(String(320))
    worker: Mapped[str | None] = mapped_column(String(300))
    waiting_for: Mapped[str | None] = mapped_column(String(30))
    waiting_since: Mapped[datetime | None]
    resume_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    #: what its runs have taken until now, waiting left out
    execution_time_ms: Mapped[int] = mapped_column(default=0)
    cpu_time_ms: Mapped[int] = mapped_column(default=0)
    memory_peak_mb: Mapped[float] = mapped_column(default=0.0)
    model_requests: Mapped[int] = mapped_column(BigId, default=0)
    input_tokens: Mapped[int] = mapped_column(BigId, default=0)
    output_tokens: Mapped[int] = mapped_column(BigId, default=0)
    cost_usd: Mapped[float | None]
    sequence: Mapped[int] = mapped_column(default=0)
    status_sequence: Mapped[int] = mapped_column(default=0)
    step_count: Mapped[int] = mapped_column(default=0)
    log_count: Mapped[int] = mapped_column(default=0)
    log_bytes: Mapped[int] = mapped_column(default=0)
    dropped_logs: Mapped[int] = mapped_column(default=0)
    has_chunks: Mapped[bool] = mapped_column(default=False)
    job_number: Mapped[int] = mapped_column(default=0)
    search_text: Mapped[str] = mapped_column(default="")

    # What `waiting.explain` has found out of one that waits for its turn.
    found_waiting = cast("Waiting | None", None)
    queue_position = cast("int | None", None)

    @property
    def name(self) -> str:
        """What the audit calls it."""
        return str(self.id)

    @property
    def job_key(self) -> str:
        """The job that runs it, or will."""
        return f"execution-{self.id}-{self.job_number}"

    @property
    def is_finished(self) -> bool:
        return self.status in ENDED

    @property
    def usage(self) -> dict[str, Any]:
        """What it took, as the API says it; a cost that nobody knows is none."""
        names = ("cpu_time_ms", "memory_peak_mb", "model_requests", "input_tokens")
        values = {name: getattr(self, name) for name in names}
        return values | {"output_tokens": self.output_tokens, "cost_usd": self.cost_usd}

    @property
    def waits_for(self) -> str | None:
        """Why it does not run, as far as that is known; None where it need not."""
        if self.status != Status.PENDING:
            return None
        return self.waiting_for or self.found_waiting

    @property
    def place_in_queue(self) -> int | None:
        """How many are before it and itself, as far as somebody has asked."""
        return self.queue_position if self.waits_for == Waiting.QUEUE else None

    @property
    def waits_since(self) -> datetime | None:
        if self.status != Status.PENDING:
            return None
        return self.waiting_since or self.created_at

    @property
    def waits_because(self) -> str | None:
        """Why it does not run, in a sentence."""
        if self.waits_for is None:
            return None
        if self.place_in_queue:
            return f"It is number {self.place_in_queue} in the queue."
        if self.waits_for == Waiting.RETRY and self.resume_at:
            return f"Try {self.attempt} begins at {self.resume_at:%H:%M:%S} UTC."
        return _REASONS[Waiting(self.waits_for)]

    @property
    def remaining_seconds(self) -> float:
        """How much of its timeout is left; what runs have taken before counts."""
        return self.time_limit_seconds - self.execution_time_ms / 1000

    def next_sequence(self) -> int:
        """The number of the next thing that streams tell of it."""
        self.sequence += 1
        return self.sequence

    def begin(self, at: datetime, worker: str | None) -> None:
        """A worker goes to work, for the first time or again; the row is locked."""
        self.begin_run()
        self.waiting_for = self.waiting_since = self.resume_at = None
        self.worker = worker
        self.started_at = self.started_at or at
        self._become(Status.RUNNING)

    def wait(self, reason: Waiting, at: datetime, *, until: datetime | None = None) -> None:
        """Go back to, or stay among, those that do not run; no job is behind it from here on."""
        if self.is_finished:
            raise self._has_ended()
        self.waiting_for, self.waiting_since, self.resume_at = reason.value, at, until
        self.worker = None
        self._become(Status.PENDING)

    def release_from_wait(self, at: datetime) -> None:
        """Nothing but the queue holds it back any more; the caller adds the job."""
        self.waiting_for, self.waiting_since, self.resume_at = None, at, None
        self.job_number += 1

    def try_again(self, at: datetime, *, seconds: float) -> None:
        """Wait for the next try that the retry policy makes; the caller adds the job."""
        self.wait(Waiting.RETRY, at, until=at + timedelta(seconds=seconds))
        self.attempt += 1
        self.attempts = 0
        self.job_number += 1

    def end(self, status: Status, at: datetime) -> None:
        """Reach a final status; it never changes again. Conflict where it has one."""
        if self.is_finished:
            raise self._has_ended()
        # Not before it began, also where the clock has been set back meanwhile.
        self.completed_at = max(at, self.started_at or self.created_at)
        self.waiting_for = self.waiting_since = self.resume_at = None
        self._become(status)

    def _become(self, status: Status) -> None:
        if self.status != status:
            self.status = status.value
            self.status_sequence = self.next_sequence()

    def _has_ended(self) -> Conflict:
        return Conflict(
            f"Execution {self.id} has already {self._words}.",
            code="execution_finished",
            suggestions=["Retry it, which makes a new execution."],
        )

    @property
    def _words(self) -> str:
        return "been cancelled" if self.status == Status.CANCELLED else str(self.status)


class LogLine(Model):
    """One line of an execution's log."""

    __tablename__ = "execution_logs"
    __table_args__ = {"sqlite_with_rowid": False}

    execution_id: Mapped[UUID] = mapped_column(
        ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True
    )
    sequence: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(default=clock.now)
    level: Mapped[str] = mapped_column(String(5))
    step: Mapped[str] = mapped_column(String(100), default="")
    message: Mapped[str]
    fields: Mapped[dict[str, Any]] = mapped_column("metadata", OrderedJson, default=dict)

    @property
    def id(self) -> int:
        return self.sequence


class OutputChunk(Model):
    """A piece of an execution's output, for those who watch it grow.

    None stands where the next try, or worker, begins the output anew. They go some
    minutes after the end: the execution has the output.
    """

    __tablename__ = "execution_chunks"
    __table_args__ = {"sqlite_with_rowid": False}

    execution_id: Mapped[UUID] = mapped_column(
        ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True
    )
    sequence: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str | None]


class ExecutionStep(Model):
    """A model's answer or a tool's result, kept before it is used, so that it is paid for once."""

    __tablename__ = "execution_steps"
    __table_args__ = {"sqlite_with_rowid": False}

    execution_id: Mapped[UUID] = mapped_column(
        ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    call_id: Mapped[str] = mapped_column(String(255), default="")
    content: Mapped[Any] = mapped_column(OrderedJson)
    at: Mapped[datetime] = mapped_column(default=clock.now)


class ExecutionRetention(Model):
    """How many days an organization keeps its executions, and their logs; None: as everybody."""

    __tablename__ = "execution_retention"

    organization_id: Mapped[UUID] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True
    )
    execution_days: Mapped[int | None]
    log_days: Mapped[int | None]


class ExecutionUsage(Model):
    """What one execution came to and took, written with its end and kept when that is forgotten.

    Rows are short and stand in the order of time, so that figures of a month are read at once.
    """

    __tablename__ = "execution_usage"
    __table_args__ = {"sqlite_with_rowid": False}

    organization_id: Mapped[UUID] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True
    )
    completed_at: Mapped[datetime] = mapped_column(primary_key=True)
    execution_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID]
    agent_version: Mapped[int]
    model: Mapped[str] = mapped_column(String(255))
    trigger: Mapped[str] = mapped_column(String(20))
    project_id: Mapped[str | None] = mapped_column(String(255))
    created_by: Mapped[str] = mapped_column(String(320))
    status: Mapped[str] = mapped_column(String(20))
    error_code: Mapped[str | None] = mapped_column(String(64))
    execution_time_ms: Mapped[int]
    cpu_time_ms: Mapped[int]
    model_requests: Mapped[int] = mapped_column(BigId)
    input_tokens: Mapped[int] = mapped_column(BigId)
    output_tokens: Mapped[int] = mapped_column(BigId)
    cost_usd: Mapped[float | None]

    @classmethod
    def of(cls, execution: Execution) -> ExecutionUsage:
        """That of an execution which has ended."""
        own = {"execution_id"}
        names = [column.key for column in cls.__table__.columns if column.key not in own]
        return cls(execution_id=execution.id, **{name: getattr(execution, name) for name in names})
