"""One's own: the password, the organizations that one belongs to, invitations."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request

from webapp.accounts import credentials, services, sessions
from webapp.accounts.forms import InvitationForm, PasswordForm
from webapp.accounts.pages.entry import sign_in_limit
from webapp.accounts.permissions import ACCOUNT_READ, ACCOUNT_WRITE
from webapp.core import navigation
from webapp.core.errors import NotFound
from webapp.core.extensions import limiter
from webapp.core.security import current_actor, requires
from webapp.core.web import page, redirect_to

bp = Blueprint("account", __name__)


def _person_key() -> str:
    return f"account:{current_actor().user_id}"


@bp.get("/settings/account")
@requires(ACCOUNT_READ)
def show() -> Response:
    return _show_page()


@bp.post("/settings/account/password")
@requires(ACCOUNT_WRITE)
@limiter.limit(sign_in_limit, key_func=_person_key)
def change_password() -> Response:
    form = PasswordForm()
    if form.validate():
        with form.refusing():
            credentials.change_password(
                form.current.data, form.password.data, actor=current_actor()
            )
            message = "You have a new password; your other browsers are signed out."
            return redirect_to("account.show", message=message)
    return _show_page(password=form, status=422)


@bp.post("/settings/organization")
@requires(ACCOUNT_WRITE)
def switch_organization() -> Response:
    """Work in another organization that one belongs to."""
    organization_id = _uuid(request.form.get("organization_id", ""))
    member = sessions.switch_organization(organization_id, actor=current_actor())
    return redirect_to(navigation.home(), message=f"You work in {member.organization.name} now.")


@bp.post("/settings/account/invitations/<uuid:membership_id>")
@requires(ACCOUNT_WRITE)
@limiter.limit(sign_in_limit, key_func=_person_key)
def accept_invitation(membership_id: UUID) -> Response:
    form, actor = InvitationForm(), current_actor()
    if form.validate():
        with form.refusing():
            member = services.accept_invitation(
                membership_id, password=form.password.data, actor=actor
            )
            return redirect_to(
                navigation.home(), message=f"You have joined {member.organization.name}."
            )
    return _show_page(invitation=form, status=422)


@bp.post("/settings/account/invitations/<uuid:membership_id>/refusal")
@requires(ACCOUNT_WRITE)
def decline_invitation(membership_id: UUID) -> Response:
    member = services.decline_invitation(membership_id, actor=current_actor())
    name = member.organization.name
    return redirect_to("account.show", message=f"The invitation to {name} is forgotten.")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"Organization not found: {text}") from None


def _show_page(
    *,
    status: int = 200,
    invitation: InvitationForm | None = None,
    password: PasswordForm | None = None,
) -> Response:
    """The page on oneself, with the form that was refused; `invitation` is the address's one."""
    user = services.get_member(current_actor().user_id, actor=current_actor()).user
    forms = {known.id: InvitationForm(formdata=None) for known in user.invitations}
    if invitation is not None and request.view_args:
        forms[request.view_args["membership_id"]] = invitation
    for membership_id, form in forms.items():
        form.password.id = form.password.label.field_id = f"password-{membership_id}"
    return page(
        "accounts/account.html",
        status=status,
        user=user,
        invitation_forms=forms,
        form=password or PasswordForm(formdata=None),
    )
