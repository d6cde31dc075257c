"""What happens to executions inside of somebody else's transaction, who commits it."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from webapp import engine
from webapp.core import clock, live
from webapp.core.extensions import db
from webapp.core.settings import get_settings
from webapp.executions.failures import Failure
from webapp.executions.models import Execution, ExecutionUsage, Level, LogLine
from webapp.tasks.models import Status
from webapp.webhooks import changes as webhooks

#: of one log line, in characters
MAX_MESSAGE = 8_000
MAX_STEP = 100
#: of its metadata, as JSON
MAX_FIELDS = 16_000
#: how soon those that a limit holds back are looked at again, should nobody have told them
LOOK_AGAIN_SECONDS = 20
#: of an output that a webhook is told
MAX_TOLD = 64_000


def enqueue(execution: Execution, *, seconds: float | None = None) -> None:
    """Add the job that runs it, after some time where it waits for another try."""
    engine.enqueue(
        db.session(),
        "execution",
        key=execution.job_key,
        arguments={"execution_id": str(execution.id)},
        priority=execution.priority,
        delay_seconds=seconds,
    )


def look_again(agent_id: UUID) -> None:
    """Let a job find out, some time from now, whether something still holds them back."""
    engine.enqueue_debounced(
        db.session(),
        "held_executions",
        {"agent_id": str(agent_id)},
        seconds=LOOK_AGAIN_SECONDS,
    )


def announce(execution: Execution, *, is_listed: bool = True) -> None:
    """Tell who follows it, and who has it in a list where that shows what has changed."""
    live.announce(f"execution:{execution.id}", execution.organization_id)
    if is_listed:
        live.announce("executions:all", execution.organization_id)


def log(execution: Execution, level: Level, message: str, *, step: str = "", **fields: Any) -> None:
    """Add a line of our own to its log; these are few, and no limit keeps them out."""
    _add_line(execution, level, step, message, fields)


def log_line(
    execution: Execution, level: Level, step: str, message: str, fields: dict[str, Any]
) -> None:
    """Add a line of the runner's, redacted already, as long as the log has room for it."""
    settings = get_settings()
    is_full = execution.log_count >= settings.log_lines or execution.log_bytes >= settings.log_bytes
    if is_full:
        execution.dropped_logs += 1
        if execution.dropped_logs == 1:
            _add_line(execution, Level.WARN, "", "The log is full; further lines are left out.", {})
        return
    _add_line(execution, level, step, message, fields)


def end_execution(
    execution: Execution,
    status: Status,
    message: str,
    *,
    output: Any = None,
    failure: Failure | None = None,
    **fields: Any,
) -> None:
    """Bring a locked execution to its end: the status, the one closing line, who is told."""
    execution.end(status, clock.now())
    execution.output = output
    if failure is not None:
        execution.error, execution.error_code = failure.as_json(), failure.code
    if execution.dropped_logs:
        fields["lines_left_out"] = execution.dropped_logs
    level = Level.ERROR if status == Status.FAILED else Level.INFO
    fields |= {"status": status.value, "execution_time_ms": execution.execution_time_ms}
    _add_line(execution, level, "end", message, fields)
    db.session.add(ExecutionUsage.of(execution))
    announce(execution)
    webhooks.publish(execution.organization_id, f"execution.{status}", _told(execution))


def _add_line(
    execution: Execution, level: Level, step: str, message: str, fields: dict[str, Any]
) -> None:
    message, fields, size = _fit(message, fields)
    db.session.add(
        LogLine(
            execution_id=execution.id,
            sequence=execution.next_sequence(),
            organization_id=execution.organization_id,
            level=level.value,
            step=step[:MAX_STEP],
            message=message,
            fields=fields,
            at=clock.now(),
        )
    )
    execution.log_count += 1
    execution.log_bytes += size


def _fit(message: str, fields: dict[str, Any]) -> tuple[str, dict[str, Any], int]:
    """A line within its bounds, and about how many bytes it takes."""
    if len(message) > MAX_MESSAGE:
        message = f"{message[:MAX_MESSAGE]}… ({len(message):,} characters)"
    written = json.dumps(fields, ensure_ascii=False) if fields else ""
    if len(written) > MAX_FIELDS:
        fields = {"cut": written[:MAX_FIELDS], "characters": len(written)}
        written = written[:MAX_FIELDS]
    return message, fields, len(message.encode()) + len(written.encode()) + 100


def _told(execution: Execution) -> dict[str, Any]:
    """What a webhook is told of an end; a long output is left to whoever asks for it."""
    output = execution.output
    is_long = output is not None and len(json.dumps(output)) > MAX_TOLD
    return {
        "execution_id": str(execution.id),
        "agent_id": str(execution.agent_id),
        "agent_version": execution.agent_version,
        "status": execution.status,
        "output": None if is_long else output,
        "error": execution.error,
        "retry_of": str(execution.retry_of) if execution.retry_of else None,
        "usage": execution.usage,
        "completed_at": clock.iso(execution.completed_at) if execution.completed_at else None,
    }
