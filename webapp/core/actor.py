"""Who acts: an organization's user or API key with a role, and what that lets them do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from webapp.core.errors import Forbidden


class Role(StrEnum):
    """What somebody is in an organization; each role includes the ones before it."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        return _RANKS[self] >= _RANKS[other]

    def within(self, other: Role) -> Role:
        """This role, or the other where that one is lower."""
        return self if other.includes(self) else other


#: what each may do, in a sentence for those who give them
ROLE_MEANINGS = {
    Role.VIEWER: "Reads agents, documents and coverage; changes nothing and asks no agent.",
    Role.MEMBER: "Reads, asks agents, and shares views of lists.",
    Role.ADMIN: "Does everything: agents, documents, topics, tasks, webhooks and members.",
}

_RANKS = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True)
class Permission:
    """A right that views, services and templates ask for: `agents:write`.

    `role` is the lowest role that holds it. A feature declares its own in `permissions.py`; those
    in its `FEATURE` are all there are. Templates know each by the name of its constant.
    """

    name: str
    role: Role

    def __str__(self) -> str:
        return self.name

    @property
    def constant(self) -> str:
        """How code and templates call it: `AGENTS_WRITE`."""
        return self.name.replace(":", "_").upper()


#: what `name_api_key` makes: an e-mail has neither space nor bracket
_NAMED_KEY = re.compile(r"(.+) \(([^\s()]+@[^\s()]+)\)", re.S)


def name_api_key(name: str, email: str) -> str:
    """How an API key is called as an actor: by its name and by whose it is."""
    return f"{name} ({email})"


def split_name(said: str) -> tuple[str | None, str]:
    """The name of the API key and whose it is, out of an actor's name; None where it is no key."""
    found = _NAMED_KEY.fullmatch(said)
    return (found[1], found[2]) if found else (None, said)


#: the organization itself: who belongs to it, what happens in it
ORGANIZATION_READ = Permission("organization:read", Role.VIEWER)


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

    def may(self, permission: Permission) -> bool:
        return self.role.includes(permission.role)

    def require(self, permission: Permission) -> None:
        """Raise Forbidden unless the actor has the permission."""
        if not self.may(permission):
            raise Forbidden(
                f"This needs the role {permission.role}, for {permission}; you are {self.role}.",
                extras={"needs": {"role": str(permission.role), "permission": str(permission)}},
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
