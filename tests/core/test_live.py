"""Sockets: who may connect, what they get, and that they hold no thread."""

from __future__ import annotations

import json
import time
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from simple_websocket import Client, ConnectionClosed, ConnectionError

from tests.server import EMAIL, PASSWORD, Installation, eventually


def frames(socket: Client, count: int) -> list[dict[str, Any]]:
    found = []
    for _ in range(count):
        text = socket.receive(timeout=60)
        assert text is not None, found
        found.append(json.loads(text))
    return found


@pytest.fixture(scope="module")
def agent(installation: Installation) -> str:
    body = {"name": "Live", "handle": "live", "instructions": "x"}
    installation.request("POST", "/agents", body)
    document = {"title": "Tea", "content": "Green tea.", "external_id": "live-tea"}
    installation.request("POST", "/documents", document)
    return "live"


@pytest.mark.parametrize("base", ["/ws", "/api/ws", "/api/v1/ws"])
def test_a_question_is_answered_in_frames(
    installation: Installation, agent: str, base: str
) -> None:
    socket = installation.socket(f"{base}/query/{agent}")
    socket.send(json.dumps({"query": "green tea", "top_k": 1}))
    started, result, completed = frames(socket, 3)
    assert [started["event"], result["event"], completed["event"]] == [
        "started", "result", "completed"
    ]  # fmt: skip
    assert result["data"]["metadata"]["external_id"] == "live-tea"
    socket.send("nonsense")
    socket.send(json.dumps({"query": ""}))
    for frame in frames(socket, 2):
        assert frame["event"] == "error"
        assert frame["data"]["status"] == 422
    socket.send(json.dumps({"query": "tea", "top_k": 1}))
    assert len(frames(socket, 3)) == 3
    socket.close()


def test_a_socket_needs_credentials(installation: Installation, agent: str) -> None:
    for headers in ({"X-API-Key": "wrong"}, {"Origin": "http://evil.example"}):
        with pytest.raises((ConnectionError, ConnectionClosed)):
            installation.socket(f"/ws/query/{agent}", **headers)


def sign_in(installation: Installation) -> str:
    """The cookie header of a signed-in browser."""
    jar = CookieJar()
    opener = build_opener(HTTPCookieProcessor(jar))
    page = opener.open(f"{installation.url}/sign-in").read().decode()
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    form = {"email": EMAIL, "password": PASSWORD, "csrf_token": token}
    opener.open(f"{installation.url}/sign-in", urlencode(form).encode())
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def test_a_page_of_another_site_is_refused(installation: Installation, agent: str) -> None:
    cookie = sign_in(installation)
    with pytest.raises((ConnectionError, ConnectionClosed)):
        installation.socket(f"/ws/query/{agent}", Cookie=cookie, Origin="http://evil.example")
    # The client names its host without the port, so that is the origin that fits.
    installation.socket(f"/ws/query/{agent}", Cookie=cookie, Origin="http://127.0.0.1").close()


def test_a_follower_gets_the_state_first_and_then_every_change(
    installation: Installation,
) -> None:
    socket = installation.socket("/ws/live?topic=overview:all&topic=agent:none")
    first = socket.receive(timeout=60)
    assert 'hx-target="#figures"' in first
    started = time.monotonic()
    installation.request("POST", "/agents", {"name": "Fresh news", "instructions": "x"})
    while "Fresh news" not in socket.receive(timeout=60):
        pass
    assert time.monotonic() - started < 30
    socket.close()


def test_silent_sockets_hold_no_thread(installation: Installation) -> None:
    sockets = [installation.socket("/ws/live?topic=tasks:all") for _ in range(40)]
    started = time.monotonic()
    assert installation.request("GET", "/health") == {"status": "ok"}
    assert time.monotonic() - started < 30
    for socket in sockets:
        text = socket.receive(timeout=60)
        assert text is not None
        assert 'hx-target="#tasks-pulse"' in text
    for socket in sockets:
        socket.close()


def test_a_revoked_key_ends_its_sockets(installation: Installation) -> None:
    key = installation.request("POST", "/api-keys", {"name": "short-lived"})
    socket = installation.socket("/ws/live?topic=overview:all", **{"X-API-Key": key["key"]})
    socket.receive(timeout=60)
    installation.request("DELETE", f"/api-keys/{key['id']}")
    installation.request("POST", "/agents", {"name": "Later", "instructions": "x"})

    def is_closed() -> bool:
        try:
            socket.receive(timeout=0.2)
        except ConnectionClosed:
            return True
        return False

    eventually(is_closed)
