from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.core import clock
from webapp.core.actor import Role
from webapp.core.errors import Conflict
from webapp.core.extensions import Model

SESSION_LIFETIME = timedelta(days=14)


class Organization(Model):
    """What everything else belongs to; nothing is seen across its border."""

    __tablename__ = "organizations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class User(Model):
    """A person who signs in; belongs to one organization."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), index=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(20))
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    last_seen_at: Mapped[datetime | None]
    organization: Mapped[Organization] = relationship(lazy="joined")

    @property
    def name(self) -> str:
        return self.email


class Session(Model):
    """One browser that is signed in; revoking it signs that browser out at once."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    last_seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    revoked_at: Mapped[datetime | None]
    address: Mapped[str] = mapped_column(String(64), default="")
    user_agent: Mapped[str] = mapped_column(String(255), default="")
    user: Mapped[User] = relationship(lazy="joined")

    def is_open(self, at: datetime) -> bool:
        return (
            self.revoked_at is None
            and self.user.is_active
            and at - self.last_seen_at < SESSION_LIFETIME
        )


class ApiKey(Model):
    """A secret for a program, kept as its SHA-256; the key itself is shown once."""

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), index=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(255))
    prefix: Mapped[str] = mapped_column(String(16), index=True)
    key_hash: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    user: Mapped[User] = relationship(lazy="joined")

    @property
    def effective_role(self) -> Role:
        """A key never does more than the person it belongs to may do now."""
        return Role(self.role).within(Role(self.user.role))

    def is_usable(self, at: datetime) -> bool:
        return (
            self.revoked_at is None
            and self.user.is_active
            and (self.expires_at is None or at < self.expires_at)
        )

    def status(self, at: datetime) -> str:
        if self.revoked_at is not None:
            return "revoked"
        return "active" if self.is_usable(at) else "expired"

    def revoke(self, at: datetime) -> None:
        if self.revoked_at is not None:
            raise Conflict(f"API key {self.name} is already revoked.", code="key_revoked")
        self.revoked_at = at
