"""Feeds `task:<id>` (the task's card) and `tasks:all` (that the list has something new)."""

from __future__ import annotations

import time

from flask import render_template

from webapp.core import live
from webapp.core.actor import Actor
from webapp.tasks import services


def _draw_task(task_id: str, actor: Actor) -> str:
    task = services.get_task(task_id, actor=actor)
    return render_template("tasks/_frame.html", task=task)


def _draw_revision(_item_id: str, _actor: Actor) -> str:
    return live.draw_revision("tasks-revision", time.time_ns())


FEEDS = (live.Feed("task", _draw_task), live.Feed("tasks", _draw_revision))
