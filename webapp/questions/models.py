from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.agents.figures import FiguresRow
from webapp.core import clock
from webapp.core.database.types import BigId
from webapp.core.extensions import Model


class AgentUsage(FiguresRow):
    """How often an agent was asked, and how well and fast it answered."""

    __tablename__ = "agent_usage"
    __table_args__ = (Index(None, "organization_id", "total_queries", "agent_id"),)

    total_queries: Mapped[int] = mapped_column(default=0)
    successful_queries: Mapped[int] = mapped_column(default=0)
    avg_response_time_ms: Mapped[float] = mapped_column(default=0.0)
    last_query_at: Mapped[datetime | None]


class Question(Model):
    """One question put to an agent, and how well the documents could answer it."""

    __tablename__ = "questions"
    __table_args__ = (
        Index(None, "organization_id", "created_at"),
        Index(None, "agent_id", "created_at"),
        Index(None, "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(String(1000))
    result_count: Mapped[int]
    best_score: Mapped[float | None]
    confidence: Mapped[float | None]
    query_time_ms: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
