"""Audit entry: who did what to which thing, and when. Every change passes through `record`."""

from __future__ import annotations

from apiflask import APIFlask


def init_app(app: APIFlask) -> None:
    from datetime import timedelta

    from webapp.audit.models import AuditEntry
    from webapp.core import retention

    age = timedelta(days=app.config["CALLBOARD"].audit_days)
    retention.register("audit", age, retention.forget_by(AuditEntry.created_at))
