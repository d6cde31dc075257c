"""Who acts: an organization's user or API key with a role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from webapp.core.errors import Forbidden


class Role(StrEnum):
    """What an actor may do; each role includes the ones before it."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        return _RANKS[self] >= _RANKS[other]

    def within(self, other: Role) -> Role:
        """This role, or the other where that one is lower."""
        return self if other.includes(self) else other


_RANKS = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True)
class Actor:
    """One caller, for the length of one request or job.

    `user_id` is the person behind a session or the maker of the key; `api_key_id` is set when a
    key was used, `expires_at` when that key ends; `session_id` when a browser session was.
    """

    organization_id: UUID
    role: Role
    name: str
    user_id: UUID | None = None
    api_key_id: UUID | None = None
    session_id: UUID | None = None
    request_id: str | None = None
    expires_at: datetime | None = None

    @property
    def credential_id(self) -> UUID | None:
        """The session or API key that lets the actor in; what revoking one revokes."""
        return self.api_key_id or self.session_id

    @property
    def audience(self) -> tuple[object, ...]:
        """All that a part of a page may depend on: who share it are shown the same."""
        return (self.organization_id, self.role)

    @property
    def kind(self) -> str:
        if self.api_key_id:
            return "api_key"
        return "user" if self.user_id else "system"

    def can(self, role: Role) -> bool:
        return self.role.includes(role)

    def require(self, role: Role) -> None:
        """Raise Forbidden unless the actor's role includes `role`."""
        if not self.can(role):
            raise Forbidden(
                f"This needs the role {role}; you are {self.role}.",
                suggestions=["Ask an admin of your organization to do it or to change your role."],
            )

    def require_person(self) -> None:
        """Raise Forbidden for an API key: it must not touch what lets its owner in."""
        if self.api_key_id is not None:
            raise Forbidden("An API key cannot do this; sign in.", code="needs_person")

    def require_lasting(self) -> None:
        """Raise Forbidden for a key that expires: it makes no way in that would outlive it."""
        if self.expires_at is not None:
            raise Forbidden(
                "This API key expires, and what it would let in does not.", code="key_outlives"
            )
