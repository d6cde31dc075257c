"""Task: work in the background that a person can watch, cancel and try again."""

from __future__ import annotations

from apiflask import APIFlask


def init_app(app: APIFlask) -> None:
    from webapp.tasks import api, live, pages, running

    app.register_blueprint(pages.bp)
    app.register_blueprint(api.bp)
    live.init_app(app)
    running.register_job()
