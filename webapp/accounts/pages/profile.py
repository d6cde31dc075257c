"""One's own, under Settings: name and taste, password, sessions, organizations, invitations."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request

from webapp.accounts import credentials, profiles, services, sessions
from webapp.accounts.forms import InvitationForm, PasswordForm, ProfileForm
from webapp.accounts.pages.entry import sign_in_limit
from webapp.accounts.permissions import ACCOUNT_READ, ACCOUNT_WRITE
from webapp.accounts.preferences import Theme
from webapp.core import navigation
from webapp.core.actor import ORGANIZATION_READ
from webapp.core.errors import NotFound
from webapp.core.extensions import limiter
from webapp.core.security import current_actor, requires
from webapp.core.web import page, redirect_to

bp = Blueprint("profile", __name__)


def _person_key() -> str:
    return f"account:{current_actor().user_id}"


@bp.get("/settings")
@requires(ORGANIZATION_READ)
def settings() -> Response:
    return redirect_to("profile.show")


@bp.get("/settings/profile")
@requires(ACCOUNT_READ)
def show() -> Response:
    return _show_page()


@bp.post("/settings/profile")
@requires(ACCOUNT_WRITE)
def update() -> Response:
    form = ProfileForm()
    if form.validate():
        with form.refusing():
            profiles.change_profile(
                display_name=form.display_name.data,
                theme=Theme(form.theme.data),
                time_zone=form.time_zone.data,
                locale=form.locale.data,
                actor=current_actor(),
            )
            return redirect_to("profile.show", message="Your profile is saved.")
    return _show_page(profile=form, status=422)


@bp.post("/settings/profile/theme")
@requires(ACCOUNT_WRITE)
def update_theme() -> Response:
    """Another theme from wherever one is, as the palette and scripts ask for it."""
    theme = request.form.get("theme", "")
    if theme not in list(Theme):
        raise NotFound(f"Theme not found: {theme[:40]}")
    profiles.change_profile(theme=Theme(theme), actor=current_actor())
    return redirect_to("profile.show", message=f"{theme.capitalize()} theme it is.")


@bp.post("/settings/profile/password")
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
            return redirect_to("profile.show", message=message)
    return _show_page(password=form, status=422)


@bp.post("/settings/sessions/<uuid:session_id>/revocation")
@requires(ACCOUNT_WRITE)
def revoke_session(session_id: UUID) -> Response:
    sessions.revoke_session(session_id, actor=current_actor())
    return redirect_to("profile.show", message="That browser is signed out.", _anchor="sessions")


@bp.post("/settings/sessions/revocation")
@requires(ACCOUNT_WRITE)
def revoke_other_sessions() -> Response:
    sessions.revoke_other_sessions(actor=current_actor())
    message = "All other browsers are signed out."
    return redirect_to("profile.show", message=message, _anchor="sessions")


@bp.post("/settings/profile/organization")
@requires(ACCOUNT_WRITE)
def switch_organization() -> Response:
    """Work in another organization that one belongs to."""
    organization_id = _uuid(request.form.get("organization_id", ""))
    member = sessions.switch_organization(organization_id, actor=current_actor())
    return redirect_to(navigation.home(), message=f"You work in {member.organization.name} now.")


@bp.post("/settings/profile/invitations/<uuid:membership_id>")
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


@bp.post("/settings/profile/invitations/<uuid:membership_id>/refusal")
@requires(ACCOUNT_WRITE)
def decline_invitation(membership_id: UUID) -> Response:
    member = services.decline_invitation(membership_id, actor=current_actor())
    name = member.organization.name
    return redirect_to("profile.show", message=f"The invitation to {name} is forgotten.")


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
    profile: ProfileForm | None = None,
) -> Response:
    """The page on oneself, with the form that was refused; `invitation` is the address's one."""
    actor = current_actor()
    user = services.get_member(actor.user_id, actor=actor).user
    forms = {known.id: InvitationForm(formdata=None) for known in user.invitations}
    if invitation is not None and request.view_args:
        forms[request.view_args["membership_id"]] = invitation
    for membership_id, form in forms.items():
        form.password.id = form.password.label.field_id = f"password-{membership_id}"
    return page(
        "accounts/profile.html",
        status=status,
        user=user,
        sessions=sessions.list_sessions(actor=actor),
        invitation_forms=forms,
        profile_form=profile or ProfileForm(formdata=None, obj=user),
        password_form=password or PasswordForm(formdata=None),
    )
