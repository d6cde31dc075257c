"""Sockets as the application opens them, on a socket pair in gunicorn's place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from socket import socketpair
from typing import Any

import pytest
from flask import Flask

from tests.cast import Cast
from tests.factories import make_agent
from tests.follower import Follower
from webapp.accounts import services as accounts
from webapp.config import Settings
from webapp.core import feature, live
from webapp.core.actor import ORGANIZATION_READ, Actor, Role
from webapp.questions import services


@pytest.fixture
def limited(cast: Cast, settings: Settings) -> Iterator[int]:
    """Five requests a minute."""
    cast.app.config["CALLBOARD"] = settings.model_copy(update={"rate_limit": 5})
    yield 5
    cast.app.config["CALLBOARD"] = settings


def test_frames_count_as_requests_do(
    alice: Actor, connect: Callable[..., Follower], limited: int
) -> None:
    make_agent(alice, handle="helper")
    follower = connect("bob", "/ws/query/helper")
    # The handshake was counted as a request.
    for _ in range(limited - 1):
        follower.send({"query": "tea"})
        assert follower.receive_json()["event"] == "started"
        assert follower.receive_json()["event"] == "completed"
    follower.send({"id": 7, "query": "tea"})
    refused = follower.receive_json()
    assert (refused["event"], refused["data"]["status"]) == ("error", 429)
    assert refused["data"]["code"] == "limit_exceeded"
    assert "Try again in" in refused["data"]["suggestions"][0]


def test_what_a_page_asks_of_a_log_counts_too(
    cast: Cast, connect: Callable[..., Follower], limited: int
) -> None:
    follower = connect("vera", "/ws/live?feed=audit:all")
    for _ in range(limited):
        follower.send({"feed": "audit:all", "after": 0})
    while follower.receive():
        pass
    assert follower.goodbye == (1013, "Too many requests: the limit is 5 per 1 minute.")


@pytest.mark.parametrize(
    ("length", "goodbye"),
    [(64 * 1024 - 2, None), (64 * 1024 + 1, (1009, "A message has at most 64 KiB."))],
)
def test_a_message_has_a_limit(
    alice: Actor,
    connect: Callable[..., Follower],
    length: int,
    goodbye: tuple[int, str] | None,
) -> None:
    make_agent(alice, handle="helper")
    follower = connect("bob", "/ws/query/helper")
    follower.send("x" * length)
    answer = follower.receive()
    assert follower.goodbye == goodbye
    assert bool(answer) == (goodbye is None)


def test_an_answer_that_fails_says_so_and_leaves_the_socket_open(
    alice: Actor, connect: Callable[..., Follower]
) -> None:
    follower = connect("bob", "/ws/query/nobody")
    for _ in range(2):
        follower.send({"id": "a", "query": "tea"})
        refused = follower.receive_json()
        assert (refused["id"], refused["data"]["status"]) == ("a", 404)


def test_an_answer_that_cannot_be_sent_ends_its_socket(
    alice: Actor, connect: Callable[..., Follower], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked would wait for ever."""
    make_agent(alice, handle="helper")
    monkeypatch.setattr(services, "result_events", lambda _answer: iter([{"index": object()}]))
    follower = connect("bob", "/ws/query/helper")
    follower.send({"query": "tea"})
    assert follower.receive_json()["event"] == "started"
    assert follower.receive() == ""
    assert follower.goodbye == (1011, "Something went wrong on our side.")


def test_who_may_ask_no_more_is_asked_to_leave_its_socket(
    cast: Cast, alice: Actor, connect: Callable[..., Follower]
) -> None:
    make_agent(alice, handle="helper")
    asking, reading = connect("bob", "/ws/query/helper"), connect("bob", "/ws/live")
    accounts.update_member(cast.user("bob").id, role=Role.VIEWER, actor=alice)
    assert asking.receive() == ""
    assert asking.goodbye == (1008, "Your role is viewer now, which may not follow this.")
    reading.expect_nothing()


@pytest.mark.parametrize("origin", [{}, {"Origin": "null"}, {"Origin": "http://evil.example"}])
def test_a_session_opens_sockets_from_its_own_pages_only(
    cast: Cast, origin: dict[str, str]
) -> None:
    ours, theirs = socketpair()
    refused = cast.browser("vera").client.get(
        "/ws/live",
        headers={"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **origin},
        environ_overrides={"gunicorn.socket": ours},
    )  # fmt: skip
    ours.close()
    theirs.close()
    assert refused.status_code == 403
    assert refused.get_json(force=True)["code"] == "foreign_origin"


def test_an_application_has_sockets_of_its_own() -> None:
    def echo(message: Any, _actor: Actor) -> Iterator[live.Frame]:
        yield live.Frame("echo", message)

    other = Flask("other")
    other.extensions[feature.KEY] = [live.SocketRoute("/ws/echo", echo, ORGANIZATION_READ)]
    live.init_app(other)
    sockets = {rule.rule for rule in other.url_map.iter_rules() if rule.websocket}
    assert sockets == {"/ws/live", "/ws/echo"}
