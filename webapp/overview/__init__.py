"""Overview: the first page, the command palette, health, and the sample data."""

from __future__ import annotations

from apiflask import APIFlask


def init_app(app: APIFlask) -> None:
    from webapp.overview import health, live, navigation, pages, samples

    app.extensions["callboard-samples"] = samples.seed
    app.register_blueprint(pages.bp)
    app.register_blueprint(health.bp)
    app.context_processor(navigation.context)
    live.init_app(app)
