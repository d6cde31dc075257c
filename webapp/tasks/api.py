"""`/tasks` (docs/contract/knowledge.md, tasks)."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response
from pydantic import TypeAdapter

from webapp.core.api import list_response
from webapp.core.security import current_actor, requires
from webapp.tasks import services
from webapp.tasks.models import Task
from webapp.tasks.permissions import TASKS_READ, TASKS_WRITE
from webapp.tasks.schemas import TaskQuery, TaskResponse

bp = APIBlueprint("tasks_api", __name__, url_prefix="/api/v1/tasks", tag="Tasks")

TASKS = TypeAdapter(list[TaskResponse])


@bp.get("")
@requires(TASKS_READ)
@bp.input(TaskQuery, location="query", arg_name="query")
@bp.output(list[TaskResponse])
@bp.doc(operation_id="tasks.list")
def index(query: TaskQuery) -> Response:
    """Tasks, newest first"""
    return list_response(TASKS, services.list_tasks(query, actor=current_actor()))


@bp.get("/<task_id>")
@requires(TASKS_READ)
@bp.output(TaskResponse)
@bp.doc(operation_id="tasks.get")
def show(task_id: str) -> Task:
    """One task with its progress"""
    return services.get_task(task_id, actor=current_actor())


@bp.delete("/<task_id>")
@requires(TASKS_WRITE)
@bp.doc(
    operation_id="tasks.cancel",
    responses={204: "Cancelled, or asked to stop", 409: "It has ended already"},
)
def cancel(task_id: str) -> tuple[str, int]:
    """Cancel a task"""
    services.cancel_task(task_id, actor=current_actor())
    return "", 204


@bp.post("/<task_id>/retry")
@requires(TASKS_WRITE)
@bp.output(TaskResponse, 201)
@bp.doc(operation_id="tasks.retry", responses=[409])
def retry(task_id: str) -> Task:
    """Start a failed or cancelled task again"""
    return services.retry_task(task_id, actor=current_actor())
