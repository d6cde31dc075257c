"""The pages of executions: the list, one execution, an agent's; cancelled and run again."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, current_app, request

from webapp.agents import services as agents
from webapp.agents.permissions import EXECUTIONS_RUN
from webapp.core.actor import Actor
from webapp.core.errors import Unavailable
from webapp.core.security import current_actor, requires
from webapp.core.web import is_htmx, page, read_query, redirect_to
from webapp.executions import services, showing
from webapp.executions.api import export_response
from webapp.executions.logs import services as logs
from webapp.executions.metrics.schemas import MetricsQuery
from webapp.executions.metrics.services import count_executions
from webapp.executions.models import Execution, Level
from webapp.executions.permissions import EXECUTIONS_READ
from webapp.executions.schemas import (
    ExecutionQuery,
    LogExportQuery,
    LogPageQuery,
    RetryRequest,
)
from webapp.executions.services import TRIGGERS
from webapp.tasks.models import Status

bp = Blueprint("executions", __name__)


@bp.get("/executions")
@requires(EXECUTIONS_READ)
def index() -> Response:
    query = read_query(ExecutionQuery)
    return page(
        "executions/index.html", fragment="executions/_list.html", **_list(query, current_actor())
    )


@bp.get("/agents/<handle>/executions")
@requires(EXECUTIONS_READ)
def of_agent(handle: str) -> Response:
    """An agent's own executions."""
    actor = current_actor()
    agent = agents.get_agent(handle, actor=actor)
    query = read_query(ExecutionQuery).model_copy(update={"agent": str(agent.id)})
    return page(
        "executions/of_agent.html",
        fragment="executions/_list.html",
        agent=agent,
        figures=None if is_htmx() else _figures(str(agent.id), actor),
        **_list(query, actor),
    )


@bp.get("/executions/<uuid:execution_id>")
@requires(EXECUTIONS_READ)
def show(execution_id: UUID) -> Response:
    """One execution; its log has filters of its own."""
    actor, query = current_actor(), read_query(LogPageQuery)
    execution = services.get_execution(execution_id, actor=actor, explained=True)
    return page(
        "executions/show.html",
        fragment="executions/_log.html",
        query=query,
        levels=list(Level),
        log=showing.fit_lines(
            logs.latest_lines(execution, level=query.level, q=query.q, before=query.before)
        ),
        **showing.read_parts(execution),
    )


@bp.get("/executions/compare")
@requires(EXECUTIONS_READ)
def compare() -> Response:
    """Two executions side by side: the first two that `id` names."""
    actor = current_actor()
    ids = list(dict.fromkeys(request.args.getlist("id")))[:2]
    found = [services.get_execution(key, actor=actor) for key in ids]
    return page("executions/compare.html", sides=[showing.read_side(item) for item in found])


@bp.get("/executions/<uuid:execution_id>/output")
@requires(EXECUTIONS_READ)
def output(execution_id: UUID) -> Response:
    """The whole output as a text, or as JSON where it is structured."""
    execution = services.get_execution(execution_id, actor=current_actor())
    text = showing.text_of(execution.output)
    if text is None:
        return _file(json.dumps(execution.output, ensure_ascii=False, indent=2), "json", execution)
    return _file(text, "txt", execution)


@bp.get("/executions/<uuid:execution_id>/log")
@requires(EXECUTIONS_READ)
def export(execution_id: UUID) -> Response:
    """The lines of the log that the page's filters show, as a file."""
    query = read_query(LogExportQuery)
    execution = services.get_execution(execution_id, actor=current_actor())
    return export_response(execution, query.format, level=query.level, q=query.q)


@bp.post("/executions/<uuid:execution_id>/cancellation")
@requires(EXECUTIONS_RUN)
def cancel(execution_id: UUID) -> Response:
    services.cancel_execution(execution_id, actor=current_actor())
    return redirect_to("executions.show", execution_id=execution_id, message="Cancelled.")


@bp.post("/executions/<uuid:execution_id>/retrial")
@requires(EXECUTIONS_RUN)
def retry(execution_id: UUID) -> Response:
    """Run the same version on the same input again."""
    execution = services.retry_execution(execution_id, RetryRequest(), actor=current_actor())
    return redirect_to("executions.show", execution_id=execution.id)


def _figures(agent_id: str, actor: Actor) -> dict[str, Any] | None:
    """What an agent's executions of late came to; None where there are none, or too many."""
    try:
        figures = count_executions(MetricsQuery(agent=agent_id), actor=actor)
    except Unavailable:
        return None
    return figures if figures["executions"]["total"] else None


def _list(query: ExecutionQuery, actor: Actor) -> dict[str, Any]:
    executions, cursor = services.list_executions(query, actor=actor)
    return {
        "executions": executions,
        "cursor": cursor,
        "agents_by_id": services.agents_of(executions),
        "query": query,
        "filters": query.model_dump(
            mode="json", by_alias=True, exclude_defaults=True, exclude={"limit", "cursor"}
        ),
        "statuses": list(Status),
        "triggers": TRIGGERS,
        "title_of": showing.title_of,
    }


def _file(text: str, ending: str, execution: Execution) -> Response:
    kind = "application/json" if ending == "json" else "text/plain; charset=utf-8"
    response = current_app.response_class(text, mimetype=kind.split(";")[0])
    name = f"execution-{execution.id}.{ending}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Cache-Control"] = "no-store"
    return response
