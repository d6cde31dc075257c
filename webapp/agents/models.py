from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import clock
from webapp.core.errors import Conflict
from webapp.core.extensions import db

HANDLE = re.compile(r"[a-z0-9_-]{1,64}")
#: words that stand in the place of a handle in some path
RESERVED_HANDLES = frozenset(
    {"search", "handoffs", "export", "import", "bulk", "from-taxonomy", "new"}
)
DEFAULT_MODEL = "extractive"
DEFAULT_RETRIEVAL = {"top_k": 5, "strategy": "hybrid"}


class Modality(StrEnum):
    """What media an agent needs from the person who talks to it (spec 2)."""

    AUDIO_ONLY = "audio_only"
    AUDIO_CAMERA = "audio_camera"
    AUDIO_SCREENSHARE = "audio_screenshare"


class Panel(StrEnum):
    """Workspace panels that an agent can open (spec 2)."""

    SLIDE_PRESENTER = "slide_presenter"
    NOTEPAD = "notepad"
    CODING_IDE = "coding_ide"
    WHITEBOARD = "whiteboard"
    DOCUMENT_VIEWER = "document_viewer"


class Agent(db.Model):  # type: ignore[name-defined, misc]
    """One agent of one organization. Deleting is soft; a deleted agent keeps its handle."""

    __tablename__ = "agents"
    __table_args__ = (
        UniqueConstraint("organization_id", "handle"),
        Index(None, "organization_id", "is_active", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    handle: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(default="")
    instructions: Mapped[str] = mapped_column(default="")
    model: Mapped[str] = mapped_column(String(255), default=DEFAULT_MODEL)
    voice: Mapped[str | None] = mapped_column(String(255))
    handoff_targets: Mapped[list[UUID]] = mapped_column(default=list)
    tools: Mapped[list[str]] = mapped_column(default=list)
    modality: Mapped[str] = mapped_column(String(32), default=Modality.AUDIO_ONLY.value)
    panels: Mapped[list[str]] = mapped_column(default=list)
    scope_description: Mapped[str | None] = mapped_column(String(500))
    retrieval_config: Mapped[dict[str, Any]] = mapped_column(
        default=lambda: dict(DEFAULT_RETRIEVAL)
    )
    features_config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    is_active: Mapped[bool] = mapped_column(default=True)
    total_queries: Mapped[int] = mapped_column(default=0)
    last_query_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)

    @property
    def top_k(self) -> int:
        """How many passages a question gets when it does not say (1..50)."""
        value = self.retrieval_config.get("top_k")
        return value if isinstance(value, int) and 1 <= value <= 50 else 5

    @property
    def stream_delay_ms(self) -> int:
        """Pause between streamed results (spec 1, S-REQ-012): 50 ms unless set, 0 allowed."""
        value = self.features_config.get("stream_delay_ms")
        return value if isinstance(value, int) and 0 <= value <= 5000 else 50

    def change(self, values: dict[str, Any], at: datetime) -> list[str]:
        """Take over `values`; returns the names of the fields that really changed."""
        changed = [name for name, value in values.items() if getattr(self, name) != value]
        for name in changed:
            setattr(self, name, values[name])
        if changed:
            self.updated_at = at
        return changed

    def restore(self, at: datetime) -> None:
        if self.is_active:
            raise Conflict(f"Agent {self.handle} is not deleted.", code="not_deleted")
        self.is_active, self.updated_at = True, at


def handle_from(name: str) -> str:
    """A handle made from a name: ASCII letters and digits, dashes between; "agent" at worst."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    handle = re.sub(r"[^a-z0-9_]+", "-", ascii_name).strip("-_")[:58].rstrip("-_")
    return f"{handle}-agent" if handle in RESERVED_HANDLES else handle or "agent"
