from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import clock
from webapp.core.extensions import Model

#: below it, a question counts as unanswered (`services` says where it comes from)
MIN_CONFIDENCE = 0.3


class UnansweredQuestion(Model):
    """Questions that mean the same, by the first of them. `vector` is float16, little-endian.

    It is open until the documents answer it or somebody dismisses it; asked again, it opens again.
    """

    __tablename__ = "unanswered_questions"
    __table_args__ = (
        Index(None, "agent_id", "is_open", "times_asked"),
        Index(
            "ix_unanswered_questions_most_asked",
            *("organization_id", "is_open", "times_asked", "last_asked_at"),
        ),
        Index(None, "last_asked_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(String(1000))
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    times_asked: Mapped[int] = mapped_column(default=1)
    confidence: Mapped[float]
    is_open: Mapped[bool] = mapped_column(default=True)
    first_asked_at: Mapped[datetime] = mapped_column(default=clock.now)
    last_asked_at: Mapped[datetime] = mapped_column(default=clock.now)

    @property
    def name(self) -> str:
        return self.text

    def ask_again(self, confidence: float, at: datetime) -> None:
        self.times_asked += 1
        self.confidence, self.last_asked_at, self.is_open = confidence, at, True
