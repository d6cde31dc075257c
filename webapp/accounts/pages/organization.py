"""The organization, under Settings: its name and its logo."""

from __future__ import annotations

from flask import Blueprint, Response

from webapp.accounts import organizations
from webapp.accounts.forms import LogoForm, OrganizationForm
from webapp.accounts.permissions import ORGANIZATION_WRITE
from webapp.core.actor import ORGANIZATION_READ
from webapp.core.security import current_actor, requires
from webapp.core.web import page, redirect_to

bp = Blueprint("organization", __name__, url_prefix="/settings/organization")


@bp.get("")
@requires(ORGANIZATION_READ)
def show() -> Response:
    return _show_page()


@bp.post("")
@requires(ORGANIZATION_WRITE)
def update() -> Response:
    form = OrganizationForm()
    if form.validate():
        with form.refusing():
            organizations.rename_organization(form.name.data, actor=current_actor())
            return redirect_to("organization.show", message="The organization is saved.")
    return _show_page(form=form, status=422)


@bp.post("/logo")
@requires(ORGANIZATION_WRITE)
def update_logo() -> Response:
    form = LogoForm()
    if form.validate():
        with form.refusing():
            # One byte more than may be is enough to see that it is too many.
            content = form.logo.data.stream.read(organizations.MAX_LOGO + 1)
            organizations.set_logo(content, actor=current_actor())
            return redirect_to("organization.show", message="The logo is saved.")
    return _show_page(logo_form=form, status=422)


@bp.post("/logo/removal")
@requires(ORGANIZATION_WRITE)
def remove_logo() -> Response:
    organizations.remove_logo(actor=current_actor())
    return redirect_to("organization.show", message="The logo is removed.")


@bp.get("/logos/<digest>")
@requires(ORGANIZATION_READ)
def logo(digest: str) -> Response:
    """The picture; another one has another address, so browsers may keep it."""
    content, media_type = organizations.get_logo(digest, actor=current_actor())
    response = Response(content, mimetype=media_type)
    response.headers["Content-Disposition"] = "inline"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


def _show_page(
    *,
    status: int = 200,
    form: OrganizationForm | None = None,
    logo_form: LogoForm | None = None,
) -> Response:
    organization = organizations.get_organization(actor=current_actor())
    return page(
        "accounts/organization.html",
        status=status,
        organization=organization,
        form=form or OrganizationForm(formdata=None, obj=organization),
        logo_form=logo_form or LogoForm(formdata=None),
        max_logo=organizations.MAX_LOGO,
    )
