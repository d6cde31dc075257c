"""Webhook: an address of somebody else's that is told when something has happened here."""

from __future__ import annotations

from datetime import timedelta

from webapp.accounts.tabs import SettingsTab
from webapp.audit.wording import Wording
from webapp.core.feature import Feature
from webapp.core.navigation import PalettePage, SectionPages
from webapp.core.retention import Retention, forget_by
from webapp.core.sealing import SealedColumn
from webapp.engine import Job, Queue
from webapp.webhooks import api, deliveries, live, pages, permissions
from webapp.webhooks.models import Delivery, WebhookSecret
from webapp.webhooks.permissions import WEBHOOKS_READ, WEBHOOKS_WRITE

FEATURE = Feature(
    blueprints=(pages.bp, api.bp),
    contributions=(
        *permissions.PERMISSIONS,
        *live.FEEDS,
        # An address that does not answer holds a slot for ten seconds: in a queue of their own,
        # messages wait for each other only.
        Queue("webhooks", concurrency=4),
        Job("webhook", deliveries.deliver, queue="webhooks"),
        Retention("deliveries", forget_by(Delivery.completed_at), "history_days"),
        Retention("webhook secrets", forget_by(WebhookSecret.expires_at), timedelta(days=1)),
        SealedColumn(WebhookSecret.sealed),
        SettingsTab("Webhooks", "webhooks.index", position=40, permission=WEBHOOKS_WRITE),
        SectionPages("Settings", ("webhooks",)),
        PalettePage("Webhooks", "webhooks.index", permission=WEBHOOKS_READ),
        Wording(
            past={
                "retire old secret": "ended the old secret of",
                "rotate secret": "made a new secret for",
                "send again": "sent a message again to",
                "test": "tested",
            },
            links={"webhook": ("webhooks.show", "webhook_id")},
        ),
    ),
)
