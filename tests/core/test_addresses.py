"""Which addresses may be called for somebody who named them."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from webapp.core.addresses import AllowedHosts, is_public


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_an_address_of_the_whole_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
     "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.0.8", "198.18.0.1",
     "::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff0e::1", "2001:db8::1",
     "::ffff:10.0.0.1", "::7f00:1", "2002:7f00:1::", "64:ff9b::7f00:1"],
)  # fmt: skip
def test_an_address_of_a_neighbourhood_is_not_however_it_is_wrapped(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    ("text", "host", "address", "is_allowed"),
    [
        ("", "example.com", "8.8.8.8", True),
        ("", "hooks.internal", "10.0.0.1", False),
        ("Hooks.Internal", "hooks.INTERNAL", "10.0.0.1", True),
        ("hooks.internal", "other.internal", "10.0.0.1", False),
        ("internal", "hooks.internal", "10.0.0.1", False),
        ("a.internal, 10.0.0.0/8", "hooks.internal", "10.9.0.1", True),
        ("10.0.0.1", "10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2", False),
        ("fd00::/8", "hooks.internal", "fd00::7", True),
        ("[::1]", "::1", "::1", True),
        ("localhost", "127.0.0.1", "127.0.0.1", True),
        ("localhost", "localhost", "::1", True),
        ("localhost", "10.0.0.1", "10.0.0.1", False),
    ],
)
def test_a_private_host_is_allowed_by_name_address_or_network(
    text: str, host: str, address: str, is_allowed: bool
) -> None:
    assert AllowedHosts.parse(text).allows(host, ip_address(address)) is is_allowed


def test_a_host_can_be_named_by_itself_or_by_a_network_that_it_is_in() -> None:
    allowed = AllowedHosts.parse("hooks.internal, 10.1.0.0/16")
    for host in ("hooks.internal", "HOOKS.internal", "10.1.2.3"):
        assert allowed.has(host)
    for host in ("other.internal", "10.2.0.1", "8.8.8.8", "::1"):
        assert not allowed.has(host)


def test_some_hosts_are_refused_without_asking_a_name_service() -> None:
    nothing = AllowedHosts.parse("")
    for host in ("localhost", "LOCALHOST", "127.0.0.1", "[::1]", "::1", "10.0.0.1"):
        assert nothing.refuses_literally(host)
    for host in ("example.com", "8.8.8.8", "hooks.internal"):
        assert not nothing.refuses_literally(host)
    assert not AllowedHosts.parse("localhost").refuses_literally("127.0.0.1")
    assert not AllowedHosts.parse("localhost").refuses_literally("localhost")
