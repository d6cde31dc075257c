"""`/organization`, `/members`, `/api-keys`."""

from __future__ import annotations

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response
from pydantic import TypeAdapter

from webapp.accounts import keys, services
from webapp.accounts.models import Organization, User
from webapp.accounts.schemas import (
    KeyAnswer,
    KeyBody,
    MemberAnswer,
    MemberBody,
    NewKeyAnswer,
    OrganizationAnswer,
)
from webapp.core.actor import Role
from webapp.core.api import list_response
from webapp.core.extensions import db
from webapp.core.security import current_actor, requires
from webapp.core.web import Page

bp = APIBlueprint("accounts_api", __name__, url_prefix="/api/v1", tag="Accounts")

MEMBERS = TypeAdapter(list[MemberAnswer])
KEYS = TypeAdapter(list[KeyAnswer])


@bp.get("/organization")
@requires(Role.VIEWER)
@bp.output(OrganizationAnswer)
@bp.doc(operation_id="organization.get")
def organization() -> Organization:
    """The organization that the credentials belong to"""
    return db.session.get_one(Organization, current_actor().organization_id)


@bp.get("/members")
@requires(Role.VIEWER)
@bp.output(list[MemberAnswer])
@bp.doc(operation_id="members.list")
def members() -> Response:
    """The organization's people"""
    found = services.list_members(actor=current_actor())
    return list_response(MEMBERS, Page(found, len(found), max(len(found), 1), 0))


@bp.post("/members")
@requires(Role.ADMIN)
@bp.input(MemberBody, arg_name="body")
@bp.output(MemberAnswer, 201)
@bp.doc(operation_id="members.add", responses=[409])
def add_member(body: MemberBody) -> User:
    """Add a person with a first password"""
    return services.add_member(
        body.email, role=body.role, password=body.password, actor=current_actor()
    )


@bp.get("/api-keys")
@requires(Role.VIEWER)
@bp.output(list[KeyAnswer])
@bp.doc(operation_id="apiKeys.list")
def api_keys() -> Response:
    """API keys: an admin sees all of them, others their own"""
    found = keys.list_keys(actor=current_actor())
    return list_response(KEYS, Page(found, len(found), max(len(found), 1), 0))


@bp.post("/api-keys")
@requires(Role.VIEWER)
@bp.input(KeyBody, arg_name="body")
@bp.output(NewKeyAnswer, 201)
@bp.doc(operation_id="apiKeys.create")
def create_api_key(body: KeyBody) -> NewKeyAnswer:
    """Make an API key; the answer is the only place that ever shows it"""
    row, secret = keys.create_key(
        body.name, role=body.role, expires_at=body.expires_at, actor=current_actor()
    )
    shown = KeyAnswer.model_validate(row).model_dump()
    return NewKeyAnswer(**shown, key=secret)


@bp.delete("/api-keys/<uuid:key_id>")
@requires(Role.VIEWER)
@bp.doc(operation_id="apiKeys.revoke", responses={204: "Revoked", 409: "Already revoked"})
def revoke_api_key(key_id: UUID) -> tuple[str, int]:
    """Revoke an API key, at once and for ever"""
    keys.revoke_key(key_id, actor=current_actor())
    return "", 204
