"""Where a model's server may be."""

from __future__ import annotations

from urllib.parse import urlsplit

MAX_ADDRESS = 2000


def check_base_url(url: str) -> str:
    """`url` without a slash at its end; ValueError says what it is not.

    Only admins name one, and it may well be on this machine or in our network.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ValueError("is not an address") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and name a host")
    if parts.username or parts.password:
        raise ValueError("must hold no user and no password: the key has a field of its own")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("must end before ? and #")
    if not url.isprintable() or " " in url:
        raise ValueError("must hold no spaces and no control characters")
    if len(url) > MAX_ADDRESS:
        raise ValueError(f"has more than {MAX_ADDRESS:,} characters")
    return url.rstrip("/")
