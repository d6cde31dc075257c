"""Task: work in the background that a person can watch, cancel and try again."""

from __future__ import annotations

from apiflask import APIFlask


def init_app(app: APIFlask) -> None:
    from datetime import timedelta
    from functools import partial

    from webapp.core import retention
    from webapp.tasks import api, live, pages, running, services

    app.register_blueprint(pages.bp)
    app.register_blueprint(api.bp)
    live.init_app(app)
    running.register_job()
    settings = app.config["CALLBOARD"]
    for name, age, failed in (
        ("tasks", timedelta(hours=settings.task_hours), False),
        ("failed tasks", timedelta(days=settings.history_days), True),
    ):
        retention.register(name, age, partial(services.forget_tasks, failed=failed))
