"""Agent: a definition (instructions, model, tools, hand-offs) with a knowledge scope."""

from __future__ import annotations

from apiflask import APIFlask


def init_app(app: APIFlask) -> None:
    from webapp.agents import api, pages

    app.register_blueprint(pages.bp)
    app.register_blueprint(api.bp)
