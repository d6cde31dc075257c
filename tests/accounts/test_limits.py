"""Rate limits: for a key, a session or an address, also for who has no credentials at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from apiflask import APIFlask
from flask import g

from tests.browser import Browser
from tests.cast import Api, Cast
from webapp.accounts.identity import identify
from webapp.config import Settings
from webapp.core.errors import LimitExceeded
from webapp.core.http import limits
from webapp.core.http.limits import Counters

LIMIT = 5


@pytest.fixture
def limited(cast: Cast, settings: Settings) -> Iterator[APIFlask]:
    """The same installation with five requests a minute, and two attempts to sign in."""
    few = settings.model_copy(update={"rate_limit": LIMIT, "sign_in_limit": 2})
    cast.app.config["CALLBOARD"] = few
    yield cast.app
    cast.app.config["CALLBOARD"] = settings


def statuses(ask: Callable[[], Any], count: int = LIMIT + 2) -> list[int]:
    return [ask().status_code for _ in range(count)]


@pytest.mark.parametrize(
    ("headers", "refused"),
    [({}, 401), ({"X-API-Key": "nonsense"}, 401), ({"Authorization": "Bearer nonsense"}, 401)],
)
def test_who_has_no_good_credentials_is_counted_by_address(
    limited: APIFlask, headers: dict[str, str], refused: int
) -> None:
    client = limited.test_client()
    ask = lambda: client.get("/api/v1/agents", headers=headers)
    assert statuses(ask) == [refused] * LIMIT + [429, 429]
    problem = ask().get_json(force=True)
    assert (problem["code"], problem["status"]) == ("limit_exceeded", 429)
    assert "the limit is 5 per 1 minute" in problem["detail"]
    assert 1 <= int(ask().headers["Retry-After"]) <= 60
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    answer = client.get("/api/v1/agents", headers=headers, environ_overrides=elsewhere)
    assert answer.status_code == refused


def test_wrong_keys_share_one_count_however_many_they_are(limited: APIFlask) -> None:
    client, tried = limited.test_client(), iter(range(100))
    ask = lambda: client.get("/api/v1/agents", headers={"X-API-Key": f"k{next(tried)}"})
    assert statuses(ask) == [401] * LIMIT + [429, 429]


def test_a_key_is_counted_by_itself_and_over_all_addresses(cast: Cast, limited: APIFlask) -> None:
    api, other = (Api(limited.test_client(), cast.key("vera")) for _ in range(2))
    assert statuses(lambda: api.get("/agents"), 3) == [200] * 3
    assert statuses(lambda: api.get("/tasks"), 3) == [200, 200, 429]
    assert other.get("/agents").status_code == 200


def test_a_page_says_it_in_a_sentence(limited: APIFlask) -> None:
    client = limited.test_client()
    statuses(lambda: client.get("/sign-in"), LIMIT)
    page = Browser(client).get("/sign-in", status=429)
    assert "Too many requests: the limit is 5 per 1 minute." in page.body.text()
    assert client.get("/static/css/tokens.css").status_code == 200


def test_sign_in_is_limited_for_an_account_from_anywhere(limited: APIFlask) -> None:
    for number, status in enumerate((401, 401, 429)):
        browser = Browser(limited.test_client())
        form = {"email": "Alice@example.com ", "password": "a wrong password"}
        address = {"REMOTE_ADDR": f"192.0.2.{number}"}
        browser.post("/sign-in", form, status=status, environ_overrides=address)
    browser.post("/sign-in", {**form, "email": "bob@example.com"}, status=401)


def test_sign_in_is_limited_for_an_address(limited: APIFlask) -> None:
    browser = Browser(limited.test_client())
    for name, status in (("alice", 401), ("bob", 401), ("vera", 429)):
        form = {"email": f"{name}@example.com", "password": "a wrong password"}
        browser.post("/sign-in", form, status=status)


def test_what_is_no_request_is_counted_with_the_requests(cast: Cast, limited: APIFlask) -> None:
    secret = cast.key("vera")
    api = Api(limited.test_client(), secret)
    assert api.get("/agents").status_code == 200
    with limited.test_request_context(headers={"X-API-Key": secret}):
        g.request_id = "x"
        actor = identify()
        assert actor is not None
        for _ in range(LIMIT - 1):
            limits.count(actor)
        with pytest.raises(LimitExceeded, match="the limit is 5 per 1 minute") as refusal:
            limits.count(actor)
    assert 1 <= int(refusal.value.headers["Retry-After"]) <= 60
    assert api.get("/agents").status_code == 429


# The counters


class Slow(dict[str, tuple[int, float]]):
    """Takes its time between a look and what follows it, so that two who count meet there."""

    def get(self, *arguments: Any) -> Any:
        found = super().get(*arguments)
        time.sleep(0.0005)
        return found


def test_parallel_counts_are_all_counted_and_none_fails() -> None:
    """The library's own storage loses a request in about 2,000 here, with a RuntimeError."""
    counters, together = Counters(), threading.Barrier(16)
    counters._windows = Slow()

    def work(number: int) -> None:
        for _ in range(50):
            together.wait()
            counters.incr(f"key {number % 3}", 60)

    before = threading.active_count()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
    assert sum(counters.get(f"key {number}") for number in range(3)) == 16 * 50
    assert threading.active_count() == before


def test_parallel_requests_are_refused_and_never_fail(cast: Cast, limited: APIFlask) -> None:
    keys = [cast.key("vera") for _ in range(3)]

    def ask(number: int) -> int:
        api = Api(limited.test_client(), keys[number % 3])
        return api.get("/api-keys").status_code

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(36)))
    assert sorted(found) == [200] * 3 * LIMIT + [429] * (36 - 3 * LIMIT)


def test_a_window_ends_and_the_next_begins_at_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(limits.time, "time", lambda: now)
    counters = Counters()
    assert [counters.incr("a", 60), counters.incr("a", 60)] == [1, 2]
    assert counters.get_expiry("a") == 1060.0
    now = 1059.9
    assert counters.incr("a", 60) == 3
    now = 1060.0
    assert counters.get("a") == 0
    assert counters.incr("a", 60) == 1


def test_what_has_ended_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(limits.time, "time", lambda: now)
    monkeypatch.setattr(Counters, "FEWEST", 10)
    counters = Counters()
    for number in range(100):
        now += 60.0
        counters.incr(f"key {number}", 60)
        assert counters.size <= 10
    for number in range(100):
        counters.incr(f"kept {number}", 3600)
    assert sum(counters.get(f"kept {number}") for number in range(100)) == 100
