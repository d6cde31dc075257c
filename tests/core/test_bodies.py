"""Bodies above their limit and requests that are none, as a real gunicorn meets them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPResponse
from io import BytesIO
from typing import Any

import pytest

from tests.cast import Cast
from tests.conftest import new_database
from tests.server import KEY, Installation

MAX_BODY, MAX_UPLOAD = 100_000, 300_000
AGENT = {"name": "Helper", "instructions": "Help."}
JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def narrow(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation with small limits."""
    running = Installation(tmp_path_factory.mktemp("narrow"), new_database(database_url))
    running.environment |= {
        "CALLBOARD_MAX_BODY": str(MAX_BODY),
        "CALLBOARD_MAX_UPLOAD": str(MAX_UPLOAD),
    }
    running.start()
    yield running
    running.stop()


class Connection:
    """One connection that is used again and again, as pooling clients do."""

    def __init__(self, server: Installation) -> None:
        self.http = HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.answer: HTTPResponse | None = None

    def send(
        self, method: str, path: str, body: bytes = b"", chunked: bool = False, **headers: str
    ) -> Any:
        """Send a request, in chunks of 10,000 bytes or whole; the answer's JSON."""
        known = {"X-API-Key": KEY} | {k.replace("_", "-"): v for k, v in headers.items()}
        pieces = (body[start : start + 10_000] for start in range(0, len(body), 10_000))
        self.http.request(
            method, f"/api/v1{path}", pieces if chunked else body, known, encode_chunked=chunked
        )
        self.answer = self.http.getresponse()
        content = self.answer.read()
        return json.loads(content) if content else None

    @property
    def status(self) -> int:
        assert self.answer is not None
        return self.answer.status

    def is_usable(self) -> bool:
        """Whether the connection does what it said: it is open, or it said that it closes."""
        assert self.answer is not None
        if self.answer.headers["Connection"] == "close":
            return True
        assert self.http.sock is not None, "It closed without a word."
        self.send("GET", "/agents/search")
        return self.status == 200


@pytest.fixture
def connection(narrow: Installation) -> Iterator[Connection]:
    made = Connection(narrow)
    yield made
    made.http.close()


def agent(size: int) -> bytes:
    """An agent's JSON of exactly `size` bytes."""
    shortest = len(json.dumps({**AGENT, "persona": None, "instructions": ""}))
    return json.dumps({**AGENT, "persona": None, "instructions": "x" * (size - shortest)}).encode()


@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_a_body_up_to_its_limit_is_read(connection: Connection, chunked: bool) -> None:
    connection.send("POST", "/agents", agent(MAX_BODY), chunked, Content_Type="application/json")
    assert connection.status == 201
    assert connection.is_usable()


@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
@pytest.mark.parametrize("size", [MAX_BODY + 1, 2 * MAX_BODY], ids=["by a byte", "by far"])
def test_a_body_above_its_limit_is_413(connection: Connection, size: int, chunked: bool) -> None:
    for _ in range(5):
        problem = connection.send(
            "POST", "/agents", agent(size), chunked, Content_Type="application/json"
        )
        assert (connection.status, problem["code"]) == (413, "too_large")
        assert f"{MAX_BODY:,}" in problem["detail"]
        assert connection.is_usable()


@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_an_upload_above_its_limit_is_413_and_starts_nothing(
    connection: Connection, chunked: bool
) -> None:
    line = json.dumps({"title": "Tea", "content": "x" * 1000}).encode() + b"\n"
    body = line * (MAX_UPLOAD // len(line) + 1)
    problem = connection.send(
        "POST", "/documents/import", body, chunked, Content_Type="application/x-ndjson"
    )
    assert (connection.status, problem["code"]) == (413, "too_large")
    assert connection.is_usable()
    connection.send("GET", "/tasks")
    assert connection.answer is not None
    assert connection.answer.headers["X-Total-Count"] == "0"


@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_a_document_as_json_has_the_limit_of_json(connection: Connection, chunked: bool) -> None:
    body = json.dumps({"title": "Tea", "content": "x" * MAX_BODY}).encode()
    problem = connection.send("POST", "/documents", body, chunked, Content_Type="application/json")
    assert (connection.status, problem["code"]) == (413, "too_large")
    assert connection.is_usable()
    assert connection.send("GET", "/documents") == []


@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
@pytest.mark.parametrize(("size", "status"), [(MAX_UPLOAD // 2, 202), (MAX_UPLOAD, 413)])
def test_a_file_has_the_limit_of_uploads(
    connection: Connection, size: int, status: int, chunked: bool
) -> None:
    body = (
        b'--tea\r\nContent-Disposition: form-data; name="file"; filename="tea.txt"\r\n\r\n'
        + b"x" * size
        + b"\r\n--tea--\r\n"
    )
    answer = connection.send(
        "POST", "/documents", body, chunked, Content_Type="multipart/form-data; boundary=tea"
    )
    assert connection.status == status, answer
    assert connection.is_usable()
    if status == 202:
        connection.send("DELETE", f"/tasks/{answer['task_id']}")


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [("/agents", "nobody's", 401), ("/nowhere", KEY, 404), ("/tasks", KEY, 405)],
)
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_a_refusal_before_the_body_leaves_an_honest_connection(
    connection: Connection, path: str, key: str, status: int, chunked: bool
) -> None:
    for _ in range(5):
        connection.send("POST", path, agent(MAX_BODY), chunked, X_API_Key=key)
        assert connection.status == status
        assert connection.is_usable()


def test_a_body_without_end_ends_with_its_answer(narrow: Installation) -> None:
    head, problem = exchange(
        narrow,
        b"POST /api/v1/agents HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nthe beginning",
    )
    assert head.startswith("HTTP/1.1 401 ")
    assert "Connection: close" in head
    assert problem["code"] == "unauthenticated"


def test_a_body_that_only_trickles_ends_with_its_answer(narrow: Installation) -> None:
    """Each byte comes soon enough; all of them would hold a thread for minutes."""
    with socket.create_connection(("127.0.0.1", narrow.port), timeout=60) as peer:
        peer.sendall(b"POST /api/v1/agents HTTP/1.1\r\nHost: x\r\nContent-Length: 600\r\n\r\n")
        peer.settimeout(0.2)
        for _ in range(600):
            with suppress(TimeoutError):
                answer = peer.recv(65536).decode()
                break
            peer.sendall(b"x")
        else:
            pytest.fail("It was read to its end.")
    assert answer.startswith("HTTP/1.1 401 ")
    assert "Connection: close" in answer


def test_chunks_that_are_none_are_malformed(narrow: Installation) -> None:
    head, problem = exchange(
        narrow,
        b"POST /api/v1/agents HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"X-API-Key: " + KEY.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\nnothing\r\n\r\n",
    )
    assert head.startswith("HTTP/1.1 400 ")
    assert "Connection: close" in head
    assert problem["code"] == "malformed"


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (b"GET /api/v1/agents?q=" + b"x" * 8200 + b" HTTP/1.1\r\n\r\n", 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 8200 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"Good morning\r\n\r\n", 400, "malformed"),
        (b"GET /api/v1/agents HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "malformed"),
        (b"GET /health HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417, "expectation_failed"),
    ],
    ids=["414", "431", "400", "no host", "empty host", "417"],
)
def test_what_is_no_request_of_http_is_a_problem(
    narrow: Installation, request_: bytes, status: int, code: str
) -> None:
    head, problem = exchange(narrow, request_)
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert "Content-Type: application/problem+json" in head
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"] in head


def test_a_client_of_http_1_0_gets_no_chunks(narrow: Installation) -> None:
    narrow.request("POST", "/agents", {**AGENT, "handle": "old-fashioned"})
    for path, ending in (("query", '"results":[]'), ("query/stream", '"status": "completed"')):
        body = b'{"query": "How hot is tea?"}'
        request = (
            f"POST /api/v1/agents/old-fashioned/{path} HTTP/1.0\r\nX-API-Key: {KEY}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        head, answer = answered(narrow, request.encode() + body)
        assert " 200 " in head.splitlines()[0]
        assert "chunked" not in head
        assert ending in answer
        assert answer[0] in "{i"


def exchange(server: Installation, request: bytes) -> tuple[str, Any]:
    """Send these bytes; the answer's head and its JSON."""
    head, body = answered(server, request)
    return head, json.loads(body)


def answered(server: Installation, request: bytes) -> tuple[str, str]:
    """Send these bytes; the answer's head and all that follows until it closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as peer:
        peer.sendall(request)
        received = b""
        while content := peer.recv(65536):
            received += content
    head, _, body = received.decode().partition("\r\n\r\n")
    return head, body


class Endless(BytesIO):
    """A body as the server of `flask run` hands it on: who reads past its end waits for ever."""

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        assert found, "This read would wait for ever."
        return found

    def readinto(self, buffer: Any) -> int:
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


def test_a_server_that_does_not_end_bodies_is_asked_for_no_more_than_their_length(
    cast: Cast,
) -> None:
    body = json.dumps(AGENT).encode()
    response = cast.api("alice").client.post(
        "/api/v1/agents",
        headers={"X-API-Key": cast.api("alice").key or "", **JSON},
        environ_overrides={"wsgi.input": Endless(body), "CONTENT_LENGTH": str(len(body))},
    )
    assert response.status_code == 201, response.text
