"""The tasks' pages: list, show, cancel, retry."""

from __future__ import annotations

from flask import Blueprint, Response

from webapp import engine
from webapp.core.feature import contributions
from webapp.core.security import current_actor, requires
from webapp.core.web import page, read_query, redirect_to
from webapp.tasks import services
from webapp.tasks.kinds import TaskKind, problem_count, result_partial
from webapp.tasks.models import Status
from webapp.tasks.permissions import TASKS_READ, TASKS_WRITE
from webapp.tasks.schemas import TaskQuery

bp = Blueprint("tasks", __name__, url_prefix="/tasks")
bp.add_app_template_global(result_partial)
bp.add_app_template_global(problem_count)


@bp.get("")
@requires(TASKS_READ)
def index() -> Response:
    query = read_query(TaskQuery)
    return page(
        "tasks/index.html",
        fragment="tasks/_list.html",
        tasks=services.list_tasks(query, actor=current_actor()),
        query=query,
        statuses=list(Status),
        kinds=sorted(kind.name for kind in contributions(TaskKind)),
        workers=engine.list_workers(),
    )


@bp.get("/<task_id>")
@requires(TASKS_READ)
def show(task_id: str) -> Response:
    task = services.get_task(task_id, actor=current_actor())
    return page("tasks/show.html", fragment="tasks/_task.html", task=task)


@bp.post("/<task_id>/cancellation")
@requires(TASKS_WRITE)
def cancel(task_id: str) -> Response:
    task = services.cancel_task(task_id, actor=current_actor())
    return redirect_to("tasks.show", task_id=task.id)


@bp.post("/<task_id>/retrial")
@requires(TASKS_WRITE)
def retry(task_id: str) -> Response:
    task = services.retry_task(task_id, actor=current_actor())
    return redirect_to("tasks.show", task_id=task.id, message="Started again.")
