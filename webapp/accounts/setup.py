"""The first start: a one-time link, or an admin made from environment variables."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from hmac import compare_digest
from pathlib import Path

from webapp.accounts import changes, services
from webapp.accounts.models import Membership, Session
from webapp.config import BadSettings, Settings
from webapp.core.database.transactions import lock_name
from webapp.core.errors import Conflict, Invalid
from webapp.core.extensions import db

TOKEN_FILE = "setup_token"  # noqa: S105 - a file's name
#: what an operator calls the fields of the first admin
VARIABLES: dict[str | None, str] = {
    "name": "CALLBOARD_ORGANIZATION",
    "email": "CALLBOARD_ADMIN_EMAIL",
    "password": "CALLBOARD_ADMIN_PASSWORD",
    "key": "CALLBOARD_ADMIN_API_KEY",
}


def prepare(settings: Settings) -> str | None:
    """Make the first admin from the settings, or return the path of the setup page.

    None when the first start is over. The link stays the same until it has been used. Raises
    BadSettings on a value that nobody can be made of.
    """
    if services.has_organization() or not settings.admin_email:
        return path(settings)
    try:
        create_first_organization(
            settings.organization,
            email=settings.admin_email,
            password=settings.admin_password or "",
            api_key=settings.admin_api_key,
        )
    except Invalid as error:
        db.session.rollback()
        raise BadSettings(f"{VARIABLES[error.field]} cannot be used. {error.message}") from error
    except Conflict:
        return path(settings)  # another process of this start was faster
    return None


def create_first_organization(
    name: str, *, email: str, password: str, api_key: str | None = None
) -> Membership:
    """Make the first organization with its admin, and their first key where its secret is given.

    Raises Invalid on what nobody can be made of, Conflict when somebody else was faster.
    """
    _require_first()
    membership = changes.add_organization(name, email=email, password=password, api_key=api_key)
    db.session.commit()
    return membership


def sign_first_admin_in(
    name: str, *, email: str, password: str, address: str, user_agent: str
) -> Session:
    """Make the first organization with its admin, and their session.

    Raises what `create_first_organization` raises.
    """
    _require_first()
    membership = changes.add_organization(name, email=email, password=password)
    session = changes.add_session(membership, address=address, user_agent=user_agent)
    db.session.commit()
    return session


def _require_first() -> None:
    lock_name("the first organization")
    if services.has_organization():
        db.session.rollback()
        raise Conflict("The first admin has been made already. Sign in.", code="already_set_up")


def path(settings: Settings) -> str | None:
    """The path of the setup page with its one-time token, while there is no admin to come."""
    if services.has_organization():
        (settings.data_dir / TOKEN_FILE).unlink(missing_ok=True)
        return None
    return None if settings.admin_email else f"/setup?token={_kept_token(settings.data_dir)}"


def is_token(settings: Settings, token: str) -> bool:
    """Whether this is the one-time token of the setup page."""
    file = settings.data_dir / TOKEN_FILE
    kept = file.read_bytes() if file.exists() else b""
    if not kept:
        return False
    digest = hashlib.sha256(token.encode(errors="replace")).digest()
    return compare_digest(hashlib.sha256(kept).digest(), digest)


def _kept_token(data_dir: Path) -> str:
    file = data_dir / TOKEN_FILE
    size = file.stat().st_size if file.exists() else None
    if not size:
        # Made whole beside its place: another process, or a start after a kill, never reads half.
        made = data_dir / f"{TOKEN_FILE}.{secrets.token_hex(4)}"
        made.touch(mode=0o600)
        made.write_text(secrets.token_urlsafe(24))
        if size == 0:  # as a start that was killed has left it
            made.replace(file)
        else:
            with suppress(FileExistsError):  # another process was faster, and its token holds
                os.link(made, file)
            made.unlink()
    return file.read_text()
