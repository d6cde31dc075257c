"""Webhook: an address of somebody else's that is told when something has happened here."""

from __future__ import annotations

from apiflask import APIFlask


def init_app(app: APIFlask) -> None:
    from webapp.webhooks import pages, services

    app.register_blueprint(pages.bp)
    services.register_job()
