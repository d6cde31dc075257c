"""Sockets: who may connect, what they get, and that they hold no thread."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPResponse
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from apiflask import APIFlask
from simple_websocket import Client, ConnectionClosed, ConnectionError

from tests.server import EMAIL, KEY, PASSWORD, Installation
from webapp.core.live import feeds


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


def test_two_questions_at_once_are_told_apart(installation: Installation, agent: str) -> None:
    socket = installation.socket(f"/ws/query/{agent}")
    asked: list[Any] = [1, "second", 3]
    for mark in asked:
        socket.send(json.dumps({"id": mark, "query": "green tea", "top_k": 1}))
    found = frames(socket, 9)
    for mark in asked:
        events = [frame["event"] for frame in found if frame["id"] == mark]
        assert events == ["started", "result", "completed"]
    socket.send(json.dumps({"id": "bad", "query": ""}))
    (refused,) = frames(socket, 1)
    assert (refused["id"], refused["data"]["status"]) == ("bad", 422)
    for no_id in (True, 1.5, ["x"], "x" * 101):
        socket.send(json.dumps({"id": no_id, "query": "tea"}))
        (refused,) = frames(socket, 1)
        assert "id" not in refused
        assert refused["data"]["errors"][0]["field"] == "id"
    socket.send(json.dumps({"query": "tea", "top_k": 1}))
    assert all("id" not in frame for frame in frames(socket, 3))
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
    installation.socket(f"/ws/query/{agent}", Cookie=cookie, Origin=installation.url).close()


def test_a_follower_gets_the_state_first_and_then_every_change(
    installation: Installation,
) -> None:
    socket = installation.socket("/ws/live?feed=overview:all&feed=audit:all&feed=agent:none")
    first = socket.receive(timeout=60)
    assert 'hx-target="#figures"' in first
    started = time.monotonic()
    installation.request("POST", "/agents", {"name": "Fresh news", "instructions": "x"})
    while "Fresh news" not in socket.receive(timeout=60):
        pass
    assert time.monotonic() - started < 30
    socket.close()


def test_what_is_recorded_of_a_member_is_pushed_as_well(installation: Installation) -> None:
    socket = installation.socket("/ws/live?feed=audit:all")
    socket.send(json.dumps({"feed": "audit:all", "after": 0}))
    assert 'hx-target="#activity-list"' in socket.receive(timeout=60)
    body = {"email": "fresh.member@example.com", "password": PASSWORD, "role": "viewer"}
    installation.request("POST", "/members", body)
    while "fresh.member@example.com" not in socket.receive(timeout=60):
        pass
    socket.close()


def test_silent_sockets_hold_no_thread(installation: Installation) -> None:
    sockets = [installation.socket("/ws/live?feed=tasks:all") for _ in range(40)]
    started = time.monotonic()
    assert installation.request("GET", "/health") == {"status": "ok"}
    assert time.monotonic() - started < 30
    for socket in sockets:
        text = socket.receive(timeout=60)
        assert text is not None
        assert 'hx-target="#tasks-revision"' in text
    for socket in sockets:
        socket.close()


def test_a_revoked_key_ends_its_sockets_and_says_why(
    installation: Installation, agent: str
) -> None:
    key = installation.request("POST", "/api-keys", {"name": "short-lived"})
    headers = {"X-API-Key": key["key"]}
    sockets = [
        installation.socket(path, **headers)
        for path in ("/ws/live?feed=overview:all", f"/ws/query/{agent}")
    ]
    sockets[0].receive(timeout=60)
    installation.request("DELETE", f"/api-keys/{key['id']}")
    for socket in sockets:
        assert goodbye(socket) == (1008, "The API key is no longer valid.")


def goodbye(socket: Client) -> tuple[int, str]:
    """The code and the reason of a socket that is closed without another frame."""
    with pytest.raises(ConnectionClosed) as closed:
        socket.receive(timeout=60)
    return int(closed.value.reason), closed.value.message


def test_a_question_after_the_key_was_revoked_has_no_answer(
    installation: Installation, agent: str
) -> None:
    key = installation.request("POST", "/api-keys", {"name": "short-lived"})
    socket = installation.socket(f"/ws/query/{agent}", **{"X-API-Key": key["key"]})
    installation.request("DELETE", f"/api-keys/{key['id']}")
    with suppress(ConnectionClosed):
        socket.send(json.dumps({"query": "green tea"}))
    assert goodbye(socket) == (1008, "The API key is no longer valid.")


@pytest.fixture(scope="module")
def slow_agent(installation: Installation) -> str:
    """An agent whose streams last for 40 s."""
    for number in range(9):
        document = {"title": f"Zeppelin {number}", "content": f"Zeppelin number {number}."}
        installation.request("POST", "/documents", document)
    slow = {"name": "Slow", "handle": "slow-stream", "instructions": "x",
            "features_config": {"stream_delay_ms": 5000}}  # fmt: skip
    installation.request("POST", "/agents", slow)
    return "slow-stream"


def open_stream(installation: Installation, agent: str, key: str) -> HTTPResponse:
    """A stream of nine results that has begun."""
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    connection = HTTPConnection("127.0.0.1", installation.port, timeout=60)
    body = json.dumps({"query": "zeppelin", "top_k": 9})
    connection.request("POST", f"/api/v1/agents/{agent}/query/stream", body, headers)
    response = connection.getresponse()
    assert b'"started"' in response.readline() + response.readline()
    return response


def test_many_streams_run_side_by_side(installation: Installation, slow_agent: str) -> None:
    # Four times gunicorn's threads: one that waited for another would begin after 40 s.
    begun = time.monotonic()
    streams = [open_stream(installation, slow_agent, KEY) for _ in range(64)]
    assert time.monotonic() - begun < 30
    for stream in streams:
        stream.close()


def test_a_revoked_key_ends_its_stream_with_an_event(
    installation: Installation, slow_agent: str
) -> None:
    key = installation.request("POST", "/api-keys", {"name": "short-lived"})
    response = open_stream(installation, slow_agent, key["key"])
    installation.request("DELETE", f"/api-keys/{key['id']}")
    events = [json.loads(line[6:]) for line in response.read().splitlines() if b"data:" in line]
    assert events[-1]["detail"] == "The API key is no longer valid."
    assert "completed" not in [event.get("status") for event in events]
    response.close()


def test_a_feed_is_drawn_again_for_the_feeds_that_it_follows(app: APIFlask) -> None:
    sources = feeds.sources_of("overview:all", app)
    assert sources[0] == "overview:all"
    assert {"agents:all", "documents:all", "questions:all"} <= set(sources)
    assert feeds.sources_of("coverage:42", app) == ["coverage:42", "unanswered:42"]
    assert feeds.sources_of("nobody:1", app) == ["nobody:1"]
