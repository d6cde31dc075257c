from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Double, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.agents.figures import FiguresRow
from webapp.agents.models import AgentText
from webapp.core import clock
from webapp.core.database.types import BigId
from webapp.core.extensions import Model

#: documents a topic should have where nobody says how many (docs/contract/knowledge.md, targets)
DEFAULT_TARGET = 10


class AgentCoverage(FiguresRow):
    """What was measured of an agent last; nothing where `last_coverage_update` is None."""

    __tablename__ = "agent_coverage"
    __table_args__ = (
        Index(None, "organization_id", "coverage_percent", "agent_id"),
        Index(
            "ix_agent_coverage_measured",
            *("organization_id", "coverage_percent", "agent_id"),
            sqlite_where=text("last_coverage_update IS NOT NULL"),
            postgresql_where=text("last_coverage_update IS NOT NULL"),
        ),
    )

    total_documents: Mapped[int] = mapped_column(default=0)
    total_chunks: Mapped[int] = mapped_column(default=0)
    coverage_percent: Mapped[float] = mapped_column(default=0.0)
    last_coverage_update: Mapped[datetime | None]


# The list is filtered by it beside the agents' texts, whose triggers copy it (migration 0045).
_beside_texts = mapped_column(Double, nullable=False, default=0.0)
AgentText.coverage_percent = _beside_texts  # type: ignore[attr-defined]  # added to what is there


class CoverageTarget(Model):
    """How many documents an agent wants on one topic of its scope; 0 takes it out."""

    __tablename__ = "coverage_targets"

    agent_id: Mapped[UUID] = mapped_column(
        ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True
    )
    node_id: Mapped[UUID] = mapped_column(
        ForeignKey("taxonomy_nodes.id", ondelete="CASCADE"), primary_key=True
    )
    target: Mapped[int]


class CoverageRecord(Model):
    """What one calculation came to (docs/contract/knowledge.md, history)."""

    __tablename__ = "coverage_history"
    __table_args__ = (Index(None, "agent_id", "timestamp"), Index(None, "timestamp"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    timestamp: Mapped[datetime] = mapped_column(default=clock.now)
    overall_coverage: Mapped[float]
    total_documents: Mapped[int]
    total_chunks: Mapped[int]
    version: Mapped[str | None] = mapped_column(String(32))
