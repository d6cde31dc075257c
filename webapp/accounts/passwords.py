"""Password hashing: argon2id, few at once so that a burst of sign-ins cannot eat the memory."""

from __future__ import annotations

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

MIN_LENGTH = 8
MAX_LENGTH = 200

_turn = BoundedSemaphore(2)
_hasher: PasswordHasher
#: verified against when there is no such account, so that the answer takes as long
_NOBODY: str


def set_cost(*, time_cost: int, memory_kib: int) -> None:
    """What a hash costs from now on; known hashes keep the cost that stands in them."""
    global _hasher, _NOBODY
    _hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
    _NOBODY = _hasher.hash("nobody has this password")


set_cost(time_cost=2, memory_kib=19 * 1024)


def hash_password(password: str) -> str:
    with _turn:
        return _hasher.hash(password)


def verify(password_hash: str | None, password: str) -> bool:
    """Whether the password fits; takes equally long where there is no hash."""
    with _turn:
        try:
            return _hasher.verify(password_hash or _NOBODY, password) and password_hash is not None
        except (Argon2Error, InvalidHashError):
            return False
