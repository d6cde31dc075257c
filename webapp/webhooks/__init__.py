"""Webhook: an address of somebody else's that is told when something has happened here."""

from __future__ import annotations

from webapp.accounts.tabs import SettingsTab
from webapp.core.actor import Role
from webapp.core.feature import Feature
from webapp.core.navigation import SectionPages
from webapp.core.retention import Retention, forget_by
from webapp.engine import Job
from webapp.webhooks import pages, services
from webapp.webhooks.models import Delivery

FEATURE = Feature(
    blueprints=(pages.bp,),
    contributions=(
        Job("webhook", services.deliver),
        Retention("deliveries", forget_by(Delivery.completed_at), "history_days"),
        SettingsTab("Webhooks", "webhooks.index", position=40, role=Role.ADMIN),
        SectionPages("Settings", ("webhooks",)),
    ),
)
