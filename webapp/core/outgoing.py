"""HTTP to addresses that people have named.

The name is looked up once, what comes of it is checked, and the connection is made to the very
address that was checked: a name service that answers differently the next time changes nothing.
`Host`, and the name that the certificate must have, stay those of the URL.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from ipaddress import ip_address

import httpx

from webapp.core.addresses import Address, AllowedHosts


class PrivateAddress(httpx.TransportError):
    """The host is, or its name leads to, an address that may not be called."""


class GuardedTransport(httpx.AsyncBaseTransport):
    """Connects only where `allowed` lets it.

    For one host: connections are pooled by address, and hosts that share one must not share them.
    """

    def __init__(self, allowed: AllowedHosts, *, verify: ssl.SSLContext | bool = True) -> None:
        self._allowed = allowed
        self._inner = httpx.AsyncHTTPTransport(verify=verify, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.raw_host.decode("ascii").strip("[]")
        addresses = await self._look_up(host, request.url.port)
        url = request.url
        problem: httpx.TransportError = httpx.ConnectError(f"{host} has no address")
        request.extensions = {**request.extensions, "sni_hostname": host}
        for address in addresses:
            request.url = url.copy_with(host=str(address))
            try:
                return await self._inner.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                problem = error
        raise problem

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _look_up(self, host: str, port: int | None) -> list[Address]:
        try:
            records = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise httpx.ConnectError(f"{host} is not known: {reason}") from error
        # A link-local address carries its interface ("fe80::1%eth0"), which is no part of it.
        addresses = dict.fromkeys(ip_address(str(item[4][0]).partition("%")[0]) for item in records)
        allowed = [address for address in addresses if self._allowed.allows(host, address)]
        if addresses and not allowed:
            raise PrivateAddress(
                f"{host} is a private address; CALLBOARD_ALLOWED_HOSTS does not name it"
            )
        return allowed


def open_client(
    allowed: AllowedHosts, *, timeout_seconds: float, verify: ssl.SSLContext | bool = True
) -> httpx.AsyncClient:
    """A client for one host: no redirect is followed, no proxy of the environment is used."""
    return httpx.AsyncClient(
        transport=GuardedTransport(allowed, verify=verify),
        timeout=timeout_seconds,
        follow_redirects=False,
        trust_env=False,
    )
