"""`/agents/{agent_id}/coverage…` and `…/gaps` (docs/contract/knowledge.md)."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, current_app

from webapp.agents import services as agents
from webapp.core import clock
from webapp.core.security import current_actor, requires
from webapp.coverage import refresh as refreshing
from webapp.coverage import services, targets
from webapp.coverage.schemas import (
    CoverageResponse,
    GapQuery,
    GapsResponse,
    HistoryQuery,
    HistoryResponse,
    RefreshQuery,
    TargetsRequest,
)
from webapp.tasks.models import Task
from webapp.tasks.schemas import TaskResponse
from webapp.taxonomies.permissions import KNOWLEDGE_READ, KNOWLEDGE_WRITE

bp = APIBlueprint("coverage_api", __name__, url_prefix="/api/v1/agents/<agent_id>", tag="Coverage")


@bp.get("/coverage")
@requires(KNOWLEDGE_READ)
@bp.output(CoverageResponse)
@bp.doc(operation_id="coverage.get")
def show(agent_id: str) -> Response:
    """How much of its scope an agent's documents cover, as it is now"""
    coverage = services.get_coverage(agent_id, actor=current_actor())
    # Dumped by pydantic itself: for 3,000 topics the framework's output step doubles the time.
    return current_app.response_class(
        CoverageResponse.model_validate(coverage).model_dump_json(), mimetype="application/json"
    )


@bp.get("/gaps")
@requires(KNOWLEDGE_READ)
@bp.input(GapQuery, location="query", arg_name="query")
@bp.output(GapsResponse)
@bp.doc(operation_id="coverage.gaps")
def gaps(agent_id: str, query: GapQuery) -> dict[str, object]:
    """Topics below a share of their target, those that miss most first"""
    actor = current_actor()
    return {
        "agent_id": agents.get_agent(agent_id, actor=actor).id,
        "gaps": services.find_gaps(agent_id, query.threshold, actor=actor),
        "threshold": query.threshold,
        "detected_at": clock.now(),
    }


@bp.put("/coverage/targets")
@requires(KNOWLEDGE_WRITE)
@bp.input(TargetsRequest, arg_name="body")
@bp.output(CoverageResponse)
@bp.doc(operation_id="coverage.setTargets", responses=[400])
def set_targets(agent_id: str, body: TargetsRequest) -> services.Coverage:
    """Set how many documents an agent wants on topics"""
    return targets.set_targets(agent_id, body.root, actor=current_actor())


@bp.post("/coverage/refresh")
@requires(KNOWLEDGE_WRITE)
@bp.input(RefreshQuery, location="query", arg_name="query")
@bp.output(TaskResponse, 202, description="The task that measures; 200 where it has ended already")
@bp.doc(
    operation_id="coverage.refresh",
    responses={
        200: {
            "description": "The finished task, with `background=false`",
            "content": {"application/json": {"schema": TaskResponse}},
        }
    },
)
def refresh(agent_id: str, query: RefreshQuery) -> tuple[Task, int, dict[str, str]]:
    """Measure an agent's coverage and keep it in its history"""
    task = refreshing.start_refresh(
        agent_id,
        actor=current_actor(),
        is_background=query.background,
        webhook_url=query.webhook_url or None,
    )
    return task, 202 if query.background else 200, {"Location": f"/api/v1/tasks/{task.id}"}


@bp.get("/coverage/status/<task_id>")
@requires(KNOWLEDGE_READ)
@bp.output(TaskResponse)
@bp.doc(operation_id="coverage.status")
def status(agent_id: str, task_id: str) -> Task:
    """One of the agent's tasks"""
    return refreshing.get_refresh(agent_id, task_id, actor=current_actor())


@bp.get("/coverage/history")
@requires(KNOWLEDGE_READ)
@bp.input(HistoryQuery, location="query", arg_name="query")
@bp.output(HistoryResponse)
@bp.doc(operation_id="coverage.history")
def history(agent_id: str, query: HistoryQuery) -> services.History:
    """The kept measurements, newest first"""
    return services.get_history(
        agent_id,
        actor=current_actor(),
        start=query.start_date,
        end=query.end_date,
        limit=query.limit,
    )
