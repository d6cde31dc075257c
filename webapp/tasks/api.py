"""`/tasks` (api.md, Knowledge)."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import TypeAdapter

from webapp.core.actor import Role
from webapp.core.api import list_response
from webapp.core.errors import Invalid
from webapp.core.security import current_actor, requires
from webapp.core.web import Paging
from webapp.tasks import services
from webapp.tasks.models import Status, Task
from webapp.tasks.schemas import TaskAnswer

bp = APIBlueprint("tasks_api", __name__, url_prefix="/api/v1/tasks", tag="Tasks")

TASKS = TypeAdapter(list[TaskAnswer])


@bp.get("")
@requires(Role.VIEWER)
@bp.output(list[TaskAnswer])
@bp.doc(responses=[422])
def index() -> Response:
    """Tasks, newest first; `status`, `limit`, `offset`"""
    status = request.args.get("status") or None
    if status is not None and status not in list(Status):
        raise Invalid(f"status must be one of {', '.join(Status)}.", field="status")
    found = services.list_tasks(Paging.from_request(), status=status, actor=current_actor())
    return list_response(TASKS, found)


@bp.get("/<task_id>")
@requires(Role.VIEWER)
@bp.output(TaskAnswer)
def show(task_id: str) -> Task:
    """One task with its progress"""
    return services.get_task(task_id, actor=current_actor())


@bp.delete("/<task_id>")
@requires(Role.ADMIN)
@bp.doc(responses={204: "Cancelled, or asked to stop", 409: "It has ended already"})
def cancel(task_id: str) -> tuple[str, int]:
    """Cancel a task"""
    services.cancel_task(task_id, actor=current_actor())
    return "", 204


@bp.post("/<task_id>/retry")
@requires(Role.ADMIN)
@bp.output(TaskAnswer, 201)
@bp.doc(responses=[409])
def retry(task_id: str) -> Task:
    """Start a failed or cancelled task again"""
    return services.retry_task(task_id, actor=current_actor())
