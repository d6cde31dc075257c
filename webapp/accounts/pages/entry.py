"""The ways in and out: the first start, signing in and out, a new password by a link."""

from __future__ import annotations

import hashlib

from flask import Blueprint, Response, current_app, g, request, session
from flask_limiter.util import get_remote_address

from webapp.accounts import credentials, invitations, samples, services, sessions, setup
from webapp.accounts.forms import JoinForm, NewPasswordForm, SetupForm, SignInForm
from webapp.accounts.models import Membership, Session
from webapp.accounts.tokens import hash_token
from webapp.audit.noting import note
from webapp.config import Settings
from webapp.core import navigation
from webapp.core.errors import DomainError, NotFound
from webapp.core.extensions import limiter
from webapp.core.security import needs_no, public
from webapp.core.web import page, redirect_to

bp = Blueprint("entry", __name__)


def sign_in_limit() -> str:
    """How often a password may be tried, as Flask-Limiter reads it."""
    return f"{current_app.config['CALLBOARD'].sign_in_limit} per minute"


def _account_key() -> str:
    email = request.form.get("email", "").strip().lower()
    return "account:" + hashlib.sha256(email.encode(errors="replace")).hexdigest()


def _link_key() -> str:
    token = request.values.get("token", "")
    return "link:" + hash_token(token)


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
            opened = setup.sign_first_admin_in(
                form.name.data, email=form.email.data, password=form.password.data, **_browser()
            )
            settings: Settings = current_app.config["CALLBOARD"]
            (settings.data_dir / setup.TOKEN_FILE).unlink(missing_ok=True)
            _remember(opened)
            if form.with_samples.data:
                samples.seed(opened.membership.actor)
            return redirect_to(navigation.home(), message="Welcome to Callboard.")
    return page("accounts/setup.html", status=422, form=form)


@bp.get("/sign-in")
@public
def new_session() -> Response:
    if g.actor is not None:
        return redirect_to(navigation.home())
    is_new = not services.has_organization()
    return page("accounts/sign_in.html", form=SignInForm(), next=_safe_next(), is_new=is_new)


@bp.post("/sign-in")
@public
@limiter.limit(sign_in_limit, key_func=get_remote_address)
@limiter.limit(sign_in_limit, key_func=_account_key)
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
            _note_refusal(form.email.data, error.code)
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
    return redirect_to("entry.new_session", message="You are signed out.")


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
    token = request.values.get("token", "")
    link = credentials.find_link(token)
    form = NewPasswordForm()
    if form.validate():
        with form.refusing():
            credentials.use_link(token, form.password.data)
            session.clear()
            return redirect_to("entry.new_session", message="Sign in with your new password.")
    return page("accounts/password.html", status=422, form=form, token=token, email=link.user.email)


@bp.get("/join")
@public
def new_member() -> Response:
    """What an invitation's link leads to."""
    token = request.args.get("token", "")
    return _join_page(token, invitations.find_invitation(token), JoinForm(formdata=None))


@bp.post("/join")
@public
@limiter.limit(sign_in_limit, key_func=get_remote_address)
@limiter.limit(sign_in_limit, key_func=_link_key)
@needs_no(right="the one-time link is the right")
def create_member() -> Response:
    token = request.values.get("token", "")
    invitation = invitations.find_invitation(token)
    name = invitation.organization.name
    form = JoinForm()
    if _is_for(invitation):
        invitations.join_signed_in(token, actor=g.actor)
        return redirect_to(navigation.home(), message=f"You have joined {name}.")
    if form.validate():
        with form.refusing():
            _remember(invitations.join(token, form.password.data, **_browser()))
            return redirect_to(navigation.home(), message=f"You have joined {name}.")
    return _join_page(token, invitations.find_invitation(token), form, status=422)


def _join_page(
    token: str, invitation: Membership, form: JoinForm, *, status: int = 200
) -> Response:
    return page(
        "accounts/join.html",
        status=status,
        form=form,
        token=token,
        invitation=invitation,
        is_signed_in=_is_for(invitation),
    )


def _is_for(invitation: Membership) -> bool:
    """Whether the person who is invited is signed in here."""
    return (
        g.actor is not None
        and g.actor.session_id is not None
        and g.actor.user_id == invitation.user_id
    )


def _open(email: str, password: str, invitation: str = "") -> None:
    _remember(sessions.sign_in(email, password, invitation=invitation, **_browser()))


def _note_refusal(email: str, reason: str) -> None:
    """Tell the organizations of the person; who is in none, or not there, is told to nobody."""
    address, request_id = request.remote_addr or "", g.request_id
    note(lambda: sessions.find_refusals(email, reason, address=address, request_id=request_id))


def _browser() -> dict[str, str]:
    """What a session says of where it was opened."""
    return {
        "address": request.remote_addr or "",
        "user_agent": request.user_agent.string,
    }


def _remember(opened: Session) -> None:
    """Let the browser's cookie name its session."""
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
