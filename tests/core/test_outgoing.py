"""Requests to named addresses: what is connected to is what was checked."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from webapp.core import outgoing
from webapp.core.addresses import AllowedHosts


@pytest.fixture
def hosts() -> list[str]:
    """The `Host` of every request that arrived."""
    return []


@pytest.fixture
def port(hosts: list[str]) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hosts.append(self.headers["Host"])
            self.send_response(302 if self.path == "/away" else 204)
            self.send_header("Location", "/")
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """What the name service answers for a name: the first list first, the last for ever."""
    known: dict[str, list[list[str]]] = {}
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        answers = known.get(host)
        if answers is None:
            return look_up(host, port, *args, **options)
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


def get(url: str, allowed: str = "", verify: ssl.SSLContext | bool = True) -> int:
    async def ask() -> int:
        hosts = AllowedHosts.parse(allowed)
        async with outgoing.open_client(hosts, timeout_seconds=10, verify=verify) as http:
            return (await http.get(url)).status_code

    return asyncio.run(ask())


@contextmanager
def serve_tls(
    folder: Path, name: str, seen: list[str | None]
) -> Iterator[tuple[int, ssl.SSLContext]]:
    """A server with a certificate for `name`: its port, and a context that trusts it alone.

    `seen` gets the names that clients ask for in their handshakes.
    """
    certificate = make_certificate(folder, name)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificate)
    server_context.sni_callback = lambda _socket, asked, _context: seen.append(asked)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_args: None  # type: ignore[method-assign]  # a client that hangs up is expected
    server.socket = server_context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.server_port, ssl.create_default_context(cafile=str(certificate))
    server.shutdown()
    server.server_close()


def make_certificate(folder: Path, name: str) -> Path:
    """A file with a key and its own certificate for `name`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0"])
def test_a_private_address_is_not_called(host: str, port: int, hosts: list[str]) -> None:
    with pytest.raises(outgoing.PrivateAddress, match="CALLBOARD_ALLOWED_HOSTS"):
        get(f"http://{host}:{port}/")
    assert hosts == []


def test_a_name_that_leads_to_a_private_address_is_not_called(
    port: int, hosts: list[str], names: dict[str, list[list[str]]]
) -> None:
    names["hooks.example"] = [["127.0.0.1"]]
    with pytest.raises(outgoing.PrivateAddress, match=r"hooks\.example"):
        get(f"http://hooks.example:{port}/")
    assert hosts == []


def test_a_host_that_is_named_is_called_by_its_name(
    port: int, hosts: list[str], names: dict[str, list[list[str]]]
) -> None:
    names["hooks.example"] = [["127.0.0.1"]]
    for allowed in ("hooks.example", "127.0.0.0/8", "localhost"):
        assert get(f"http://hooks.example:{port}/", allowed) == 204
    assert hosts == [f"hooks.example:{port}"] * 3


def test_the_address_that_was_checked_is_the_one_connected_to(
    port: int, hosts: list[str], names: dict[str, list[list[str]]]
) -> None:
    """The name service answers a second question differently; there is no second question."""
    names["hooks.example"] = [["127.0.0.1"], ["127.0.0.2"]]
    assert get(f"http://hooks.example:{port}/", "127.0.0.1") == 204
    with pytest.raises(outgoing.PrivateAddress):
        get(f"http://hooks.example:{port}/", "127.0.0.1")
    assert len(hosts) == 1


def test_only_the_allowed_ones_of_several_addresses_are_tried(
    port: int, hosts: list[str], names: dict[str, list[list[str]]]
) -> None:
    names["hooks.example"] = [["10.0.0.1", "127.0.0.3", "127.0.0.1"]]
    # Nobody listens at the second; the third answers.
    assert get(f"http://hooks.example:{port}/", "127.0.0.3, 127.0.0.1") == 204
    assert len(hosts) == 1


def test_the_certificate_must_be_the_names_and_not_the_addresss(
    names: dict[str, list[list[str]]], tmp_path: Path
) -> None:
    """What is connected to is an address; what it must prove to be is the host of the URL."""
    seen: list[str | None] = []
    with serve_tls(tmp_path, "hooks.example", seen) as (port, trusted):
        for host in ("hooks.example", "other.example"):
            names[host] = [["127.0.0.1"]]
        assert get(f"https://hooks.example:{port}/", "localhost", trusted) == 204
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            get(f"https://other.example:{port}/", "localhost", trusted)
    assert seen == ["hooks.example", "other.example"]


def test_a_redirect_is_an_answer_like_any_other(port: int, hosts: list[str]) -> None:
    assert get(f"http://127.0.0.1:{port}/away", "localhost") == 302
    assert len(hosts) == 1


def test_a_name_that_nobody_knows_cannot_be_connected_to() -> None:
    with pytest.raises(httpx.ConnectError, match=r"nowhere\.invalid is not known: [^\[]+$"):
        get("http://nowhere.invalid/")
