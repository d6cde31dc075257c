"""The secrets that an organization's messages are signed with; who calls commits."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select, update

from webapp.core import clock, sealing
from webapp.core.database.transactions import lock_name
from webapp.core.extensions import db
from webapp.webhooks.models import WebhookSecret
from webapp.webhooks.signing import make_secret


def read_keys(organization_id: UUID, webhook_id: UUID | None) -> list[str]:
    """The secrets that hold now, the oldest first; the organization's first is made on demand."""
    secrets = _list(organization_id, webhook_id)
    if not secrets:
        lock_name(f"webhook secret {organization_id}")
        secrets = _list(organization_id, webhook_id)
    if not secrets:
        return [add_key(organization_id, webhook_id)]
    return [sealing.unseal(secret.sealed) for secret in secrets]


def add_key(organization_id: UUID, webhook_id: UUID | None) -> str:
    """A new secret; the only time that it is told."""
    secret = make_secret()
    row = WebhookSecret(
        organization_id=organization_id, webhook_id=webhook_id, sealed=sealing.seal(secret)
    )
    db.session.add(row)
    db.session.flush()
    return secret


def expire_keys(organization_id: UUID, webhook_id: UUID | None, at: datetime) -> None:
    """Let the secrets that hold now end at `at`, or earlier where they do already."""
    db.session.execute(
        update(WebhookSecret)
        .where(
            WebhookSecret.organization_id == organization_id,
            WebhookSecret.webhook_id == webhook_id,
            or_(WebhookSecret.expires_at.is_(None), WebhookSecret.expires_at > at),
        )
        .values(expires_at=at)
    )


def replace_key(organization_id: UUID, webhook_id: UUID | None, overlap: timedelta) -> str:
    """A new secret; those from before go on signing beside it for `overlap`."""
    lock_name(f"webhook secret {organization_id}")
    expire_keys(organization_id, webhook_id, clock.now() + overlap)
    return add_key(organization_id, webhook_id)


def retire_keys(organization_id: UUID, webhook_id: UUID | None) -> bool:
    """End the overlap now: only the newest secret signs; whether there was an older one."""
    lock_name(f"webhook secret {organization_id}")
    secrets = _list(organization_id, webhook_id)
    now = clock.now()
    for secret in secrets[:-1]:
        secret.expires_at = now
    return len(secrets) > 1


def overlap_end(organization_id: UUID, webhook_id: UUID | None) -> datetime | None:
    """When the last of the older secrets ends; None where only one signs."""
    secrets = _list(organization_id, webhook_id)
    return max((secret.expires_at for secret in secrets if secret.expires_at), default=None)


def _list(organization_id: UUID, webhook_id: UUID | None) -> list[WebhookSecret]:
    statement = (
        select(WebhookSecret)
        .where(
            WebhookSecret.organization_id == organization_id,
            WebhookSecret.webhook_id == webhook_id,
            or_(WebhookSecret.expires_at.is_(None), WebhookSecret.expires_at > clock.now()),
        )
        .order_by(WebhookSecret.created_at)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(statement))
