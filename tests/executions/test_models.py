"""Executions by real workers, on models of the catalog whose servers are real as well."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.executions.conftest import House, lines_of, stored
from tests.factories import make_agent, make_document
from tests.server import ROOT, eventually
from tests.support.answers import Answer, Call, Fault
from tests.support.anthropic import AnthropicServer
from tests.support.models import ModelServer
from tests.support.openai import OpenAIServer
from webapp.catalog.models import Provider
from webapp.catalog.schemas import ModelRequest
from webapp.catalog.services import create_model
from webapp.engine.supervisor import WORKER
from webapp.executions import services
from webapp.executions.models import Execution
from webapp.executions.schemas import ExecuteRequest

#: a whole worker starts, with all that runners share, perhaps beside many others
MANY_SECONDS = 180
KEY = "sk-0123456789abcdef0123"
KINDS: dict[Provider, type[OpenAIServer | AnthropicServer]] = {
    Provider.OPENAI_COMPATIBLE: OpenAIServer,
    Provider.ANTHROPIC: AnthropicServer,
}


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, house: House) -> Iterator[ModelServer]:
    """A server of each protocol, which the catalog knows as `ours`."""
    with KINDS[request.param]() as server:
        model = ModelRequest(
            provider=request.param,
            model="tiny-1",
            name="ours",
            base_url=server.url,
            api_key=KEY,
            input_cost=1.0,
            output_cost=2.0,
        )
        create_model(model, actor=house.alice)
        yield server


def start_worker(house: House) -> subprocess.Popen[bytes]:
    house.workers.append(subprocess.Popen(WORKER, env=house.environment, cwd=ROOT))
    return house.workers[-1]


def ask(house: House) -> Execution:
    """An accepted execution of an agent on our model."""
    agent = make_agent(house.alice, model="ours", tools=["calculator"])
    body = ExecuteRequest(input="How hot is the water of green tea?")
    return services.execute_agent(agent.handle, body, actor=house.alice)


def test_a_killed_worker_s_run_goes_on_and_pays_no_recorded_answer_again(
    house: House, server: ModelServer
) -> None:
    make_document(house.alice)
    server.then(
        Answer("Let me see.", calls=(Call("calculator", {"expression": "40 * 2"}),)),
        Answer("It is never read.", seconds=600),
        Answer("80 degrees [1]."),
    )
    execution = ask(house)
    first = start_worker(house)
    eventually(lambda: len(server.requests) == 2, seconds=MANY_SECONDS)
    first.kill()
    start_worker(house)
    eventually(lambda: stored(execution).is_finished, seconds=MANY_SECONDS)
    execution = stored(execution)
    assert execution.status == "completed", execution.error
    assert execution.output["text"] == "80 degrees [1]."
    assert [cited["title"] for cited in execution.output["citations"]] == ["Tea"]
    assert (execution.model_requests, execution.input_tokens, execution.output_tokens) == (
        2,
        24,
        10,
    )
    # The answer that was recorded was asked for once, the one that was not, twice.
    has_called = ["40 * 2" in str(request.body["messages"]) for request in server.requests]
    assert has_called == [False, True, True]


def test_a_server_is_asked_again_when_it_said_so(house: House, server: ModelServer) -> None:
    server.then(Answer(fault=Fault.RATE_LIMITED, retry_after="2"), Answer(f"The key is {KEY}."))
    execution = ask(house)
    start_worker(house)
    eventually(lambda: stored(execution).is_finished, seconds=MANY_SECONDS)
    execution = stored(execution)
    assert execution.output["text"] == "The key is [redacted]."
    assert execution.attempt == 2
    assert len(server.requests) == 2
    (line,) = [line for line in lines_of(execution) if line.step == "retry"]
    assert line.fields["code"] == "upstream_rate_limited"
    assert all(KEY not in line.message + str(line.fields) for line in lines_of(execution))
