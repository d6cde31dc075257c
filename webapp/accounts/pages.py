"""Setup, signing in and out, and the settings pages for members, keys and sessions."""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, current_app, g, request, session
from flask_limiter.util import get_remote_address

from webapp.accounts import credentials, keys, passwords, samples, services, sessions, setup
from webapp.accounts.forms import (
    InvitationForm,
    KeyForm,
    MemberForm,
    NewPasswordForm,
    PasswordForm,
    SetupForm,
    SignInForm,
)
from webapp.accounts.identity import link_url
from webapp.accounts.permissions import ACCOUNT_READ, ACCOUNT_WRITE, MEMBERS_WRITE
from webapp.config import Settings
from webapp.core import clock, navigation
from webapp.core.actor import ORGANIZATION_READ, Role
from webapp.core.errors import DomainError, NotFound
from webapp.core.extensions import limiter
from webapp.core.security import current_actor, needs_no, public, requires
from webapp.core.web import page, redirect_to

bp = Blueprint("accounts", __name__)


def _sign_in_limit() -> str:
    return f"{current_app.config['CALLBOARD'].sign_in_limit} per minute"


def _account_key() -> str:
    email = request.form.get("email", "").strip().lower()
    return "account:" + hashlib.sha256(email.encode(errors="replace")).hexdigest()


def _person_key() -> str:
    return f"account:{current_actor().user_id}"


@bp.get("/setup")
@public
def new_setup() -> Response:
    _check_setup_token()
    return page("accounts/setup.html", form=SetupForm())


@bp.post("/setup")
@public
@needs_no(right="the link of the first start is the right")
def create_setup() -> Response:
    _check_setup_token()
    form = SetupForm()
    if form.validate():
        with form.refusing():
            admin = services.create_first_organization(
                form.name.data, email=form.email.data, password=form.password.data
            )
            if form.with_samples.data:
                samples.seed(services.actor_of(admin))
            settings: Settings = current_app.config["CALLBOARD"]
            (settings.data_dir / setup.TOKEN_FILE).unlink(missing_ok=True)
            _open(admin.email, form.password.data)
            return redirect_to(navigation.home(), message="Welcome to Callboard.")
    return page("accounts/setup.html", status=422, form=form)


@bp.get("/sign-in")
@public
def new_session() -> Response:
    if g.actor is not None:
        return redirect_to(navigation.home())
    return page("accounts/sign_in.html", form=SignInForm(), next=_safe_next())


@bp.post("/sign-in")
@public
@limiter.limit(_sign_in_limit, key_func=get_remote_address)
@limiter.limit(_sign_in_limit, key_func=_account_key)
@needs_no(right="the password is the right")
def create_session() -> Response:
    form = SignInForm()
    status = 422
    if form.validate():
        try:
            _open(form.email.data, form.password.data, form.invitation.data or "")
        except DomainError as error:
            form.reject(error)
            status = error.status
        else:
            response = redirect_to(navigation.home())
            response.headers["Location"] = _safe_next() or response.headers["Location"]
            return response
    return page("accounts/sign_in.html", status=status, form=form, next=_safe_next())


@bp.post("/sign-out")
@public
@needs_no(right="who has no session ends none")
def destroy_session() -> Response:
    if g.actor is not None and g.actor.session_id:
        sessions.revoke_session(g.actor.session_id, actor=g.actor)
    session.clear()
    return redirect_to("accounts.new_session", message="You are signed out.")


@bp.get("/settings")
@requires(ORGANIZATION_READ)
def settings() -> Response:
    return redirect_to("accounts.members")


@bp.get("/settings/members")
@requires(ORGANIZATION_READ)
def members() -> Response:
    return _members_page(MemberForm())


@bp.post("/settings/members")
@requires(MEMBERS_WRITE)
def create_member() -> Response:
    form = MemberForm()
    if form.validate():
        password = form.password.data or passwords.make_password()
        with form.refusing():
            member = services.add_member(
                form.email.data,
                role=Role(form.role.data),
                password=password,
                actor=current_actor(),
            )
            if form.password.data:
                return redirect_to("accounts.members", message=f"{member.email} can join now.")
            # Drawn at once and not after a redirect: it is shown this once, and kept nowhere.
            form = MemberForm(formdata=None)
            return _members_page(form, status=201, member=member, password=password)
    return _members_page(form, status=422)


@bp.post("/settings/members/<uuid:user_id>")
@requires(MEMBERS_WRITE)
def update_member(user_id: UUID) -> Response:
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
    return redirect_to("accounts.members", message=f"{member.email} is {member.role}{state}.")


@bp.post("/settings/members/<uuid:user_id>/removal")
@requires(MEMBERS_WRITE)
def remove_member(user_id: UUID) -> Response:
    member = services.remove_member(user_id, actor=current_actor())
    return redirect_to("accounts.members", message=f"{member.email} is no member any more.")


@bp.get("/settings/account")
@requires(ACCOUNT_READ)
def account() -> Response:
    return _account_page()


@bp.post("/settings/password")
@requires(ACCOUNT_WRITE)
@limiter.limit(_sign_in_limit, key_func=_person_key)
def change_password() -> Response:
    form = PasswordForm()
    if form.validate():
        with form.refusing():
            credentials.change_password(
                form.current.data, form.password.data, actor=current_actor()
            )
            message = "You have a new password; your other browsers are signed out."
            return redirect_to("accounts.account", message=message)
    return _account_page(password=form, status=422)


@bp.post("/settings/members/<uuid:user_id>/password-link")
@requires(MEMBERS_WRITE)
def create_password_link(user_id: UUID) -> Response:
    link, token = credentials.make_link(user_id, actor=current_actor())
    # Drawn at once and not after a redirect: it is shown this once, and kept nowhere.
    return _members_page(MemberForm(formdata=None), status=201, link=link, url=link_url(token))


@bp.get("/password")
@public
def edit_password() -> Response:
    """What a one-time link leads to."""
    token = request.args.get("token", "")
    link = credentials.find_link(token)
    form = NewPasswordForm(formdata=None)
    return page("accounts/password.html", form=form, token=token, email=link.user.email)


@bp.post("/password")
@public
@needs_no(right="the one-time link is the right")
def update_password() -> Response:
    token = request.form.get("token", "")
    link = credentials.find_link(token)
    form = NewPasswordForm()
    if form.validate():
        with form.refusing():
            credentials.use_link(token, form.password.data)
            session.clear()
            return redirect_to("accounts.new_session", message="Sign in with your new password.")
    return page("accounts/password.html", status=422, form=form, token=token, email=link.user.email)


@bp.post("/settings/organization")
@requires(ACCOUNT_WRITE)
def switch_organization() -> Response:
    """Work in another organization that one belongs to."""
    organization_id = _uuid(request.form.get("organization_id", ""))
    member = sessions.switch_organization(organization_id, actor=current_actor())
    return redirect_to(navigation.home(), message=f"You work in {member.organization.name} now.")


@bp.post("/settings/invitations/<uuid:membership_id>")
@requires(ACCOUNT_WRITE)
@limiter.limit(_sign_in_limit, key_func=_person_key)
def accept_invitation(membership_id: UUID) -> Response:
    form, actor = InvitationForm(), current_actor()
    if form.validate():
        with form.refusing():
            member = services.accept_invitation(
                membership_id, password=form.password.data, actor=actor
            )
            sessions.switch_organization(member.organization_id, actor=actor)
            return redirect_to(
                navigation.home(), message=f"You have joined {member.organization.name}."
            )
    return _account_page(invitation=form, status=422)


@bp.post("/settings/invitations/<uuid:membership_id>/refusal")
@requires(ACCOUNT_WRITE)
def decline_invitation(membership_id: UUID) -> Response:
    member = services.decline_invitation(membership_id, actor=current_actor())
    name = member.organization.name
    return redirect_to("accounts.account", message=f"The invitation to {name} is forgotten.")


@bp.get("/settings/api-keys")
@requires(ACCOUNT_READ)
def api_keys() -> Response:
    return _keys_page(KeyForm())


@bp.post("/settings/api-keys")
@requires(ACCOUNT_WRITE)
def create_api_key() -> Response:
    form = KeyForm()
    if form.validate():
        expires_at = form.expires_at.data
        with form.refusing():
            _, secret = keys.create_key(
                form.name.data,
                role=Role(form.role.data),
                expires_at=expires_at.replace(tzinfo=UTC) if expires_at else None,
                actor=current_actor(),
            )
            # Drawn at once and not after a redirect: it is shown this once, and kept nowhere.
            return _keys_page(KeyForm(formdata=None), status=201, secret=secret)
    return _keys_page(form, status=422)


@bp.post("/settings/api-keys/<uuid:key_id>/revocation")
@requires(ACCOUNT_WRITE)
def revoke_api_key(key_id: UUID) -> Response:
    key = keys.revoke_key(key_id, actor=current_actor())
    return redirect_to("accounts.api_keys", message=f"{key.name} is revoked.")


@bp.get("/settings/sessions", endpoint="sessions")
@requires(ACCOUNT_READ)
def list_sessions() -> Response:
    found = sessions.list_sessions(actor=current_actor())
    return page("accounts/sessions.html", sessions=found, current=current_actor().session_id)


@bp.post("/settings/sessions/<uuid:session_id>/revocation")
@requires(ACCOUNT_WRITE)
def revoke_session(session_id: UUID) -> Response:
    sessions.revoke_session(session_id, actor=current_actor())
    return redirect_to("accounts.sessions", message="That browser is signed out.")


def _open(email: str, password: str, invitation: str = "") -> None:
    opened = sessions.sign_in(
        email,
        password,
        invitation=invitation,
        address=request.remote_addr or "",
        user_agent=request.user_agent.string,
    )
    session.clear()
    session.permanent = True
    session["session_id"] = str(opened.id)


def _check_setup_token() -> None:
    settings: Settings = current_app.config["CALLBOARD"]
    token = request.values.get("token", "")
    if services.has_organization() or not setup.is_token(settings, token):
        raise NotFound(
            "This link is not valid (any more).",
            suggestions=["Sign in, or look for the newest link in the output of `make run`."],
        )


def _safe_next() -> str | None:
    """Where to go after signing in: a path of ours, never another site."""
    target = request.values.get("next", "")
    is_ours = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if is_ours and target.isprintable() else None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"Organization not found: {text}") from None


def _members_page(form: MemberForm, *, status: int = 200, **shown_once: Any) -> Response:
    found = services.list_members(actor=current_actor())
    return page(
        "accounts/members.html",
        status=status,
        members=found,
        form=form,
        roles=list(Role),
        shown_once=shown_once,
    )


def _account_page(
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


def _keys_page(form: KeyForm, *, status: int = 200, secret: str | None = None) -> Response:
    found = keys.list_keys(actor=current_actor())
    form.role.choices = [c for c in form.role.choices if current_actor().role.includes(Role(c[0]))]
    return page(
        "accounts/api_keys.html",
        status=status,
        keys=found,
        form=form,
        secret=secret,
        now=clock.now(),
    )
