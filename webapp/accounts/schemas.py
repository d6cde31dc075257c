from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field

from webapp.accounts.models import Membership
from webapp.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from webapp.core import clock
from webapp.core.actor import Role
from webapp.core.schemas import RequestModel, ResponseModel


class OrganizationResponse(ResponseModel):
    id: UUID
    name: str
    created_at: datetime


class MemberRequest(RequestModel):
    email: str = Field(max_length=320, examples=["bob@example.com"])
    role: Role = Role.MEMBER
    password: str | None = Field(
        default=None,
        min_length=MIN_LENGTH,
        max_length=MAX_LENGTH,
        description="What the person joins with; one is made where none is given.",
        examples=["correct horse battery"],
    )


class MemberChange(RequestModel):
    """What is left out stays as it is."""

    role: Role | None = Field(default=None, examples=["viewer"])
    is_active: bool | None = Field(default=None, description="False shuts the person out.")


class MemberResponse(ResponseModel):
    id: UUID = Field(description="The person's id.")
    email: str
    role: Role
    is_active: bool
    created_at: datetime
    joined_at: datetime | None = Field(description="Null until the person has joined.")
    last_seen_at: datetime | None

    @classmethod
    def of(cls, member: Membership) -> MemberResponse:
        return cls(
            id=member.user_id,
            email=member.email,
            role=Role(member.role),
            is_active=member.is_active,
            created_at=member.created_at,
            joined_at=member.joined_at,
            last_seen_at=member.last_seen_at,
        )


class NewMemberResponse(MemberResponse):
    password: str | None = Field(
        description="The password that was made for the person to join with; shown this once."
    )


class PasswordLinkResponse(ResponseModel):
    url: str = Field(description="The one-time link; it is shown this once.")
    expires_at: datetime


class KeyRequest(RequestModel):
    name: str = Field(min_length=1, max_length=255, examples=["nightly import"])
    role: Role | None = None
    expires_at: Annotated[AwareDatetime, AfterValidator(clock.in_utc)] | None = None


class KeyResponse(ResponseModel):
    id: UUID
    name: str
    prefix: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewKeyResponse(KeyResponse):
    key: str = Field(description="The secret; it is shown this once.")
