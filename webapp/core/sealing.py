"""Secrets that we have to read again, as the database keeps them: sealed with `SECRET_KEY`.

Whoever has only the database, or a copy of it, has none of them.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import TYPE_CHECKING

from flask import current_app

# Else imported where it is used: 7 MB that a process without webhooks does without.
if TYPE_CHECKING:
    from cryptography.fernet import Fernet


class Unreadable(Exception):
    """It was sealed with another `SECRET_KEY`."""


def seal(secret: str) -> str:
    """What may be stored; every call gives another text."""
    return _fernet().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """The secret itself. Raises Unreadable where the key has changed."""
    from cryptography.fernet import InvalidToken

    try:
        return _fernet().decrypt(sealed).decode()
    except InvalidToken as error:
        raise Unreadable("This secret was sealed with another SECRET_KEY.") from error


def _fernet() -> Fernet:
    return _fernet_of(current_app.config["CALLBOARD"].secret_key)


@lru_cache(4)
def _fernet_of(secret_key: str) -> Fernet:
    from cryptography.fernet import Fernet

    key = hmac.new(secret_key.encode(), b"sealed secrets", hashlib.sha256).digest()
    return Fernet(urlsafe_b64encode(key))
