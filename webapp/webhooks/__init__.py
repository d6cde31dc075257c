"""Webhook: an address of somebody else's that is told when something has happened here."""

from __future__ import annotations

from apiflask import APIFlask


def init_app(app: APIFlask) -> None:
    from datetime import timedelta

    from webapp.core import retention
    from webapp.webhooks import pages, services
    from webapp.webhooks.models import Delivery

    app.register_blueprint(pages.bp)
    services.register_job()
    age = timedelta(days=app.config["CALLBOARD"].history_days)
    retention.register("deliveries", age, retention.forget_by(Delivery.completed_at))
