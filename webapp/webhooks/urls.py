"""What may be named as the address of a webhook."""

from __future__ import annotations

from urllib.parse import urlsplit

from webapp.core.addresses import allowed_hosts
from webapp.core.errors import Invalid

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def check_url(url: str) -> str:
    """`url` itself; ValueError says what it is not.

    It is https, or http to this machine or to a host that `CALLBOARD_ALLOWED_HOSTS` names.
    Whether it may be called is asked by `check_reachable` and `check_target`.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise ValueError("is not an address") from error
    is_local = host in LOCAL_HOSTS or (host is not None and allowed_hosts().has(host))
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_local)):
        raise ValueError(
            "must begin with https:// (http:// is for hosts that CALLBOARD_ALLOWED_HOSTS names)"
        )
    if parts.username or parts.password:
        raise ValueError("must hold no user and no password")
    if not url.isprintable() or " " in url:
        raise ValueError("must hold no spaces and no control characters")
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise ValueError("has a host that no name service can know") from error
    if len(url) > 2000:
        raise ValueError("has more than 2,000 characters")
    return url


def check_target(url: str) -> str:
    """`url` itself; ValueError also where it is surely one that may not be called.

    What a name stands for shows when it is called: see `webapp.core.outgoing`.
    """
    check_url(url)
    if (host := _private_host(url)) is not None:
        raise ValueError(
            f"names {host}, a private address that CALLBOARD_ALLOWED_HOSTS does not name"
        )
    return url


def check_reachable(url: str, field: str = "url") -> str:
    """`url` itself; Invalid where `check_target` refuses it."""
    try:
        check_url(url)
    except ValueError as error:
        raise Invalid(f"{field} {error}.", field=field) from error
    if (host := _private_host(url)) is not None:
        raise Invalid(
            f"{host} is a private address.",
            field=field,
            code="private_address",
            suggestions=["Ask the operator to name it in CALLBOARD_ALLOWED_HOSTS."],
        )
    return url


def _private_host(url: str) -> str | None:
    host = urlsplit(url).hostname or ""
    return host if allowed_hosts().refuses_literally(host) else None
