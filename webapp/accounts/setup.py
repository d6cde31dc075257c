"""The first start: a one-time link, or an admin made from environment variables."""

from __future__ import annotations

import hashlib
import secrets
from hmac import compare_digest
from pathlib import Path

from webapp.accounts import keys, services
from webapp.config import Settings

TOKEN_FILE = "setup_token"  # noqa: S105 - a file's name


def prepare(settings: Settings) -> str | None:
    """Make the first admin from the settings, or return the path of the setup page.

    None when the first start is over. The link stays the same until it has been used.
    """
    if services.has_organization():
        (settings.data_dir / TOKEN_FILE).unlink(missing_ok=True)
        return None
    if settings.admin_email and settings.admin_password:
        user = services.create_first_organization(
            settings.organization,
            email=settings.admin_email,
            password=settings.admin_password,
        )
        if settings.admin_api_key:
            actor = services.actor_of(user)
            keys.create_key("First key", actor=actor, key=settings.admin_api_key)
        return None
    return f"/setup?token={_kept_token(settings.data_dir)}"


def is_token(settings: Settings, token: str) -> bool:
    """Whether this is the one-time token of the setup page."""
    path = settings.data_dir / TOKEN_FILE
    if not path.exists():
        return False
    digest = hashlib.sha256(token.encode(errors="replace")).digest()
    return compare_digest(hashlib.sha256(path.read_bytes()).digest(), digest)


def _kept_token(data_dir: Path) -> str:
    path = data_dir / TOKEN_FILE
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
    return path.read_text()
