from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.accounts.preferences import DEFAULT_LOCALE, Theme
from webapp.core import clock
from webapp.core.actor import Actor, Role
from webapp.core.errors import Conflict, Invalid
from webapp.core.extensions import Model

SESSION_LIFETIME = timedelta(days=14)
LINK_LIFETIME = timedelta(days=1)
INVITATION_LIFETIME = timedelta(days=7)
#: characters of a key's secret that are kept as they are, so that people know it again
PREFIX_LENGTH = 12
#: characters of a name, of an organization's or of a person's
MAX_NAME = 255
#: what stands in a user agent, and what it is called; the first that does is meant
BROWSERS = {
    "Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari",
}  # fmt: skip
SYSTEMS = {
    "iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "CrOS": "ChromeOS",
    "Windows": "Windows", "Mac OS": "macOS", "Linux": "Linux",
}  # fmt: skip


class Organization(Model):
    """What everything else belongs to; nothing is seen across its border."""

    __tablename__ = "organizations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(255))
    #: a picture for the sidebar, read only where it is sent; its digest is a part of its address
    logo: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    logo_type: Mapped[str | None] = mapped_column(String(20))
    logo_digest: Mapped[str | None] = mapped_column(String(16))
    first_steps_dismissed_at: Mapped[datetime | None]
    #: those that somebody has seen done; what did them may be gone
    first_steps_done: Mapped[list[str]] = mapped_column(default=list)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class User(Model):
    """A person who signs in, with one password for all organizations they belong to."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    #: what others see beside the e-mail; records name people by their e-mail, which is theirs alone
    display_name: Mapped[str] = mapped_column(String(255), default="")
    theme: Mapped[str] = mapped_column(String(10), default=Theme.SYSTEM)
    #: a name of the IANA's; empty is the browser's own
    time_zone: Mapped[str] = mapped_column(String(64), default="")
    #: how numbers and dates are written
    locale: Mapped[str] = mapped_column(String(16), default=DEFAULT_LOCALE)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    memberships: Mapped[list[Membership]] = relationship(
        back_populates="user", order_by="Membership.created_at", passive_deletes=True
    )

    @property
    def name(self) -> str:
        return self.email

    @property
    def has_joined(self) -> bool:
        """Whether the person has ever come, so that the password is theirs."""
        return any(membership.joined_at is not None for membership in self.memberships)

    @property
    def open_memberships(self) -> list[Membership]:
        """The organizations that the person can work in, by their names."""
        memberships = [membership for membership in self.memberships if membership.is_open]
        return sorted(memberships, key=lambda membership: membership.organization.name.casefold())

    @property
    def invitations(self) -> list[Membership]:
        """The organizations that the person could join."""
        return [membership for membership in self.memberships if membership.is_invitation]


class Membership(Model):
    """A person in an organization, with a role there.

    Until the person has joined, it is an invitation: whoever was added joins with the one-time link
    or the password that the admin who added them has passed on. So an address that somebody else
    took first lets nobody in, and an admin cannot tell whether it has an account elsewhere.
    """

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("organization_id", "user_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    is_active: Mapped[bool] = mapped_column(default=True)
    #: of the password to join with, where a program has added them
    invitation_hash: Mapped[str | None] = mapped_column(String(255))
    #: SHA-256 of the token of the link to join by
    link_hash: Mapped[str | None] = mapped_column(String(64), unique=True, index=True)
    link_expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    joined_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    user: Mapped[User] = relationship(back_populates="memberships", lazy="joined")
    organization: Mapped[Organization] = relationship(lazy="joined")

    @property
    def email(self) -> str:
        return self.user.email

    @property
    def name(self) -> str:
        return self.user.email

    @property
    def is_open(self) -> bool:
        """Whether the person can work in the organization."""
        return self.is_active and self.joined_at is not None

    @property
    def is_invitation(self) -> bool:
        return self.is_active and self.joined_at is None

    def has_open_link(self, at: datetime) -> bool:
        """Whether the person can join by the link that was made for them."""
        return self.is_invitation and self.link_expires_at is not None and at < self.link_expires_at

    @property
    def status(self) -> str:
        if not self.is_active:
            return "shut out"
        return "active" if self.joined_at else "invited"

    @property
    def actor(self) -> Actor:
        """The actor that a member is, outside any request."""
        return Actor(
            organization_id=self.organization_id or self.organization.id,
            role=Role(self.role),
            name=self.email,
            user_id=self.user_id or self.user.id,
        )

    def join(self, at: datetime) -> None:
        self.joined_at = at
        self.invitation_hash = self.link_hash = self.link_expires_at = None


class Session(Model):
    """One browser that is signed in; revoking it signs that browser out at once.

    It works in one organization at a time, that of its membership.
    """

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    membership_id: Mapped[UUID] = mapped_column(
        ForeignKey("memberships.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    last_seen_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)
    revoked_at: Mapped[datetime | None]
    address: Mapped[str] = mapped_column(String(64), default="")
    user_agent: Mapped[str] = mapped_column(String(255), default="")
    membership: Mapped[Membership] = relationship(lazy="joined")

    @property
    def browser(self) -> str:
        """The browser and its system as people call them, "Firefox on Linux"."""
        browser = _named(self.user_agent, BROWSERS)
        system = _named(self.user_agent, SYSTEMS)
        if not browser:
            return self.user_agent[:60] or "unknown"
        return f"{browser} on {system}" if system else browser

    def is_open(self, at: datetime) -> bool:
        return (
            self.revoked_at is None
            and self.membership.is_open
            and at - self.last_seen_at < SESSION_LIFETIME
        )


class PasswordLink(Model):
    """A link at which a person chooses a new password, once; its token is kept as a SHA-256."""

    __tablename__ = "password_links"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    user: Mapped[User] = relationship(lazy="joined")


class ApiKey(Model):
    """A secret for a program, kept as its SHA-256; the key itself is shown once."""

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    membership_id: Mapped[UUID] = mapped_column(
        ForeignKey("memberships.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(255))
    prefix: Mapped[str] = mapped_column(String(16), index=True)
    key_hash: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    membership: Mapped[Membership] = relationship(lazy="joined")

    def set_secret(self, secret: str) -> None:
        """Let this be the key with a secret, of which only the beginning and a hash are kept.

        Raises Invalid on one that is too short, or that no header brings as it is.
        """
        if len(secret) < 2 * PREFIX_LENGTH:
            raise Invalid(f"A key has at least {2 * PREFIX_LENGTH} characters.", field="key")
        if not (secret.isascii() and secret.isprintable() and secret == secret.strip()):
            raise Invalid(
                "A key has printable ASCII characters only, and no space at its ends.", field="key"
            )
        self.prefix, self.key_hash = secret[:PREFIX_LENGTH], self.hash_of(secret)

    @staticmethod
    def hash_of(secret: str) -> str:
        return hashlib.sha256(secret.encode()).hexdigest()

    @property
    def effective_role(self) -> Role:
        """A key never does more than the person it belongs to may do now."""
        return Role(self.role).within(Role(self.membership.role))

    def is_usable(self, at: datetime) -> bool:
        return (
            self.revoked_at is None
            and self.membership.is_open
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


def _named(user_agent: str, names: dict[str, str]) -> str:
    return next((name for sign, name in names.items() if sign in user_agent), "")


def checked_name(name: str) -> str:
    """The name for an organization without space around it; raises Invalid on one that is none."""
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME:
        raise Invalid(f"An organization has a name of 1 to {MAX_NAME} characters.", field="name")
    return name
