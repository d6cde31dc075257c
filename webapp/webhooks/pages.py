"""The settings page of webhooks: the signing secret and the last messages."""

from __future__ import annotations

from flask import Blueprint, Response

from webapp.core.actor import Role
from webapp.core.security import current_actor, requires
from webapp.core.web import page
from webapp.webhooks import services

bp = Blueprint("webhooks", __name__)


@bp.get("/settings/webhooks")
@requires(Role.ADMIN)
def index() -> Response:
    actor = current_actor()
    return page(
        "webhooks/index.html",
        secret=services.get_secret(actor=actor),
        deliveries=services.list_deliveries(actor=actor),
    )
