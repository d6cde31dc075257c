"""The first start: a one-time link, or an admin made from environment variables."""

from __future__ import annotations

import hashlib
import secrets
from hmac import compare_digest
from pathlib import Path

from webapp.accounts import keys, services
from webapp.config import BadSettings, Settings
from webapp.core.errors import Invalid

TOKEN_FILE = "setup_token"  # noqa: S105 - a file's name
#: what an operator calls the fields of the first admin
VARIABLES: dict[str | None, str] = {
    "name": "CALLBOARD_ORGANIZATION",
    "email": "CALLBOARD_ADMIN_EMAIL",
    "password": "CALLBOARD_ADMIN_PASSWORD",
}


def prepare(settings: Settings) -> str | None:
    """Make the first admin from the settings, or return the path of the setup page.

    None when the first start is over. The link stays the same until it has been used. Raises
    BadSettings on a value that nobody can be made of.
    """
    if services.has_organization() or not settings.admin_email:
        return path(settings)
    try:
        admin = services.create_first_organization(
            settings.organization,
            email=settings.admin_email,
            password=settings.admin_password or "",
        )
    except Invalid as error:
        raise BadSettings(f"{VARIABLES[error.field]} cannot be used. {error.message}") from error
    if settings.admin_api_key:
        actor = services.actor_of(admin)
        keys.create_key("First key", actor=actor, key=settings.admin_api_key)
    return None


def path(settings: Settings) -> str | None:
    """The path of the setup page with its one-time token, while there is no admin to come."""
    if services.has_organization():
        (settings.data_dir / TOKEN_FILE).unlink(missing_ok=True)
        return None
    return None if settings.admin_email else f"/setup?token={_kept_token(settings.data_dir)}"


def is_token(settings: Settings, token: str) -> bool:
    """Whether this is the one-time token of the setup page."""
    file = settings.data_dir / TOKEN_FILE
    if not file.exists():
        return False
    digest = hashlib.sha256(token.encode(errors="replace")).digest()
    return compare_digest(hashlib.sha256(file.read_bytes()).digest(), digest)


def _kept_token(data_dir: Path) -> str:
    file = data_dir / TOKEN_FILE
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return file.read_text()
