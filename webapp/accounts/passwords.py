"""E-mails and passwords: which are taken, and hashing.

Hashes are argon2id, few at once so that a burst of sign-ins cannot eat the memory.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from secrets import token_bytes
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from email_validator import EmailNotValidError, validate_email

from webapp.core.errors import Invalid

MIN_LENGTH = 8
MAX_LENGTH = 200
#: how much of a password is judged; what is longer is hard to guess anyhow
JUDGED_LENGTH = 64
#: guesses that a password must outlast, as a power of ten
MIN_GUESSES = 6

_turn = BoundedSemaphore(2)
_hasher: PasswordHasher
#: verified against when there is no such account, so that the answer takes as long
_NOBODY: str


def set_cost(*, time_cost: int, memory_kib: int) -> None:
    """What a hash costs from now on; known hashes keep the cost that stands in them."""
    global _hasher, _NOBODY
    _hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
    # No password has it, and making a real one would take a tenth of every process's start.
    salt, digest = (b64encode(token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    _NOBODY = f"$argon2id$v=19$m={memory_kib},t={time_cost},p=1${salt}${digest}"


set_cost(time_cost=2, memory_kib=19 * 1024)


def checked_email(email: str) -> str:
    """The e-mail in its normal form; raises Invalid where it is none."""
    try:
        checked = validate_email(email.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise Invalid(f"This is not an e-mail address: {error}", field="email") from error
    return checked.normalized.lower()


def hash_new(password: str, *, email: str) -> str:
    """The hash of a password that somebody has chosen; raises Invalid where it is too weak."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise Invalid(f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters.", field="password")
    from zxcvbn import zxcvbn  # its lists of words are 12 MB, and passwords are chosen rarely

    known = [email, *email.split("@"), "callboard"]
    judgement = zxcvbn(password[:JUDGED_LENGTH], user_inputs=known)
    if judgement["guesses_log10"] < MIN_GUESSES:
        reason = judgement["feedback"]["warning"] or "It is among the first that are tried."
        raise Invalid(
            f"This password is easy to guess. {reason}",
            code="weak_password",
            field="password",
            suggestions=["Use several words that do not belong together."],
        )
    with _turn:
        return _hasher.hash(password)


def make_password() -> str:
    """A password that nobody guesses."""
    return secrets.token_urlsafe(12)


def verify(password_hash: str | None, password: str) -> bool:
    """Whether the password fits; takes equally long where there is no hash."""
    with _turn:
        try:
            return _hasher.verify(password_hash or _NOBODY, password) and password_hash is not None
        except (Argon2Error, InvalidHashError):
            return False
