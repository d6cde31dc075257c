"""Topics `task:<id>` (the task's card) and `tasks:all` (the newest page of the list)."""

from __future__ import annotations

from apiflask import APIFlask
from flask import render_template

from webapp.core import live
from webapp.core.actor import Actor
from webapp.core.web import Paging
from webapp.tasks import services


def init_app(_app: APIFlask) -> None:
    live.register("task", _draw_task)
    live.register("tasks", _draw_list)


def _draw_task(task_id: str, actor: Actor) -> str:
    task = services.get_task(task_id, actor=actor)
    return render_template("tasks/_frame.html", task=task)


def _draw_list(_item_id: str, actor: Actor) -> str:
    found = services.list_tasks(Paging(limit=20), actor=actor)
    return render_template("tasks/_list_frame.html", tasks=found)
