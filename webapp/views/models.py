from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import clock
from webapp.core.extensions import Model

MAX_NAME = 60
MAX_QUERY = 2000


class SavedView(Model):
    """A view: what an address of a list says behind its question mark, under a name.

    It is called saved because what answers a request is a view as well. `list_name` is that of a
    `ViewedList`; `query_string` has parameters of that list alone.
    """

    __tablename__ = "saved_views"
    __table_args__ = (
        UniqueConstraint("organization_id", "owner_id", "list_name", "name"),
        Index("ix_saved_views_list", "organization_id", "list_name", "name"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    list_name: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    query_string: Mapped[str] = mapped_column(String(MAX_QUERY))
    is_shared: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)
