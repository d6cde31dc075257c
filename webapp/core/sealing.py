"""Secrets that we have to read again, as the database keeps them: sealed with `SECRET_KEY`.

Whoever has only the database, or a copy of it, has none of them. What was sealed with an earlier
key is read as long as `SECRET_KEY_FALLBACKS` names it; `reseal_all` seals it with the present one.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flask import current_app
from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute

from webapp.core.extensions import db
from webapp.core.feature import contributions

# Else imported where it is used: 7 MB that a process without secrets does without.
if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

#: what the key is for, among all that may be derived from a `SECRET_KEY`
PURPOSE = b"callboard sealed secrets"
#: rows that are sealed anew in one transaction
RESEALED_AT_ONCE = 100


class Unreadable(Exception):
    """It was sealed with another `SECRET_KEY`."""


@dataclass(frozen=True)
class SealedColumn:
    """A column that holds what `seal` makes, or NULL; a feature brings each that it has."""

    column: InstrumentedAttribute[Any]


@dataclass
class Resealed:
    """How many secrets are sealed with the present key now, and how many nobody can read."""

    count: int = 0
    unreadable_count: int = 0


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


def reseal(sealed: str) -> str:
    """The same secret, sealed with the present key. Raises Unreadable as `unseal` does."""
    from cryptography.fernet import InvalidToken

    try:
        return _fernet().rotate(sealed).decode()
    except InvalidToken as error:
        raise Unreadable("This secret was sealed with another SECRET_KEY.") from error


def reseal_all() -> Resealed:
    """Seal every secret of the database with the present key, some in each transaction.

    What cannot be read is left as it is: another key may come back.
    """
    resealed = Resealed()
    for item in contributions(SealedColumn):
        table = item.column.class_
        key = table.__mapper__.primary_key[0]
        after = None
        while True:
            statement = select(key, item.column).where(item.column.is_not(None))
            if after is not None:
                statement = statement.where(key > after)
            rows = db.session.execute(statement.order_by(key).limit(RESEALED_AT_ONCE)).all()
            if not rows:
                break
            for identity, sealed in rows:
                after = identity
                try:
                    anew = reseal(sealed)
                except Unreadable:
                    resealed.unreadable_count += 1
                    continue
                # A secret that has been replaced meanwhile stays the one that it is.
                db.session.execute(
                    update(table)
                    .where(key == identity, item.column == sealed)
                    .values({item.column: anew})
                )
                resealed.count += 1
            db.session.commit()
    return resealed


def _fernet() -> MultiFernet:
    settings = current_app.config["CALLBOARD"]
    return _fernet_of((settings.secret_key, *settings.earlier_secret_keys))


@lru_cache(4)
def _fernet_of(secret_keys: tuple[str, ...]) -> MultiFernet:
    """Seals with the first key, reads with each."""
    from cryptography.fernet import Fernet, MultiFernet

    derived = [derive(key) for derive in (_derive, _derive_before) for key in secret_keys]
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in derived])


def _derive(secret_key: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), length=32, salt=None, info=PURPOSE).derive(secret_key.encode())


def _derive_before(secret_key: str) -> bytes:
    """As before there were fallbacks; nothing is sealed with it any more."""
    return hmac.new(secret_key.encode(), b"sealed secrets", hashlib.sha256).digest()
