"""`/organization`, `/members`, `/api-keys`."""

from __future__ import annotations

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response
from pydantic import TypeAdapter

from webapp.accounts import credentials, keys, organizations, passwords, services
from webapp.accounts.identity import link_url
from webapp.accounts.models import Organization
from webapp.accounts.permissions import ACCOUNT_READ, ACCOUNT_WRITE, MEMBERS_WRITE
from webapp.accounts.schemas import (
    KeyRequest,
    KeyResponse,
    MemberChange,
    MemberRequest,
    MemberResponse,
    NewKeyResponse,
    NewMemberResponse,
    OrganizationResponse,
    PasswordLinkResponse,
)
from webapp.core.actor import ORGANIZATION_READ
from webapp.core.api import list_response
from webapp.core.lists import Page
from webapp.core.security import current_actor, requires

bp = APIBlueprint("accounts_api", __name__, url_prefix="/api/v1", tag="Accounts")

MEMBERS = TypeAdapter(list[MemberResponse])
KEYS = TypeAdapter(list[KeyResponse])


@bp.get("/organization")
@requires(ORGANIZATION_READ)
@bp.output(OrganizationResponse)
@bp.doc(operation_id="organization.get")
def organization() -> Organization:
    """The organization that the credentials belong to"""
    return organizations.get_organization(actor=current_actor())


@bp.get("/members")
@requires(ORGANIZATION_READ)
@bp.output(list[MemberResponse])
@bp.doc(operation_id="members.list")
def members() -> Response:
    """The organization's people"""
    listed = [MemberResponse.of(member) for member in services.list_members(actor=current_actor())]
    return list_response(MEMBERS, Page.of_all(listed))


@bp.post("/members")
@requires(MEMBERS_WRITE)
@bp.input(MemberRequest, arg_name="body")
@bp.output(NewMemberResponse, 201)
@bp.doc(operation_id="members.add", responses=[409])
def add_member(body: MemberRequest) -> NewMemberResponse:
    """Add a person, who joins by signing in with the password"""
    made = None if body.password else passwords.make_password()
    member = services.add_member(
        body.email, role=body.role, password=body.password or made or "", actor=current_actor()
    )
    return NewMemberResponse(**MemberResponse.of(member).model_dump(), password=made)


@bp.patch("/members/<uuid:user_id>")
@requires(MEMBERS_WRITE)
@bp.input(MemberChange, arg_name="body")
@bp.output(MemberResponse)
@bp.doc(operation_id="members.update", responses=[409])
def update_member(user_id: UUID, body: MemberChange) -> MemberResponse:
    """Change a person's role, or shut them out and let them in again"""
    member = services.update_member(
        user_id, role=body.role, is_active=body.is_active, actor=current_actor()
    )
    return MemberResponse.of(member)


@bp.delete("/members/<uuid:user_id>")
@requires(MEMBERS_WRITE)
@bp.doc(operation_id="members.remove", responses={204: "Removed", 409: "The last admin stays"})
def remove_member(user_id: UUID) -> tuple[str, int]:
    """Remove a person from the organization, with the sessions and API keys they have in it"""
    services.remove_member(user_id, actor=current_actor())
    return "", 204


@bp.post("/members/<uuid:user_id>/password-link")
@requires(MEMBERS_WRITE)
@bp.output(PasswordLinkResponse, 201)
@bp.doc(operation_id="members.createPasswordLink", responses=[409])
def create_password_link(user_id: UUID) -> PasswordLinkResponse:
    """Make a one-time link at which a member chooses a new password"""
    link, token = credentials.make_link(user_id, actor=current_actor())
    return PasswordLinkResponse(
        url=link_url("entry.edit_password", token), expires_at=link.expires_at
    )


@bp.get("/api-keys")
@requires(ACCOUNT_READ)
@bp.output(list[KeyResponse])
@bp.doc(operation_id="apiKeys.list")
def api_keys() -> Response:
    """API keys: an admin sees all of them, others their own"""
    listed = keys.list_keys(actor=current_actor())
    return list_response(KEYS, Page.of_all(listed))


@bp.post("/api-keys")
@requires(ACCOUNT_WRITE)
@bp.input(KeyRequest, arg_name="body")
@bp.output(NewKeyResponse, 201)
@bp.doc(operation_id="apiKeys.create")
def create_api_key(body: KeyRequest) -> NewKeyResponse:
    """Make an API key; the answer is the only place that ever shows it"""
    row, secret = keys.create_key(
        body.name, role=body.role, expires_at=body.expires_at, actor=current_actor()
    )
    shown = KeyResponse.model_validate(row).model_dump()
    return NewKeyResponse(**shown, key=secret)


@bp.delete("/api-keys/<uuid:key_id>")
@requires(ACCOUNT_WRITE)
@bp.doc(operation_id="apiKeys.revoke", responses={204: "Revoked", 409: "Already revoked"})
def revoke_api_key(key_id: UUID) -> tuple[str, int]:
    """Revoke an API key, at once and for ever"""
    keys.revoke_key(key_id, actor=current_actor())
    return "", 204
