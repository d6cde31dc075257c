"""What happens to webhooks inside of somebody else's transaction, who commits it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select

from webapp import engine
from webapp.core import clock, live
from webapp.core.extensions import db
from webapp.webhooks.models import Delivery, Webhook


def publish(organization_id: UUID, event: str, data: dict[str, Any]) -> list[Delivery]:
    """Tell every webhook of the organization that wants it what has happened.

    The message is `{"type", "timestamp", "data"}`, as Standard Webhooks has it.
    """
    statement = select(Webhook).where(Webhook.organization_id == organization_id, Webhook.is_active)
    wanting = [webhook for webhook in db.session.scalars(statement) if webhook.wants(event)]
    return [send_event(webhook, event, data) for webhook in wanting]


def send_event(webhook: Webhook, event: str, data: dict[str, Any]) -> Delivery:
    """Tell one webhook of an event, whether it wants it or not."""
    payload = {"type": event, "timestamp": clock.iso(clock.now()), "data": data}
    return send(webhook.organization_id, webhook.url, payload, webhook_id=webhook.id)


def send(
    organization_id: UUID, url: str, payload: dict[str, Any], *, webhook_id: UUID | None = None
) -> Delivery:
    """Add a message to the running transaction; a worker delivers it after the commit.

    Without a webhook it goes to an address that a request or an agent has named.
    """
    delivery = Delivery(
        organization_id=organization_id, webhook_id=webhook_id, url=url, payload=payload
    )
    db.session.add(delivery)
    enqueue(delivery)
    return delivery


def enqueue(delivery: Delivery) -> None:
    """Let a worker deliver a message after the commit, and tell open pages that it waits."""
    db.session.flush()
    announce(delivery.organization_id)
    engine.enqueue(db.session(), "webhook", key=delivery.job_key)


def announce(organization_id: UUID) -> None:
    """Tell open pages of webhooks that there is something new."""
    live.announce("webhooks:all", organization_id)
