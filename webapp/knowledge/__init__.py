"""Document: a text that agents answer from; kept in chunks, found by keywords and by meaning."""

from __future__ import annotations

from apiflask import APIFlask


def init_app(app: APIFlask) -> None:
    from webapp.knowledge import api, jobs, live, pages

    app.register_blueprint(pages.bp)
    app.register_blueprint(api.bp)
    live.init_app(app)
    jobs.register()
