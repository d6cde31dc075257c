"""The browsers in which one is signed in, under Settings."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response

from webapp.accounts import sessions
from webapp.accounts.permissions import ACCOUNT_READ, ACCOUNT_WRITE
from webapp.core.security import current_actor, requires
from webapp.core.web import page, redirect_to

bp = Blueprint("sessions", __name__)


@bp.get("/settings/sessions")
@requires(ACCOUNT_READ)
def index() -> Response:
    listed = sessions.list_sessions(actor=current_actor())
    return page("accounts/sessions.html", sessions=listed, current=current_actor().session_id)


@bp.post("/settings/sessions/<uuid:session_id>/revocation")
@requires(ACCOUNT_WRITE)
def revoke(session_id: UUID) -> Response:
    sessions.revoke_session(session_id, actor=current_actor())
    return redirect_to("sessions.index", message="That browser is signed out.")
