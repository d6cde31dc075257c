"""What agents tell the features below them."""

from __future__ import annotations

from webapp.core.signals import Signal

#: `agent` was paused and is not any more
resumed = Signal("agents.resumed")
#: `agents` have been deleted, softly
deleted = Signal("agents.deleted")
