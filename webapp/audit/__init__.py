"""Audit entry: who did what to which thing, and when. Every change passes through `record`."""

from __future__ import annotations

from webapp.audit.models import AuditEntry
from webapp.core.feature import Feature
from webapp.core.retention import Retention, forget_by

FEATURE = Feature(
    contributions=(Retention("audit", forget_by(AuditEntry.created_at), "audit_days"),)
)
