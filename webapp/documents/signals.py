"""What documents tell the features below them."""

from __future__ import annotations

from webapp.core.signals import Signal

#: `organization_id`: documents, or what they are about, have changed
changed = Signal("documents.changed")
