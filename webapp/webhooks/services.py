"""Webhooks as people keep them: where they are, what they want, their secrets, their messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select

from webapp import engine
from webapp.accounts.models import Organization
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.database.transactions import get_locked
from webapp.core.errors import Conflict, Invalid, NotFound
from webapp.core.extensions import db
from webapp.core.lists import Page, Paging
from webapp.webhooks import changes, events, keys
from webapp.webhooks.models import Delivery, Webhook
from webapp.webhooks.permissions import WEBHOOKS_READ, WEBHOOKS_WRITE
from webapp.webhooks.urls import check_reachable

MAX_WEBHOOKS = 50
OVERLAP = timedelta(hours=24)


def create_webhook(
    url: str,
    *,
    actor: Actor,
    events: Sequence[str] = (),
    description: str = "",
    is_active: bool = True,
) -> tuple[Webhook, str]:
    """A new webhook and its secret, which is shown this once.

    Raises Invalid on an address that may not be called, or an event that there is not; Conflict
    where the organization has as many as it may.
    """
    actor.require(WEBHOOKS_WRITE)
    check_reachable(url)
    # Whoever adds one waits here for the others, so that the count is still true afterwards.
    get_locked(select(Organization).where(Organization.id == actor.organization_id))
    if len(list_webhooks(actor=actor)) >= MAX_WEBHOOKS:
        raise Conflict(
            f"There are {MAX_WEBHOOKS} webhooks already, and there can be no more.",
            code="too_many_webhooks",
        )
    webhook = Webhook(
        organization_id=actor.organization_id,
        url=url,
        description=description.strip(),
        events=_check_events(events),
        is_active=is_active,
    )
    db.session.add(webhook)
    db.session.flush()
    secret = keys.add_key(actor.organization_id, webhook.id)
    audit.record(actor, "create", webhook)
    changes.announce(actor.organization_id)
    db.session.commit()
    return webhook, secret


def list_webhooks(*, actor: Actor) -> list[Webhook]:
    """The oldest first."""
    actor.require(WEBHOOKS_READ)
    statement = select(Webhook).where(Webhook.organization_id == actor.organization_id)
    return list(db.session.scalars(statement.order_by(Webhook.created_at, Webhook.id)))


def get_webhook(webhook_id: UUID, *, actor: Actor, lock: bool = False) -> Webhook:
    actor.require(WEBHOOKS_READ)
    statement = select(Webhook).where(
        Webhook.organization_id == actor.organization_id, Webhook.id == webhook_id
    )
    webhook: Webhook | None = get_locked(statement) if lock else db.session.scalar(statement)
    if webhook is None:
        raise NotFound(f"Webhook not found: {webhook_id}")
    return webhook


def update_webhook(webhook_id: UUID, changed: dict[str, Any], *, actor: Actor) -> Webhook:
    """Change `url`, `description`, `events` or `is_active`; what waits goes where it was sent."""
    actor.require(WEBHOOKS_WRITE)
    webhook = get_webhook(webhook_id, actor=actor, lock=True)
    if "url" in changed:
        check_reachable(changed["url"])
    if "events" in changed:
        changed = changed | {"events": _check_events(changed["events"])}
    different = [name for name, value in changed.items() if getattr(webhook, name) != value]
    for name in different:
        setattr(webhook, name, changed[name])
    if different:
        audit.record(actor, "update", webhook, fields=different)
        changes.announce(actor.organization_id)
    db.session.commit()
    return webhook


def delete_webhook(webhook_id: UUID, *, actor: Actor) -> Webhook:
    """With its secrets and its messages, those that wait included."""
    actor.require(WEBHOOKS_WRITE)
    webhook = get_webhook(webhook_id, actor=actor, lock=True)
    audit.record(actor, "delete", webhook)
    changes.announce(actor.organization_id)
    db.session.execute(delete(Delivery).where(Delivery.webhook_id == webhook.id))
    db.session.execute(delete(Webhook).where(Webhook.id == webhook.id))
    db.session.commit()
    return webhook


def send_test(webhook_id: UUID, *, actor: Actor) -> Delivery:
    """Send a message that says nothing, to see whether it arrives."""
    actor.require(WEBHOOKS_WRITE)
    webhook = get_webhook(webhook_id, actor=actor, lock=True)
    _check_active(webhook)
    data = {"webhook_id": str(webhook.id), "sent_by": actor.name}
    delivery = changes.send_event(webhook, events.TEST, data)
    audit.record(actor, "test", webhook)
    db.session.commit()
    return delivery


# Secrets. Without a webhook they are the organization's: see `WebhookSecret`.


@dataclass(frozen=True)
class NewSecret:
    """A secret, which is shown this once, and until when the one before signs beside it."""

    secret: str
    previous_until: datetime | None


def rotate_secret(
    webhook_id: UUID | None, *, actor: Actor, overlap: timedelta = OVERLAP
) -> NewSecret:
    """Make a new secret; the one before signs beside it until the overlap ends."""
    subject = _find_subject(webhook_id, actor)
    secret = keys.replace_key(actor.organization_id, webhook_id, overlap)
    audit.record(actor, "rotate secret", subject, overlap_hours=overlap.total_seconds() / 3600)
    changes.announce(actor.organization_id)
    db.session.commit()
    return NewSecret(secret, keys.overlap_end(actor.organization_id, webhook_id))


def retire_old_secrets(webhook_id: UUID | None, *, actor: Actor) -> None:
    """End the overlap now. Raises Conflict where there is none."""
    subject = _find_subject(webhook_id, actor)
    if not keys.retire_keys(actor.organization_id, webhook_id):
        raise Conflict("Only one secret signs already.", code="no_old_secret")
    audit.record(actor, "retire old secret", subject)
    changes.announce(actor.organization_id)
    db.session.commit()


def get_overlap_end(webhook_id: UUID | None, *, actor: Actor) -> datetime | None:
    """Until when an older secret signs too; None where it does not."""
    actor.require(WEBHOOKS_READ)
    return keys.overlap_end(actor.organization_id, webhook_id)


def _find_subject(webhook_id: UUID | None, actor: Actor) -> Webhook | Organization:
    actor.require(WEBHOOKS_WRITE)
    if webhook_id is None:
        return db.session.get_one(Organization, actor.organization_id)
    return get_webhook(webhook_id, actor=actor, lock=True)


# Messages


def list_deliveries(
    *, actor: Actor, paging: Paging | None = None, webhook_id: UUID | None = None
) -> Page:
    """The newest messages, newest first: a webhook's, or all of the organization's."""
    actor.require(WEBHOOKS_READ)
    paging = paging or Paging()
    statement = select(Delivery).where(Delivery.organization_id == actor.organization_id)
    if webhook_id is not None:
        statement = statement.where(Delivery.webhook_id == get_webhook(webhook_id, actor=actor).id)
    total = db.session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    newest = statement.order_by(Delivery.created_at.desc(), Delivery.id)
    deliveries = list(db.session.scalars(newest.limit(paging.limit).offset(paging.offset)))
    return Page(deliveries, total, paging.limit, paging.offset)


def send_again(delivery_id: UUID, *, actor: Actor) -> Delivery:
    """Send a message once more, at once, under the id that it has; the attempts begin anew.

    Raises Conflict where an attempt is under way or due, or the webhook is switched off.
    """
    actor.require(WEBHOOKS_WRITE)
    statement = select(Delivery).where(
        Delivery.organization_id == actor.organization_id, Delivery.id == delivery_id
    )
    delivery: Delivery | None = db.session.scalar(statement)
    # The webhook before its message, as who deletes both: nobody waits in a circle.
    subject = delivery and _find_subject(delivery.webhook_id, actor)
    delivery = get_locked(statement)
    if subject is None or delivery is None:
        raise NotFound(f"Message not found: {delivery_id}")
    if isinstance(subject, Webhook):
        _check_active(subject)
    if find_on_their_way([delivery]):
        raise Conflict("The message is on its way already.", code="message_on_its_way")
    delivery.send_again()
    changes.enqueue(delivery)
    audit.record(actor, "send again", subject, delivery_id=str(delivery.id), about=delivery.about)
    db.session.commit()
    return delivery


def find_on_their_way(deliveries: Sequence[Delivery]) -> set[UUID]:
    """The ids of those of which an attempt is running or due.

    That of a message whose job has ended without it never comes: so it was where a job could not
    write to its database for long.
    """
    due = {delivery.job_key: delivery.id for delivery in deliveries if delivery.is_due}
    return {due[key] for key in engine.find_unfinished(db.session(), due)}


def _check_active(webhook: Webhook) -> None:
    if not webhook.is_active:
        raise Conflict(
            f"{webhook.name} is switched off.",
            code="webhook_inactive",
            suggestions=["Switch it on first."],
        )


def _check_events(names: Sequence[str]) -> list[str]:
    known = events.known()
    for name in names:
        if name not in known:
            raise Invalid(
                f"Unknown event: {name}.",
                field="events",
                suggestions=[f"There are: {', '.join(known)}."],
            )
    return list(dict.fromkeys(names))
