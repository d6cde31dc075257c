"""A whole installation whose agents ask a model's server of the tests, which counts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil
import pytest

from tests.server import Installation, eventually
from tests.support.answers import Answer, Call
from tests.support.openai import OpenAIServer

ENDED = ("completed", "failed", "cancelled")
#: agents look something up first, so that a run has two answers and a tool's result
TOOL = Call("calculator", {"expression": "6 * 7"})


class Patient(OpenAIServer):
    """It has a tool called at once, and takes its time to answer when it has the result."""

    seconds = 3.0

    def take(self, request: Any) -> Answer:
        super().take(request)
        self.asked_at = time.monotonic()
        if any(message["role"] == "tool" for message in request.body["messages"]):
            return Answer("It is 42.", seconds=self.seconds)
        return Answer(calls=(TOOL,))

    def is_idle(self) -> bool:
        """Whether all that was asked has been answered for a while."""
        return time.monotonic() - self.asked_at > self.seconds + 1

    def asked(self) -> Counter[tuple[str, bool]]:
        """How often each prompt was sent, without its tool's result and with it."""
        found: Counter[tuple[str, bool]] = Counter()
        for request in list(self.requests):
            messages = request.body["messages"]
            prompt = next(item["content"] for item in messages if item["role"] == "user")
            found[str(prompt), any(item["role"] == "tool" for item in messages)] += 1
        return found


@dataclass
class House:
    """An installation with an agent that asks the server."""

    installation: Installation
    server: Patient

    def accept(self, count: int, **fields: Any) -> list[str]:
        """The ids of accepted executions, whose prompts are "Question 0" and so on."""
        path, bodies = "/agents/asker/execute", range(count)
        return [
            self.installation.request("POST", path, {"input": f"Question {n}"} | fields)["id"]
            for n in bodies
        ]

    def read(self, execution_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.installation.request("GET", f"/executions/{execution_id}")
        return found

    def lines(self, execution_id: str) -> list[dict[str, Any]]:
        path = f"/executions/{execution_id}/logs?limit=1000"
        lines: list[dict[str, Any]] = self.installation.request("GET", path)["items"]
        return lines

    def statuses(self) -> Counter[str]:
        items = self.installation.request("GET", "/executions?limit=100")["items"]
        return Counter(item["status"] for item in items)

    def paid(self) -> set[str]:
        """The prompts whose first answer is recorded: it was used to ask again."""
        return {prompt for prompt, has_result in self.server.asked() if has_result}

    def wait_for_answers(self, count: int) -> None:
        eventually(lambda: len(self.paid()) >= count, seconds=180)

    def wait_for_ends(self) -> None:
        def have_ended() -> bool:
            try:
                return set(self.statuses()) <= set(ENDED)
            except OSError:
                return False  # nobody listens yet

        eventually(have_ended, seconds=180)

    def check(self, ids: list[str], paid: set[str]) -> None:
        """Nothing is lost, nothing has ended twice; what was paid for is asked for once."""
        for execution_id in ids:
            execution = self.read(execution_id)
            assert execution["status"] == "completed", execution["error"]
            assert execution["output"]["text"] == "It is 42."
            steps = [line["step"] for line in self.lines(execution_id)]
            assert (steps.count("end"), steps[-1]) == (1, "end")
        asked = self.server.asked()
        again = {prompt: asked[prompt, False] for prompt in paid if asked[prompt, False] != 1}
        assert paid and not again

    def worker(self) -> psutil.Process:
        """The worker that runs them."""
        items = self.installation.request("GET", "/executions?status=running")["items"]
        _host, pid, _random = items[0]["worker"].rsplit("-", 2)
        return psutil.Process(int(pid))

    def runners(self) -> list[psutil.Process]:
        """The runners of all workers."""
        assert self.installation.process is not None
        everybody = psutil.Process(self.installation.process.pid).children(recursive=True)
        servers = [one for one in everybody if "forkserver" in " ".join(_command(one))]
        return [child for one in servers for child in one.children()]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture
def house(own_installation: Installation) -> Iterator[House]:
    with Patient() as server:
        own_installation.request(
            "POST", "/models",
            {"provider": "openai-compatible", "model": "tiny-1", "name": "tiny",
             "base_url": server.url, "api_key": "sk-test-0123456789abcdef"},
        )  # fmt: skip
        own_installation.request(
            "POST", "/agents",
            {"name": "Asker", "handle": "asker", "instructions": "Be brief.",
             "model": "tiny", "tools": ["calculator"]},
        )  # fmt: skip
        yield House(own_installation, server)
