"""A test of a model: one real call from a runner, and what came back in words."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from apiflask import APIFlask

from tests.cast import Api, Cast
from tests.support.answers import Answer, Fault
from tests.support.anthropic import AnthropicServer
from tests.support.openai import OpenAIServer
from webapp.catalog import jobs, services
from webapp.catalog.models import ModelConfig
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.engine import runners

KEY = "sk-garnet-0123456789"
FREE = {"input_cost": 0, "output_cost": 0, "max_context_tokens": 1000}


@pytest.fixture(autouse=True)
def _runners(app: APIFlask) -> Iterator[None]:
    yield
    runners.stop(app)


@pytest.fixture
def api(cast: Cast) -> Api:
    return cast.api("alice")


def add(api: Api, server: OpenAIServer | AnthropicServer | str, model: str, **more: Any) -> str:
    """A model of this server; its path."""
    is_anthropic = isinstance(server, AnthropicServer)
    body = {
        "provider": "anthropic" if is_anthropic else "openai-compatible",
        "model": model, "base_url": server if isinstance(server, str) else server.url,
        "api_key": KEY,
    }  # fmt: skip
    made = api.post("/models", FREE | body | more)
    assert made.status_code == 201, made.text
    return f"/models/{made.json['id']}"


def run_test(api: Api, path: str) -> dict[str, Any]:
    """Have it tested, and be the worker; what came of it."""
    begun = api.post(f"{path}/test")
    assert begun.status_code == 202, begun.text
    assert begun.json["last_test"]["status"] == "pending"
    work(path)
    return dict(api.get(path).json["last_test"])


def work(path: str) -> None:
    model_id = path.split("/")[2]
    db.session.expire_all()
    model = next(row for row in db.session.query(ModelConfig) if str(row.id) == model_id)
    number = (model.last_test or {})["number"]
    jobs.test_model("key", model_id=model_id, number=number)


def test_a_model_that_answers_says_so_with_time_and_tokens(api: Api) -> None:
    for server_class in (OpenAIServer, AnthropicServer):
        with server_class() as server:
            server.then(Answer("I am ready.", input_tokens=15, output_tokens=4))
            test = run_test(api, add(api, server, "m", name=server_class.__name__))
            [request] = server.requests
        assert (test["status"], test["message"], test["answer"]) == (
            "passed", "It answered.", "I am ready.",
        )  # fmt: skip
        assert (test["input_tokens"], test["output_tokens"]) == (15, 4)
        assert 0 <= test["duration_ms"] < 20_000
        assert test["begun_by"] == "alice's key (alice@example.com)"
        assert KEY in str(request.headers)


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (Fault.UNAUTHORIZED, "upstream_auth", "refuses our key (401): Incorrect API key."),
        (Fault.UNKNOWN_MODEL, "model_unknown", "No such model."),
        (Fault.RATE_LIMITED, "upstream_rate_limited", "too many requests (429)"),
        (Fault.QUOTA, "upstream_auth", "quota"),
        (Fault.GARBAGE, "upstream_error", "gave no answer that can be read"),
        (Fault.REFUSES, "upstream_error", "broke off"),
        (Fault.FAILS, "upstream_error", "The server had an error."),
        (Fault.NO_CONTENT, "upstream_error", "answered without a word"),
    ],
)
def test_a_model_that_does_not_says_why(api: Api, fault: Fault, code: str, words: str) -> None:
    with OpenAIServer() as server:
        test = run_test(api, add(api, server, f"fault-{fault}"))
        assert len(server.requests) == 1
    assert (test["status"], test["code"]) == ("failed", code)
    assert words in test["message"]


def test_a_server_that_is_not_there_and_one_that_never_answers(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    test = run_test(api, add(api, f"http://127.0.0.1:{port}/v1", "m"))
    assert test["code"] == "upstream_error"
    assert "cannot be reached" in test["message"]
    monkeypatch.setattr(jobs, "ANSWER_SECONDS", 0.5)
    with OpenAIServer() as server:
        test = run_test(api, add(api, server, "fault-hangs"))
    assert test["code"] == "upstream_timeout"
    assert "did not answer in time" in test["message"]


def test_what_is_kept_of_it_never_holds_the_key(api: Api) -> None:
    with OpenAIServer() as server:
        server.then(Answer(f"Your key is {KEY}."))
        test = run_test(api, add(api, server, "m"))
    assert test["answer"] == "Your key is •••."


def test_usage_that_is_not_told_is_not_made_up(api: Api) -> None:
    with OpenAIServer() as server:
        test = run_test(api, add(api, server, "fault-no-usage"))
    assert test["status"] == "passed"
    assert test["input_tokens"] is test["output_tokens"] is None


def test_one_test_at_a_time_and_only_the_newest_leaves_a_trace(api: Api, alice: Actor) -> None:
    with OpenAIServer() as server:
        path = add(api, server, "m")
        api.post(f"{path}/test")
        again = api.post(f"{path}/test")
        assert (again.status_code, again.json["code"]) == (409, "test_runs")
        # Another address makes it a test of something else.
        api.request("PATCH", path, {"base_url": f"{server.url}/other", "api_key": KEY})
        assert api.get(path).json["last_test"] is None
        jobs.test_model("key", model_id=path.split("/")[2], number=1)
        assert server.requests == []
    assert api.get(path).json["last_test"] is None
    services.delete_model(path.split("/")[2], actor=alice)
    jobs.test_model("key", model_id=path.split("/")[2], number=1)


def test_a_key_that_cannot_be_read_is_told(api: Api, cast: Cast) -> None:
    path = add(api, "http://127.0.0.1:1/v1", "m")
    db.session.query(ModelConfig).update({"sealed_key": "no token"})
    db.session.commit()
    assert api.get(path).json["key"] == "unreadable"
    test = run_test(api, path)
    assert (test["status"], test["code"]) == ("failed", "key_unreadable")
    assert "SECRET_KEY" in test["message"]
    page = cast.browser("alice").get(path)
    assert "Its key cannot be read." in page.text()
    assert "cannot be read" in cast.browser("vera").get("/models").text()


def test_the_built_in_model_needs_none(api: Api) -> None:
    test = api.post("/models/extractive/test").json["last_test"]
    assert test["status"] == "passed"
    assert "Needs no call" in test["message"]
