"""API keys, under Settings."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, g

from webapp.accounts import keys
from webapp.accounts.forms import KeyForm
from webapp.accounts.permissions import ACCOUNT_READ, ACCOUNT_WRITE
from webapp.core import clock
from webapp.core.actor import Role
from webapp.core.security import current_actor, requires
from webapp.core.shown_once import show_once, take_shown_once
from webapp.core.web import page, redirect_to

bp = Blueprint("api_keys", __name__)


@bp.get("/settings/api-keys")
@requires(ACCOUNT_READ)
def index() -> Response:
    return _index_page(_form())


@bp.post("/settings/api-keys")
@requires(ACCOUNT_WRITE)
def create() -> Response:
    form = _form()
    if form.validate():
        with form.refusing():
            _, secret = keys.create_key(
                form.name.data,
                role=Role(form.role.data),
                expires_at=form.expires,
                actor=current_actor(),
            )
            show_once("api keys", secret=secret)
            return redirect_to("api_keys.index")
    return _index_page(form, status=422)


@bp.post("/settings/api-keys/<uuid:key_id>/revocation")
@requires(ACCOUNT_WRITE)
def revoke(key_id: UUID) -> Response:
    key = keys.revoke_key(key_id, actor=current_actor())
    return redirect_to("api_keys.index", message=f"{key.name} is revoked.")


def _form() -> KeyForm:
    """The form for a new key, which asks for times as the person's profile has them."""
    person = g.membership.user if "membership" in g else None
    return KeyForm(own_zone=person.time_zone if person else "")


def _index_page(form: KeyForm, *, status: int = 200) -> Response:
    listed = keys.list_keys(actor=current_actor())
    form.role.choices = [c for c in form.role.choices if current_actor().role.includes(Role(c[0]))]
    return page(
        "accounts/api_keys.html",
        status=status,
        keys=listed,
        form=form,
        secret=take_shown_once("api keys").get("secret"),
        now=clock.now(),
    )
