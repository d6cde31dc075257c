"""What we rely on in gunicorn: that it lets connections go, and takes them back.

`webapp/core/live/handover.py` uses what gunicorn does not promise. These tests meet a real one.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from socket import SHUT_RDWR, create_connection, socket, socketpair

import httpx
import pytest

from tests.cast import Cast
from tests.conftest import new_database
from tests.factories import make_agent
from tests.server import KEY, Installation
from webapp.core.live import handover

QUERY = {"query": "tea", "top_k": 1}
HEADERS = {"X-API-Key": KEY, "Content-Type": "application/json"}
STREAM = "/api/v1/agents/kettle/query/stream"
#: more than gunicorn has threads, and fewer than the streams and sockets of these tests
CONNECTIONS = 30


@pytest.fixture(scope="module")
def server(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation whose gunicorn serves few connections, so that a lost one is missed."""
    running = Installation(tmp_path_factory.mktemp("few"), new_database(database_url))
    running.environment["GUNICORN_CMD_ARGS"] = f"--worker-connections {CONNECTIONS}"
    running.start()
    agent = {
        "name": "K", "handle": "kettle", "instructions": "x",
        "features_config": {"stream_delay_ms": 0},
    }  # fmt: skip
    running.request("POST", "/agents", agent)
    running.request("POST", "/documents", {"title": "Tea", "content": "Green tea."})
    yield running
    running.stop()


def test_what_gunicorn_holds_can_be_shut_down_without_ending_ours() -> None:
    ours, peer = socketpair()
    kept = handover.detach(ours)
    ours.shutdown(SHUT_RDWR)
    ours.close()
    kept.sendall(b"still here")
    assert peer.recv(100) == b"still here"
    kept.close()
    peer.close()


def test_the_connection_of_a_stream_serves_the_next_request(server: Installation) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.connect()
    first = connection.sock.getsockname()
    for _ in range(40):
        connection.request("POST", STREAM, json.dumps(QUERY), HEADERS)
        response = connection.getresponse()
        assert response.headers["Connection"] == "keep-alive"
        assert b'"completed"' in response.read()
        connection.request("GET", "/api/v1/health", headers=HEADERS)
        assert json.loads(connection.getresponse().read()) == {"status": "ok"}
        assert connection.sock.getsockname() == first
    connection.close()


def test_a_client_with_a_pool_meets_no_dead_connection(server: Installation) -> None:
    with httpx.Client(base_url=server.url, headers=HEADERS, timeout=60) as client:
        for _ in range(40):
            with client.stream("POST", STREAM, json=QUERY) as response:
                assert '"completed"' in response.read().decode()
            assert client.get("/api/v1/health").json() == {"status": "ok"}


def test_no_connection_is_lost_or_counted_twice(server: Installation) -> None:
    """gunicorn counts: were one too many or too few counted, it would stop to take new ones."""
    for _ in range(2 * CONNECTIONS):
        connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.request("POST", STREAM, json.dumps(QUERY), HEADERS)
        connection.getresponse().read()
        connection.close()
    sockets = [server.socket("/ws/query/kettle") for _ in range(2 * CONNECTIONS)]
    assert server.request("GET", "/health") == {"status": "ok"}
    for opened in sockets:
        opened.send(json.dumps(QUERY))
        assert json.loads(str(opened.receive(timeout=60)))["event"] == "started"
        opened.close()


@pytest.mark.parametrize(
    ("version", "header"), [("1.1", "Connection: close\r\n"), ("1.0", "")], ids=["close", "1.0"]
)
def test_who_wants_no_further_request_is_told_that_it_ends(
    server: Installation, version: str, header: str
) -> None:
    answer = ask_raw(server, version, header)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Connection: close" in head
    assert (b"chunked" in head) == (version == "1.1")
    assert body.endswith(b"0\r\n\r\n" if version == "1.1" else b"\n\n")


def test_a_server_that_takes_no_connection_back_says_that_it_ends(cast: Cast) -> None:
    """As gunicorn does not while it stops, and as none does that is not gunicorn."""
    agent = make_agent(cast.actor("alice"))
    ours, peer = socketpair()
    with suppress(StopIteration):
        cast.api("bob").client.post(
            f"/api/v1/agents/{agent.id}/query/stream",
            json=QUERY,
            headers={"X-API-Key": cast.key("bob")},
            environ_overrides={"gunicorn.socket": ours, "SERVER_PROTOCOL": "HTTP/1.1"},
        )
    peer.settimeout(60)
    assert b"\r\nConnection: close\r\n" in peer.recv(65536)
    for end in (ours, peer):
        end.close()


def test_a_stream_has_the_headers_that_everything_has(server: Installation) -> None:
    plain = httpx.get(f"{server.url}/api/v1/agents", headers=HEADERS)
    with httpx.stream("POST", f"{server.url}{STREAM}", json=QUERY, headers=HEADERS) as stream:
        stream.read()
    own = {"content-type", "content-length", "cache-control", "date", "server", "x-total-count"}
    expected = {name for name in plain.headers if name not in own}
    assert {"content-security-policy", "x-frame-options", "referrer-policy"} <= expected
    assert expected <= set(stream.headers)


def test_a_handshake_that_is_none_is_400(server: Installation) -> None:
    headers = HEADERS | {"Connection": "Upgrade", "Upgrade": "websocket"}
    response = httpx.get(f"{server.url}/ws/live", headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "malformed")


def test_a_socket_is_refused_where_gunicorn_speaks_tls(cast: Cast) -> None:
    context = ssl.create_default_context()
    encrypted = context.wrap_socket(socket(), server_hostname="callboard.example")
    response = cast.api("vera").client.get(
        "/ws/live",
        headers={"X-API-Key": cast.api("vera").key or "", "Upgrade": "websocket",
                 "Connection": "Upgrade"},
        environ_overrides={"gunicorn.socket": encrypted},
    )  # fmt: skip
    assert (response.status_code, response.json["code"]) == (503, "tls_on_socket")
    encrypted.close()


def test_sockets_are_not_compressed(server: Installation) -> None:
    """A push is the same bytes for all who follow, so none may have a context of its own."""
    opened = server.socket("/ws/live")
    assert not opened.ws.connection._proto.extensions
    opened.close()


def ask_raw(server: Installation, version: str, header: str) -> bytes:
    body = json.dumps(QUERY)
    lines = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    with create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(
            f"POST {STREAM} HTTP/{version}\r\nHost: localhost\r\n{lines}{header}"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        received = b""
        while content := connection.recv(65536):
            received += content
    return received
