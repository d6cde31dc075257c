"""Audit entry: who did what to which thing, and when. Every change passes through `record`."""

from __future__ import annotations

from webapp.audit import api, pages
from webapp.audit.models import AuditEntry
from webapp.audit.permissions import AUDIT_READ, PERMISSIONS
from webapp.core.feature import Feature
from webapp.core.navigation import PalettePage
from webapp.core.retention import Retention, forget_by

FEATURE = Feature(
    blueprints=(pages.bp, api.bp),
    contributions=(
        *PERMISSIONS,
        Retention("audit", forget_by(AuditEntry.created_at), "audit_days"),
        PalettePage(
            "Audit log", "audit.index", permission=AUDIT_READ, words=("activity", "history")
        ),
    ),
)
