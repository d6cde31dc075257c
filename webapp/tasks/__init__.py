"""Task: work in the background that a person can watch, cancel and try again."""

from __future__ import annotations

from functools import partial

from webapp.audit.wording import Wording
from webapp.core.feature import Feature
from webapp.core.navigation import Section, SectionPages
from webapp.core.retention import Retention
from webapp.engine import Job
from webapp.tasks import api, live, pages, permissions, running, services
from webapp.tasks.schemas import TaskQuery
from webapp.views.lists import ViewedList
from webapp.webhooks.events import WebhookEvent

FEATURE = Feature(
    blueprints=(pages.bp, api.bp),
    contributions=(
        *permissions.PERMISSIONS,
        *live.FEEDS,
        Job("task", running.run_task),
        Retention("tasks", partial(services.forget_tasks, failed=False), "task_hours"),
        Retention("failed tasks", partial(services.forget_tasks, failed=True), "history_days"),
        WebhookEvent("task.completed", "a task has done its work"),
        WebhookEvent("task.failed", "a task has failed"),
        WebhookEvent("task.cancelled", "somebody has stopped a task"),
        ViewedList("tasks", "tasks.index", TaskQuery),
        Section("Tasks", "tasks.index", "tasks", position=50, key="t"),
        SectionPages("Tasks", ("tasks",)),
        Wording(
            past={"cancel": "cancelled", "retry": "tried again", "start": "started"},
            links={"task": ("tasks.show", "task_id")},
        ),
    ),
)
