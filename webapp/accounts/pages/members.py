"""The members of the organization, under Settings."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, g, request

from webapp.accounts import credentials, invitations, profiles, services
from webapp.accounts.forms import MemberForm
from webapp.accounts.identity import link_url
from webapp.accounts.models import Membership
from webapp.accounts.permissions import MEMBERS_WRITE
from webapp.core import clock
from webapp.core.actor import ORGANIZATION_READ, ROLE_MEANINGS, Role
from webapp.core.errors import NotFound
from webapp.core.security import current_actor, requires
from webapp.core.shown_once import show_once, take_shown_once
from webapp.core.web import page, redirect_to

bp = Blueprint("members", __name__)


@bp.get("/settings/members")
@requires(ORGANIZATION_READ)
def index() -> Response:
    return _index_page(MemberForm())


@bp.post("/settings/members")
@requires(MEMBERS_WRITE)
def create() -> Response:
    form = MemberForm()
    if form.validate():
        with form.refusing():
            invited = invitations.invite_member(
                form.email.data, role=Role(form.role.data), actor=current_actor()
            )
            return _show_invitation(*invited)
    return _index_page(form, status=422)


@bp.post("/settings/members/<uuid:user_id>")
@requires(MEMBERS_WRITE)
def update(user_id: UUID) -> Response:
    role = request.form.get("role")
    active = request.form.get("is_active")
    if role is not None and role not in list(Role):
        raise NotFound(f"Role not found: {role}")
    member = services.update_member(
        user_id,
        role=Role(role) if role else None,
        is_active=active == "1" if active else None,
        actor=current_actor(),
    )
    state = "" if member.is_active else " and is shut out"
    return redirect_to("members.index", message=f"{member.email} is {member.role}{state}.")


@bp.post("/settings/members/<uuid:user_id>/invitation")
@requires(MEMBERS_WRITE)
def renew_invitation(user_id: UUID) -> Response:
    return _show_invitation(*invitations.renew_invitation(user_id, actor=current_actor()))


@bp.post("/settings/members/<uuid:user_id>/removal")
@requires(MEMBERS_WRITE)
def remove(user_id: UUID) -> Response:
    member = services.remove_member(user_id, actor=current_actor())
    return redirect_to("members.index", message=f"{member.email} is no member any more.")


@bp.post("/settings/members/<uuid:user_id>/password-link")
@requires(MEMBERS_WRITE)
def create_password_link(user_id: UUID) -> Response:
    link, token = credentials.make_link(user_id, actor=current_actor())
    show_once("members", email=link.user.email, reset=link_url("entry.edit_password", token))
    return redirect_to("members.index")


def _show_invitation(member: Membership, token: str) -> Response:
    show_once("members", email=member.email, invitation=link_url("entry.new_member", token))
    return redirect_to("members.index")


def _index_page(form: MemberForm, *, status: int = 200) -> Response:
    members = services.list_members(actor=current_actor())
    admins = [member for member in members if member.is_open and member.role == Role.ADMIN]
    return page(
        "accounts/members.html",
        status=status,
        members=members,
        only_admin=admins[0] if len(admins) == 1 else None,
        form=form,
        roles=list(Role),
        role_meanings=ROLE_MEANINGS,
        now=clock.now(),
        shown_once=take_shown_once("members"),
    )


@bp.app_template_global()
def name_of(said: str) -> str:
    """The name of the member with this e-mail, where they have one; else what is given.

    All names are read once for all that one request, or one push, draws.
    """
    actor = current_actor()
    names = g.setdefault("member_names", {})
    if actor.organization_id not in names:
        names[actor.organization_id] = profiles.read_names(actor=actor)
    return str(names[actor.organization_id].get(said, said))
