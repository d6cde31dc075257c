from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime, Field

from webapp.core.actor import Role
from webapp.core.api import Answer, Body


class OrganizationAnswer(Answer):
    id: UUID
    name: str
    created_at: datetime


class MemberBody(Body):
    email: str = Field(max_length=320, examples=["bob@example.com"])
    role: Role = Role.MEMBER
    password: str = Field(min_length=8, max_length=200, examples=["correct horse battery"])


class MemberAnswer(Answer):
    id: UUID
    email: str
    role: Role
    is_active: bool
    created_at: datetime
    last_seen_at: datetime | None


class KeyBody(Body):
    name: str = Field(min_length=1, max_length=255, examples=["nightly import"])
    role: Role | None = None
    expires_at: AwareDatetime | None = None


class KeyAnswer(Answer):
    id: UUID
    name: str
    prefix: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewKeyAnswer(KeyAnswer):
    key: str = Field(description="The secret; it is shown this once.")
