"""Tokens of one-time links: shown once, kept as their SHA-256."""

from __future__ import annotations

import hashlib
import secrets


def make_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(24)


def hash_token(token: str) -> str:
    """What is kept of a token, in hex, by which its link is found."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
