"""`/webhooks`: who is told of what, with which secret, and what became of each message."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, url_for
from pydantic import TypeAdapter

from webapp.core.api import list_response
from webapp.core.lists import Page
from webapp.core.security import current_actor, requires
from webapp.core.web import read_paging
from webapp.webhooks import events, services
from webapp.webhooks.models import Delivery, Webhook
from webapp.webhooks.permissions import WEBHOOKS_READ, WEBHOOKS_WRITE
from webapp.webhooks.schemas import (
    DeliveryResponse,
    EventResponse,
    NewWebhookResponse,
    SecretRequest,
    SecretResponse,
    WebhookChanges,
    WebhookRequest,
    WebhookResponse,
)

bp = APIBlueprint("webhooks_api", __name__, url_prefix="/api/v1/webhooks", tag="Webhooks")

WEBHOOKS = TypeAdapter(list[WebhookResponse])
DELIVERIES = TypeAdapter(list[DeliveryResponse])


@bp.get("")
@requires(WEBHOOKS_READ)
@bp.output(list[WebhookResponse])
@bp.doc(operation_id="webhooks.list")
def index() -> Response:
    """The organization's webhooks, the oldest first"""
    webhooks = services.list_webhooks(actor=current_actor())
    return list_response(WEBHOOKS, Page.of_all(webhooks))


@bp.post("")
@requires(WEBHOOKS_WRITE)
@bp.input(WebhookRequest, arg_name="body")
@bp.output(NewWebhookResponse, 201)
@bp.doc(operation_id="webhooks.create", responses=[409])
def create(body: WebhookRequest) -> tuple[NewWebhookResponse, int, dict[str, str]]:
    """Add a webhook; the answer is the only place that ever shows its secret"""
    webhook, secret = services.create_webhook(**dict(body), actor=current_actor())
    shown = WebhookResponse.model_validate(webhook).model_dump()
    location = url_for("webhooks_api.show", webhook_id=webhook.id)
    return NewWebhookResponse(**shown, secret=secret), 201, {"Location": location}


@bp.get("/events")
@requires(WEBHOOKS_READ)
@bp.output(list[EventResponse])
@bp.doc(operation_id="webhooks.listEvents")
def list_events() -> list[dict[str, str]]:
    """The events that a webhook can be told of"""
    return [{"name": name, "meaning": meaning} for name, meaning in events.known().items()]


@bp.get("/deliveries")
@requires(WEBHOOKS_READ)
@bp.output(list[DeliveryResponse])
@bp.doc(operation_id="webhooks.listAllDeliveries")
def list_all_deliveries() -> Response:
    """The newest messages of the organization, with every attempt, newest first"""
    return _deliveries()


@bp.post("/deliveries/<uuid:delivery_id>/resend")
@requires(WEBHOOKS_WRITE)
@bp.output(DeliveryResponse, 202)
@bp.doc(operation_id="webhooks.resend", responses=[409])
def resend(delivery_id: UUID) -> Delivery:
    """Send a message again, at once and under the same id, whatever became of it"""
    return services.send_again(delivery_id, actor=current_actor())


@bp.post("/secret")
@requires(WEBHOOKS_WRITE)
@bp.input(SecretRequest, arg_name="body")
@bp.output(SecretResponse, 201)
@bp.doc(operation_id="webhooks.rotateSharedSecret")
def rotate_shared_secret(body: SecretRequest) -> services.NewSecret:
    """Make a new secret for messages to addresses that a request or an agent names"""
    return _rotate(None, body)


@bp.delete("/secret/previous")
@requires(WEBHOOKS_WRITE)
@bp.doc(
    operation_id="webhooks.retireSharedSecret",
    responses={204: "Only the newest secret signs", 409: "It did already"},
)
def retire_shared_secret() -> tuple[str, int]:
    """Let the secret before that one sign no more"""
    services.retire_old_secrets(None, actor=current_actor())
    return "", 204


@bp.get("/<uuid:webhook_id>")
@requires(WEBHOOKS_READ)
@bp.output(WebhookResponse)
@bp.doc(operation_id="webhooks.get")
def show(webhook_id: UUID) -> Webhook:
    """One webhook"""
    return services.get_webhook(webhook_id, actor=current_actor())


@bp.patch("/<uuid:webhook_id>")
@requires(WEBHOOKS_WRITE)
@bp.input(WebhookChanges, arg_name="body")
@bp.output(WebhookResponse)
@bp.doc(operation_id="webhooks.update")
def update(webhook_id: UUID, body: WebhookChanges) -> Webhook:
    """Change what is given; off, it is told of nothing"""
    changed: dict[str, Any] = body.model_dump(exclude_unset=True)
    return services.update_webhook(webhook_id, changed, actor=current_actor())


@bp.delete("/<uuid:webhook_id>")
@requires(WEBHOOKS_WRITE)
@bp.doc(operation_id="webhooks.delete", responses={204: "Deleted"})
def destroy(webhook_id: UUID) -> tuple[str, int]:
    """Delete a webhook, its secrets and its messages"""
    services.delete_webhook(webhook_id, actor=current_actor())
    return "", 204


@bp.post("/<uuid:webhook_id>/secret")
@requires(WEBHOOKS_WRITE)
@bp.input(SecretRequest, arg_name="body")
@bp.output(SecretResponse, 201)
@bp.doc(operation_id="webhooks.rotateSecret")
def rotate_secret(webhook_id: UUID, body: SecretRequest) -> services.NewSecret:
    """Make a new secret; the one before signs beside it for a while"""
    return _rotate(webhook_id, body)


@bp.delete("/<uuid:webhook_id>/secret/previous")
@requires(WEBHOOKS_WRITE)
@bp.doc(
    operation_id="webhooks.retireSecret",
    responses={204: "Only the newest secret signs", 409: "It did already"},
)
def retire_secret(webhook_id: UUID) -> tuple[str, int]:
    """Let the secret before the newest sign no more"""
    services.retire_old_secrets(webhook_id, actor=current_actor())
    return "", 204


@bp.post("/<uuid:webhook_id>/test")
@requires(WEBHOOKS_WRITE)
@bp.output(DeliveryResponse, 202)
@bp.doc(operation_id="webhooks.test", responses=[409])
def test(webhook_id: UUID) -> Delivery:
    """Send a message of the type `webhook.test`"""
    return services.send_test(webhook_id, actor=current_actor())


@bp.get("/<uuid:webhook_id>/deliveries")
@requires(WEBHOOKS_READ)
@bp.output(list[DeliveryResponse])
@bp.doc(operation_id="webhooks.listDeliveries")
def list_deliveries(webhook_id: UUID) -> Response:
    """The newest messages to a webhook, with every attempt, newest first"""
    return _deliveries(webhook_id)


def _rotate(webhook_id: UUID | None, body: SecretRequest) -> services.NewSecret:
    overlap = timedelta(hours=body.overlap_hours)
    return services.rotate_secret(webhook_id, overlap=overlap, actor=current_actor())


def _deliveries(webhook_id: UUID | None = None) -> Response:
    paging = read_paging()
    deliveries = services.list_deliveries(
        webhook_id=webhook_id, paging=paging, actor=current_actor()
    )
    return list_response(DELIVERIES, deliveries)
