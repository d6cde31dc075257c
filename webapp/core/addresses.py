"""Which addresses of the network may be called for somebody who named them.

A request that a member can steer must not reach what only this machine and its neighbours can:
other services, routers, a cloud's metadata. So only public addresses are called, and those that
the operator names in `CALLBOARD_ALLOWED_HOSTS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from flask import current_app

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: what the name `localhost` stands for, however it is written in an address
LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
#: IPv6 addresses that a translator turns into the IPv4 address in their last 32 bits (RFC 6052)
TRANSLATED = ip_network("64:ff9b::/96")
#: no addresses of the whole internet's, although Python counts them, or some, among these
NOT_PUBLIC: tuple[Network, ...] = (
    ip_network("192.0.0.0/24"),
    ip_network("::/96"),
    ip_network("fec0::/10"),
)


@dataclass(frozen=True)
class AllowedHosts:
    """What the operator lets us call although it is private: names, and networks of addresses."""

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    @lru_cache(8)
    def parse(cls, text: str) -> AllowedHosts:
        """Read `hooks.internal, 10.1.0.0/16, localhost`: what is no address is a name."""
        names: set[str] = set()
        networks: list[Network] = []
        for entry in (part.strip().casefold() for part in text.split(",")):
            try:
                networks.append(ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                names |= {entry} if entry else set()
        if "localhost" in names:
            networks.extend(LOOPBACK)
        return cls(frozenset(names), tuple(networks))

    def allows(self, host: str, address: Address) -> bool:
        """Whether `host`, which a name service has given this address, may be called there."""
        return (
            is_public(address)
            or host.casefold() in self.names
            or any(address in network for network in self.networks)
        )

    def has(self, host: str) -> bool:
        """Whether the operator has named this very host."""
        if host.casefold() in self.names:
            return True
        try:
            address = ip_address(host.strip("[]"))
        except ValueError:
            return False
        return any(address in network for network in self.networks)

    def refuses_literally(self, host: str) -> bool:
        """Whether no name service is needed to know that `host` may not be called."""
        host = host.strip("[]")
        if host.casefold() == "localhost":
            return not self.allows(host, ip_address("127.0.0.1"))
        try:
            return not self.allows(host, ip_address(host))
        except ValueError:
            return False


def allowed_hosts() -> AllowedHosts:
    """What `CALLBOARD_ALLOWED_HOSTS` says."""
    return AllowedHosts.parse(current_app.config["CALLBOARD"].allowed_hosts)


def is_public(address: Address) -> bool:
    """Whether an address is one of the whole internet's, also when it wraps an older one."""
    if isinstance(address, IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour
        if wrapped is None and address in TRANSLATED:
            wrapped = IPv4Address(int(address) & 0xFFFF_FFFF)
        if wrapped is not None:
            return is_public(wrapped)
    is_reserved = any(address in network for network in NOT_PUBLIC)
    return address.is_global and not address.is_multicast and not is_reserved
