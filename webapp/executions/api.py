"""`/executions` and `/agents/{agent_id}/execute` (docs/contract/executions.md)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, current_app, stream_with_context

from webapp.accounts.permissions import ORGANIZATION_WRITE
from webapp.agents.permissions import EXECUTIONS_RUN
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.core.http.problems import problem
from webapp.core.idempotency import Idempotency
from webapp.core.security import current_actor, requires
from webapp.executions import bulk, retention, services
from webapp.executions.live import follow_execution
from webapp.executions.logs import services as logs
from webapp.executions.logs.exporting import MEDIA_TYPES, Format, write_export
from webapp.executions.metrics.schemas import ExecutionMetrics, MetricsQuery
from webapp.executions.metrics.services import count_executions
from webapp.executions.models import Execution, Level
from webapp.executions.permissions import EXECUTIONS_READ
from webapp.executions.schemas import (
    AgentExecuteRequest,
    ExecuteRequest,
    ExecutionQuery,
    ExecutionResponse,
    ExecutionResult,
    ExecutionsBulkQuery,
    ExecutionsBulkResponse,
    ExecutionSelection,
    ExecutionsResponse,
    LogFile,
    LogQuery,
    LogResponse,
    RetentionRequest,
    RetentionResponse,
    RetryRequest,
    RetrySelection,
)

bp = APIBlueprint("executions_api", __name__, url_prefix="/api/v1", tag="Executions")

STREAM = {
    200: {
        "description": "Server-sent events: status, log, output, done; the ids grow",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'id: 1\nevent: log\ndata: {"level": "info", "message": "Started."}\n\n',
            }
        },
    },
    204: "It has ended, and the Last-Event-ID is that of its last event",
}
ACCEPTED = {
    200: {
        "description": "It has ended within `wait` seconds",
        "content": {"application/json": {"schema": ExecutionResponse}},
    },
    400: "A version or model that is not there",
    409: "It may not run, or the Idempotency-Key has come with something else",
}
LOG = {
    200: {
        "description": "The lines; with `format` all of them as a file",
        "content": {
            "application/json": {"schema": {"anyOf": [LogResponse, LogFile]}},
            MEDIA_TYPES["csv"]: {"schema": {"type": "string"}},
        },
    }
}


@bp.post("/agents/<agent_id>/execute")
@requires(EXECUTIONS_RUN)
@bp.input(ExecuteRequest, arg_name="body")
@bp.output(ExecutionResponse, 202)
@bp.doc(operation_id="agents.execute", responses=ACCEPTED)
def execute(agent_id: str, body: ExecuteRequest) -> Response:
    """Run an agent; an Idempotency-Key makes sure that it runs once"""
    return _execute(agent_id, body)


@bp.post("/executions")
@requires(EXECUTIONS_RUN)
@bp.input(AgentExecuteRequest, arg_name="body")
@bp.output(ExecutionResponse, 202)
@bp.doc(operation_id="executions.create", responses=ACCEPTED)
def create(body: AgentExecuteRequest) -> Response:
    """Run an agent, named in the body"""
    return _execute(body.agent_id, body)


@bp.get("/executions")
@requires(EXECUTIONS_READ)
@bp.input(ExecutionQuery, location="query", arg_name="query")
@bp.output(ExecutionsResponse)
@bp.doc(operation_id="executions.list")
def index(query: ExecutionQuery) -> dict[str, Any]:
    """Executions, newest first"""
    items, cursor = services.list_executions(query, actor=current_actor())
    return {"items": items, "next_cursor": cursor}


@bp.post("/executions/bulk/cancel")
@requires(EXECUTIONS_RUN)
@bp.input(ExecutionsBulkQuery, location="query", arg_name="query")
@bp.input(ExecutionSelection, arg_name="body")
@bp.output(ExecutionsBulkResponse)
@bp.doc(operation_id="executions.cancelMany", responses={409: "Too many match"})
def cancel_many(query: ExecutionsBulkQuery, body: ExecutionSelection) -> ExecutionsBulkResponse:
    """Stop many at once, by id or all that a filter finds"""
    return _many(bulk.cancel_executions(body, actor=current_actor(), is_dry_run=query.dry_run))


@bp.post("/executions/bulk/retry")
@requires(EXECUTIONS_RUN)
@bp.input(ExecutionsBulkQuery, location="query", arg_name="query")
@bp.input(RetrySelection, arg_name="body")
@bp.output(ExecutionsBulkResponse)
@bp.doc(operation_id="executions.retryMany", responses={409: "Too many match"})
def retry_many(query: ExecutionsBulkQuery, body: RetrySelection) -> ExecutionsBulkResponse:
    """Run the inputs of many again, each as a new execution; no Idempotency-Key is taken"""
    Idempotency.refuse(
        "An Idempotency-Key starts one execution, and this may start many.",
        suggestion="Retry each with a key of its own, or send this without one.",
    )
    return _many(
        bulk.retry_executions(
            body.selection,
            RetryRequest(version=body.version),
            actor=current_actor(),
            is_dry_run=query.dry_run,
        )
    )


@bp.get("/executions/metrics")
@requires(EXECUTIONS_READ)
@bp.input(MetricsQuery, location="query", arg_name="query")
@bp.output(ExecutionMetrics)
@bp.doc(operation_id="executions.metrics")
def metrics(query: MetricsQuery) -> dict[str, Any]:
    """How executions ended, how long they took, what they cost; by agent, version, model and day"""
    return count_executions(query, actor=current_actor())


@bp.get("/executions/retention")
@requires(EXECUTIONS_READ)
@bp.output(RetentionResponse)
@bp.doc(operation_id="executions.getRetention")
def show_retention() -> retention.Kept:
    """How long executions and their logs are kept, and what is deleted next"""
    return retention.get_retention(actor=current_actor())


@bp.put("/executions/retention")
@requires(ORGANIZATION_WRITE)
@bp.input(ExecutionsBulkQuery, location="query", arg_name="query")
@bp.input(RetentionRequest, arg_name="body")
@bp.output(RetentionResponse)
@bp.doc(operation_id="executions.setRetention")
def set_retention(query: ExecutionsBulkQuery, body: RetentionRequest) -> retention.Kept:
    """Keep executions and their logs for so many days"""
    return retention.set_retention(body, actor=current_actor(), is_dry_run=query.dry_run)


@bp.get("/executions/<uuid:execution_id>")
@requires(EXECUTIONS_READ)
@bp.output(ExecutionResponse)
@bp.doc(operation_id="executions.get")
def show(execution_id: UUID) -> Execution:
    """One execution"""
    return services.get_execution(execution_id, actor=current_actor(), explained=True)


@bp.post("/executions/<uuid:execution_id>/cancel")
@requires(EXECUTIONS_RUN)
@bp.output(ExecutionResponse)
@bp.doc(operation_id="executions.cancel", responses={409: "It has ended already"})
def cancel(execution_id: UUID) -> Execution:
    """Stop an execution that waits or runs: it has ended when this is answered"""
    return services.cancel_execution(execution_id, actor=current_actor())


@bp.post("/executions/<uuid:execution_id>/retry")
@requires(EXECUTIONS_RUN)
@bp.input(RetryRequest, arg_name="body")
@bp.output(ExecutionResponse, 201)
@bp.doc(
    operation_id="executions.retry",
    responses={409: "It has not ended, or its version may not run any more"},
)
def retry(execution_id: UUID, body: RetryRequest) -> Response:
    """Run an ended execution's input again, as a new execution"""
    actor = current_actor()
    key = Idempotency.read(body.model_dump(), actor=actor)
    if key is not None and key.subject_id is not None:
        found = key.subject_id
    else:
        found = services.retry_execution(execution_id, body, actor=actor, idempotency=key).id
    return _answer(found, body.wait, actor, begun=201, ended=201)


@bp.get("/executions/<uuid:execution_id>/logs")
@requires(EXECUTIONS_READ)
@bp.input(LogQuery, location="query", arg_name="query")
@bp.doc(operation_id="executions.logs", responses=LOG)
def list_logs(execution_id: UUID, query: LogQuery) -> Response | dict[str, Any]:
    """The log of an execution, oldest line first"""
    actor = current_actor()
    if query.format is not None:
        execution = services.get_execution(execution_id, actor=actor)
        return export_response(execution, query.format, level=query.level, q=query.q)
    lines, cursor = logs.list_lines(
        execution_id,
        level=query.level,
        q=query.q,
        after=query.cursor or 0,
        limit=query.limit,
        actor=actor,
    )
    answer = LogResponse(items=lines, next_cursor=str(cursor) if cursor else None)
    return answer.model_dump(mode="json")


@bp.get("/executions/<uuid:execution_id>/stream")
@requires(EXECUTIONS_READ)
@bp.doc(operation_id="executions.stream", responses=STREAM)
def stream(execution_id: UUID) -> Response | tuple[str, int]:
    """Follow an execution as server-sent events, from a Last-Event-ID on"""
    actor, after = current_actor(), live.last_event_id()
    execution = services.get_execution(execution_id, actor=actor)
    if execution.is_finished and after > execution.sequence:
        return "", 204  # an EventSource asks no more
    change, groups = follow_execution(execution_id, after, actor=actor)
    events = (
        [live.Event(event.data, id=event.id, name=event.name) for event in group]
        for group in groups
    )
    return live.stream_response(events, change=change)


def _execute(reference: str, body: ExecuteRequest) -> Response:
    actor = current_actor()
    key = Idempotency.read(body.model_dump(), actor=actor)
    if key is not None and key.subject_id is not None:
        found = key.subject_id
    else:
        found = services.execute_agent(reference, body, actor=actor, idempotency=key).id
    return _answer(found, body.wait, actor, begun=202, ended=200)


def _many(results: list[bulk.BulkResult]) -> ExecutionsBulkResponse:
    return ExecutionsBulkResponse(
        results=[
            ExecutionResult(
                id=result.id,
                status=result.status,
                execution_id=result.made,
                problem=result.error
                and problem(
                    result.status,
                    result.error.message,
                    code=result.error.code,
                    errors=result.error.errors,
                    extras=result.error.extras,
                ),
            )
            for result in results
        ],
        matched=bulk.matched(results),
    )


def _answer(execution_id: UUID, wait: float, actor: Actor, *, begun: int, ended: int) -> Response:
    """The execution, when it has ended or the time is over; no thread waits for it."""
    until = time.monotonic() + wait

    def look() -> Iterator[Sequence[tuple[int, bytes]]]:
        while True:
            db.session.expire_all()
            execution = services.get_execution(execution_id, actor=actor, explained=True)
            is_late = time.monotonic() >= until
            if (execution.is_finished and wait) or is_late:
                status = ended if execution.is_finished and wait else begun
                body = ExecutionResponse.model_validate(execution).model_dump_json()
                yield [(status, body.encode())]
                return
            db.session.rollback()
            yield []

    change = actor.organization_id, f"execution:{execution_id}"
    return live.late_response(look(), change=change, seconds=wait)


def export_response(execution: Execution, kind: Format, *, level: Level | None, q: str) -> Response:
    """The log as a file, sent while it is read from the database."""
    pieces = write_export(kind, execution, level=level, q=q)
    body: Iterator[Any] = stream_with_context(pieces)
    response = current_app.response_class(body, mimetype=MEDIA_TYPES[kind])
    name = f"execution-{execution.id}-{clock.now():%Y-%m-%d}.{kind}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Cache-Control"] = "no-store"
    return response
