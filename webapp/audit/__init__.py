"""Audit entry: who did what to which thing, and when. Every change passes through `record`."""

from __future__ import annotations

from webapp.audit import api, noting, pages, refusals
from webapp.audit.models import AuditEntry
from webapp.audit.permissions import AUDIT_READ, PERMISSIONS
from webapp.audit.wording import Wording
from webapp.core.feature import Feature
from webapp.core.navigation import PalettePage
from webapp.core.retention import Retention, forget_by
from webapp.core.signals import Receiver, refused

_WORDING = Wording(
    past={
        refusals.SIGN_IN: "was refused a sign-in",
        refusals.KEY: "was not let in any more",
        refusals.PERMISSION: "was refused",
    },
    nouns={"request": "the request"},
    aside=refusals.describe_refusal,
    alone=(refusals.SIGN_IN, refusals.KEY),
)

FEATURE = Feature(
    blueprints=(pages.bp, api.bp),
    contributions=(
        *PERMISSIONS,
        _WORDING,
        Receiver(refused, noting.note_forbidden),
        Retention("audit", forget_by(AuditEntry.created_at), "audit_days"),
        PalettePage(
            "Audit log", "audit.index", permission=AUDIT_READ, words=("activity", "history")
        ),
    ),
)
