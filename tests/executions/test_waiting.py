"""What does not run says why, and goes on by itself when that is over."""

from __future__ import annotations

import time
from functools import partial

import pytest

from tests.cast import Cast
from tests.executions.conftest import accept_script, run_again, stored
from tests.factories import make_agent
from webapp import engine
from webapp.agents import deletion
from webapp.agents.bulk.schemas import BulkSelection
from webapp.agents.bulk.services import delete_agents
from webapp.agents.models import Agent
from webapp.agents.schemas import AgentPatch
from webapp.agents.services import update_agent
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.engine import JobStatus
from webapp.engine.workers import Worker
from webapp.executions import services, waiting
from webapp.executions.changes import LOOK_AGAIN_SECONDS
from webapp.executions.models import Execution
from webapp.executions.schemas import ExecuteRequest


def test_those_in_the_queue_know_their_place(cast: Cast, alice: Actor) -> None:
    make_agent(alice, handle="helper")
    db.session.add(Worker(id="here-1-a"))
    db.session.commit()
    api = cast.api("bob")
    first = api.post("/agents/helper/execute", {"input": "x"}).json
    second = api.post("/agents/helper/execute", {"input": "x"}).json
    assert second["waiting_for"] == "queue"
    assert second["queue_position"] == first["queue_position"] + 1
    assert second["waiting_reason"] == f"It is number {second['queue_position']} in the queue."
    urgent = api.post("/agents/helper/execute", {"input": "x", "priority": 1}).json
    assert urgent["queue_position"] < second["queue_position"]
    listed = api.get("/executions").json["items"]
    assert {item["waiting_for"] for item in listed} == {"queue"}


def test_a_paused_agent_s_wait_until_it_is_resumed(cast: Cast, alice: Actor) -> None:
    agent = make_agent(alice, handle="helper", activate=False)
    answer = cast.api("bob").post("/agents/helper/execute", {"input": "x"})
    assert answer.status_code == 202
    assert answer.json["waiting_for"] == "agent_paused"
    assert answer.json["waiting_reason"].startswith("Its agent is paused")
    execution = services.get_execution(answer.json["id"], actor=alice)
    assert engine.status(execution.job_key) is None
    update_agent(agent.id, AgentPatch(paused=False), actor=alice)
    execution = stored(execution)
    assert (execution.status, execution.waiting_for) == ("pending", None)
    assert engine.status(execution.job_key) is JobStatus.PENDING
    assert run_again(execution).status == "completed"


def test_one_whose_agent_is_paused_meanwhile_waits(alice: Actor, scripted: None) -> None:
    execution = accept_script(alice, ("result",))
    update_agent(execution.agent_id, AgentPatch(paused=True), actor=alice)
    execution = run_again(execution)
    assert (execution.status, execution.waiting_for) == ("pending", "agent_paused")
    update_agent(execution.agent_id, AgentPatch(paused=False), actor=alice)
    assert run_again(stored(execution)).status == "completed"


def test_an_agent_runs_no_more_at_once_than_it_may(alice: Actor, scripted: None) -> None:
    agent = make_agent(alice, handle="helper", features_config={"concurrency": 1})
    first = accept_script(alice, ("result",), agent="helper")
    second, third = (accept_script(alice, ("result",), agent="helper") for _ in range(2))
    first.begin(first.created_at, "another-1-a")  # as another worker does
    db.session.commit()
    for execution in (second, third):
        execution = run_again(execution)
        assert (execution.status, execution.waiting_for) == ("pending", "agent_limit")
    services.cancel_execution(first.id, actor=alice)
    second, third = stored(second), stored(third)
    assert (second.waiting_for, third.waiting_for) == (None, "agent_limit")
    assert run_again(second).status == "completed"
    third = stored(third)
    assert third.waiting_for is None
    assert run_again(third).status == "completed"
    assert waiting._count_running(agent) == 0


def test_those_that_a_limit_holds_are_found_again_without_being_told(
    alice: Actor, scripted: None
) -> None:
    make_agent(alice, handle="helper", features_config={"concurrency": 1})
    first = accept_script(alice, ("result",), agent="helper")
    second = accept_script(alice, ("result",), agent="helper")
    first.begin(first.created_at, None)
    db.session.commit()
    run_again(second)
    db.session.execute(db.delete(Execution).where(Execution.id == first.id))
    db.session.commit()
    waiting.release_held("held", str(second.agent_id))
    assert stored(second).waiting_for is None


@pytest.mark.parametrize("in_bulk", [False, True])
def test_those_that_a_deleted_agent_held_end(alice: Actor, scripted: None, in_bulk: bool) -> None:
    agent = make_agent(alice, handle="helper", features_config={"concurrency": 1})
    accept = partial(accept_script, alice, ("result",), agent="helper")
    first, limited = accept(), accept()
    first.begin(first.created_at, "another-1-a")
    db.session.commit()
    assert run_again(limited).waiting_for == "agent_limit"
    update_agent(agent.id, AgentPatch(paused=True), actor=alice)
    paused = accept()
    assert paused.waiting_for == "agent_paused"
    if in_bulk:
        selection = BulkSelection(ids=["helper"])
        delete_agents(selection, actor=alice, is_dry_run=True)
        assert stored(paused).waiting_for == "agent_paused"
        delete_agents(selection, actor=alice)
    else:
        deletion.delete_agent("helper", actor=alice)
    for held in (stored(limited), stored(paused)):
        assert held.waiting_for is None
        assert engine.status(held.job_key) is JobStatus.PENDING
        held = run_again(held)
        assert (held.status, held.error_code) == ("failed", "agent_deleted")


@pytest.mark.parametrize("is_accepted", [True, False])
@pytest.mark.parametrize(
    ("meanwhile", "ending"),
    [({"paused": False}, "completed"), ({"is_active": False}, "failed")],
)
def test_one_that_waits_while_its_agent_is_resumed_or_deleted_goes_on(
    alice: Actor, scripted: None, meanwhile: dict[str, bool], ending: str, is_accepted: bool
) -> None:
    agent = make_agent(alice, handle="helper")
    execution = accept_script(alice, ("result",), agent="helper") if is_accepted else None
    change_untold(agent, paused=True)
    if execution is None:
        execution = accept_script(alice, ("result",), agent="helper")
    else:
        run_again(execution)
    change_untold(agent, **meanwhile)  # whoever did it saw none that waits
    assert stored(execution).waiting_for == "agent_paused"
    assert JobStatus.PENDING in look_again_statuses(agent)
    waiting.release_held("held", str(agent.id))
    assert run_again(stored(execution)).status == ending


def change_untold(agent: Agent, **values: bool) -> None:
    """Change an agent as somebody does whose transaction does not see its executions yet."""
    db.session.execute(db.update(Agent).where(Agent.id == agent.id).values(**values))
    db.session.commit()
    db.session.expire_all()


def look_again_statuses(agent: Agent) -> list[JobStatus | None]:
    period = int(time.time() // LOOK_AGAIN_SECONDS)
    keys = (f"held_executions-{agent.id}-{number}" for number in (period, period + 1))
    return [engine.status(key) for key in keys]


def test_one_whose_agent_has_been_deleted_fails(alice: Actor) -> None:
    make_agent(alice, handle="helper")
    execution = services.execute_agent("helper", ExecuteRequest(input="x"), actor=alice)
    deletion.delete_agent("helper", actor=alice)
    execution = run_again(execution)
    assert (execution.status, execution.error_code) == ("failed", "agent_deleted")
