"""The program in real runners, against real servers of models; the tests are its worker.

No database is asked: what the worker answers stands in the test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from tests.support.anthropic import AnthropicServer
from tests.support.models import ModelServer
from tests.support.openai import OpenAIServer
from webapp import engine
from webapp.engine import runners
from webapp.engine.runners import Limits
from webapp.executions.jobs import PROGRAMS, program_of

PROVIDERS = ("openai-compatible", "anthropic")
PASSAGES = [
    {
        "doc_id": f"00000000-0000-7000-8000-00000000000{number}",
        "chunk_id": 40 + number,
        "title": title,
        "heading_path": ["Holidays"],
        "content": content,
        "score": score,
    }
    for number, title, content, score in (
        (1, "Handbook", "Everybody has 30 days of holiday a year.", 0.9),
        (2, "Contract", "Holidays are asked for two weeks before.", 0.7),
        (3, "Menu", "On Fridays there is fish.", 0.1),
    )
]


@dataclass
class Told:
    """What a run of the program has told and asked."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    #: what was recorded, as the next order carries it
    steps: list[dict[str, Any]] = field(default_factory=list)

    @property
    def output(self) -> Any:
        assert "result" in self.messages[-1], self.messages[-1]
        return self.messages[-1]["result"]["output"]

    @property
    def usage(self) -> dict[str, Any]:
        usage: dict[str, Any] = self.messages[-1]["result"]["usage"]
        return usage

    @property
    def failure(self) -> dict[str, Any]:
        assert "failure" in self.messages[-1], self.messages[-1]
        failure: dict[str, Any] = self.messages[-1]["failure"]
        return failure

    @property
    def pieces(self) -> list[str]:
        return [message["output"] for message in self.messages if "output" in message]

    @property
    def searches(self) -> list[dict[str, Any]]:
        return [message for message in self.messages if message.get("ask") == "search"]

    def lines(self, step: str, level: str = "info") -> list[dict[str, Any]]:
        found = [message["log"] for message in self.messages if "log" in message]
        return [line for line in found if (line["step"], line["level"]) == (step, level)]


@pytest.fixture(scope="package")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application of the program alone, whose fork server serves all these tests."""
    app = Flask("runtime")
    folder: Path = tmp_path_factory.mktemp("runtime")
    app.config["CALLBOARD"] = SimpleNamespace(data_dir=folder, is_sqlite=False)
    engine.register(app, programs=PROGRAMS)
    yield app
    with app.app_context():
        runners.stop(app)


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.fixture
def openai_server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as server:
        yield server


@pytest.fixture(params=PROVIDERS)
def server(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    """One of each protocol."""
    kinds: dict[str, Callable[[], ModelServer]] = {
        "openai-compatible": OpenAIServer,
        "anthropic": AnthropicServer,
    }
    with kinds[request.param]() as server:
        yield server


def make_order(server: ModelServer | None = None, **fields: Any) -> dict[str, Any]:
    """An order for the server's model, with what is given of `agent`, `model` and the rest."""
    kind = "anthropic" if isinstance(server, AnthropicServer) else "openai-compatible"
    model = {
        "provider": kind if server else "extractive",
        "model": "tiny-1",
        "base_url": server.url if server else None,
        "api_key": "sk-test-0123456789abcdef",
        "input_cost": 1.0,
        "output_cost": 2.0,
        "max_context_tokens": None,
    }
    agent = {"handle": "helper", "name": "Helper", "instructions": "Be brief."}
    limits = {"model_requests": 5, "output_tokens": 1000, "seconds": 60}
    return {
        "execution_id": "0",
        "agent": agent | fields.pop("agent", {}),
        "model": model | fields.pop("model", {}),
        "input": fields.pop("input", {"prompt": "How many holidays are there?"}),
        "tools": fields.pop("tools", []),
        "steps": fields.pop("steps", []),
        "limits": limits | fields.pop("limits", {}),
    }


def run(
    order: dict[str, Any],
    *,
    passages: list[dict[str, Any]] | None = None,
    until: Callable[[Told, dict[str, Any]], bool] | None = None,
) -> Told:
    """Run an order; `until(told, message)` kills the runner before the message is answered."""
    told = Told()
    with runners.start(program_of(order["model"]), order, limits=Limits(seconds=120)) as runner:
        for message in runner:
            told.messages.append(dict(message))
            if until and until(told, message):
                break
            if message.get("ask") == "record":
                number = len(order["steps"]) + len(told.steps) + 1
                told.steps.append({"number": number} | message["step"])
                if until and until(told, message):
                    break  # recorded and not answered: it asks for nothing more
                runner.answer(message, {})
            elif message.get("ask") == "search":
                runner.answer(message, {"passages": (passages or [])[: message["limit"]]})
    return told
