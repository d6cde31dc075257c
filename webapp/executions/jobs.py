"""What a worker does with an execution: run it, in a runner of its own, to exactly one ending."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select

from webapp import engine
from webapp.agents.models import Agent
from webapp.agents.versions.services import state_of
from webapp.catalog import services as catalog
from webapp.catalog.models import EXTRACTIVE, KeyState
from webapp.core import clock
from webapp.core.database.transactions import do_not_wait_for_disk, get_locked
from webapp.core.extensions import db
from webapp.core.settings import get_settings
from webapp.engine import runners, runs, sandbox
from webapp.engine.sandbox import Reason
from webapp.executions import asking, waiting
from webapp.executions.changes import announce, end_execution, enqueue, log
from webapp.executions.failures import MAX_MESSAGE, Failure
from webapp.executions.models import Execution, Level
from webapp.executions.orders import limits_of, make_order, secrets_of
from webapp.executions.policy import policy_of
from webapp.executions.recording import Ending, Recorder, add_chunk, weigh
from webapp.executions.redaction import Redactor
from webapp.executions.validating import find_errors
from webapp.tasks.models import Status

#: what is told within this time is written together
GATHER_SECONDS = 0.04
#: the output of an agent without an output_schema
TEXT_SCHEMA = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string"}, "citations": {"type": "array"}},
}
PROGRAMS = (
    engine.Program("execution", "webapp.executions.runtime.program"),
    engine.Program(EXTRACTIVE, "webapp.executions.runtime.extractive"),
)
BUG = Failure(
    "execution_failed", "Something went wrong on our side; the log of the worker has the details."
)

log_of_worker = structlog.get_logger(__name__)


@dataclass
class Work:
    """One worker's hold on an execution, with what it knows of its agent."""

    run: runs.Run[Execution]
    agent: Agent
    recorder: Recorder

    @cached_property
    def definition(self) -> dict[str, Any]:
        """What the agent was in the version that runs."""
        return state_of(self.agent, self.run.row.agent_version)


def program_of(model: dict[str, Any]) -> str:
    """What a runner runs for a model: the built-in one needs no client of any provider."""
    return EXTRACTIVE if model["provider"] == EXTRACTIVE else "execution"


def run_execution(key: str, execution_id: str) -> None:
    """The engine's job: bring the execution to its end, from wherever it is."""
    work = _begin(key, UUID(execution_id))
    if work is None:
        db.session.commit()
        return
    try:
        ending = _checked(work, _conduct(work))
    except runs.RunSuperseded:
        db.session.rollback()
    except engine.Cancelled:
        # Whoever cancelled it has ended the row; a job that is cancelled alone ends it here.
        db.session.rollback()
        runs.insist(partial(_end_cancelled, work))
    except Exception as error:
        db.session.rollback()
        if engine.will_retry(error):
            raise  # the worker waits for its database and calls again
        log_of_worker.exception("execution_failed", execution=execution_id)
        runs.insist(partial(_end, work, Ending(failure=BUG)))
    else:
        runs.insist(partial(_end, work, ending))


def _begin(key: str, execution_id: UUID) -> Work | None:
    """Take the execution; None where there is nothing to run, or nothing yet."""
    do_not_wait_for_disk(is_fence=True)
    execution = get_locked(select(Execution).where(Execution.id == execution_id))
    if execution is None or execution.is_finished or execution.job_key != key:
        return None
    agent = db.session.get(Agent, execution.agent_id)
    if agent is None:
        return None  # it is being removed, with all that it did
    now = clock.now()
    if not agent.is_active:
        failure = Failure("agent_deleted", f"Agent {agent.handle} has been deleted.")
        end_execution(execution, Status.FAILED, failure.message, failure=failure)
        return None
    if waiting.hold_back(execution, agent, now):
        announce(execution)
        return None
    is_again = execution.status == Status.RUNNING
    execution.begin(now, engine.get_worker())
    if execution.is_worn_out:
        failure = Failure("execution_failed", "Its worker died five times at the same place.")
        end_execution(execution, Status.FAILED, failure.message, failure=failure)
        waiting.release_next(agent)
        return None
    _log_begin(execution, is_again=is_again)
    if is_again and execution.has_chunks:
        add_chunk(execution, None)  # the runner tells its output from the beginning
    announce(execution)
    db.session.commit()
    run, started, before = runs.Run(execution), time.monotonic(), execution.execution_time_ms
    spent = lambda: before + round((time.monotonic() - started) * 1000)  # noqa: E731 - one line
    return Work(run, agent, Recorder(run, Redactor(), spent))


def _log_begin(execution: Execution, *, is_again: bool) -> None:
    fields: dict[str, Any] = {"worker": execution.worker, "attempt": execution.attempt}
    if is_again:
        message = f"Taken over: {execution.step_count} recorded steps are not repeated."
        log(execution, Level.WARN, message, step="start", **fields)
    elif execution.attempt > 1:
        log(execution, Level.INFO, f"Try {execution.attempt}.", step="start", **fields)
    else:
        fields |= {"version": execution.agent_version, "model": execution.model}
        log(execution, Level.INFO, "Started.", step="start", **fields)


def _conduct(work: Work) -> Ending:
    """Run the runner to its end, and write what it tells meanwhile."""
    execution, recorder = work.run.row, work.recorder
    model = catalog.find_model(execution.organization_id, execution.model)
    if model is None:
        return Ending(failure=Failure("model_unknown", f"Model not found: {execution.model}"))
    if model.key_state == KeyState.UNREADABLE:
        message = f"The key of {model.name} was sealed with another SECRET_KEY."
        return Ending(
            failure=Failure("upstream_auth", message, [f"Enter the key of {model.name}."])
        )
    if execution.remaining_seconds <= 0:
        return Ending(failure=_late(execution))
    order = make_order(execution, work.agent.handle, work.definition, model.as_order())
    recorder.step_bytes = sum(weigh(step["content"]) for step in order["steps"])
    limits = limits_of(execution)
    recorder.redactor = Redactor(secrets_of(order))
    db.session.commit()  # no transaction is open while the runner works
    with runners.start(program_of(order["model"]), order, limits=limits) as runner:
        try:
            _follow(runner, recorder)
        except runners.RunnerError as error:
            if error.failure == runners.ORPHANED:
                engine.retry_later(0)  # not its doing: it goes on behind what is recorded
            recorder.ending = Ending(failure=_explain(error.failure, execution, recorder))
    if usage := runner.usage:
        recorder.take_resources(cpu_seconds=usage.cpu_seconds, memory_bytes=usage.memory_peak_bytes)
    return recorder.ending or Ending(
        failure=Failure("runner_died", "The runner ended without a result.")
    )


def _follow(runner: runners.Runner, recorder: Recorder) -> None:
    """Take what a runner tells, answer what it asks; what comes together is written together."""
    for messages in runner.batches(GATHER_SECONDS):
        for message in messages:
            if "ask" in message:
                runner.answer(message, _answer(message, recorder))
            else:
                recorder.take(message)
        if recorder.ending is not None:
            return  # what there is to write is written with the end
        if not messages or "ask" not in messages[-1]:
            recorder.write()


def _answer(message: dict[str, Any], recorder: Recorder) -> dict[str, Any]:
    if message["ask"] == "record":
        return recorder.record(message.get("step"))
    return asking.answer(recorder.run.row, message)


def _end(work: Work, ending: Ending) -> None:
    """Write the end of a run: that of the execution, or the wait for its next try."""
    execution = work.run.lock()
    if execution is None:
        db.session.rollback()
        return
    work.run.row = execution
    work.recorder.add()
    failure = ending.failure
    if failure is None:
        message = f"Completed in {_in_seconds(execution)}."
        end_execution(execution, Status.COMPLETED, message, output=ending.output)
    elif not _try_again(work, failure):
        end_execution(execution, Status.FAILED, failure.message, failure=failure)
    waiting.release_next(work.agent)
    db.session.commit()


def _end_cancelled(work: Work) -> None:
    execution = work.run.lock()
    if execution is not None:
        work.run.row = execution
        work.recorder.add()
        end_execution(execution, Status.CANCELLED, "Cancelled.")
        waiting.release_next(work.agent)
    db.session.commit()


def _try_again(work: Work, failure: Failure) -> bool:
    """Whether the retry policy makes another try of a failed one, which then waits for it."""
    execution, policy = work.run.row, policy_of(work.definition)
    delay = policy.delay_seconds(execution.attempt, failure.code, failure.retry_after)
    if delay is None or execution.remaining_seconds <= 0:
        return False
    execution.try_again(clock.now(), seconds=delay)
    if execution.has_chunks:
        add_chunk(execution, None)
    message = f"{failure.message} Try {execution.attempt} begins in {delay:.1f} s."
    log(execution, Level.WARN, message, step="retry", code=failure.code)
    enqueue(execution, seconds=delay)
    announce(execution)
    return True


def _checked(work: Work, ending: Ending) -> Ending:
    """The ending, or that of an output which is not what it has to be."""
    failure = ending.failure or _check_output(work, ending.output)
    return Ending(failure=failure) if failure else ending


def _check_output(work: Work, output: Any) -> Failure | None:
    """What is wrong with an output, which came out of a runner and is not trusted."""
    size = len(json.dumps(output, ensure_ascii=False).encode())
    highest = get_settings().output_bytes
    if size > highest:
        return Failure(
            "execution_output_too_large",
            f"The output has {size:,} bytes; an execution's has at most {highest:,}.",
        )
    schema = work.definition.get("output_schema")
    errors = find_errors(schema or TEXT_SCHEMA, output, "output", with_patterns=False)
    if not errors:
        return None
    said = "; ".join(f"{error['field']}: {error['message']}" for error in errors[:3])
    return Failure(
        "output_invalid",
        f"The output is not what the agent's output_schema says: {said}"[:MAX_MESSAGE],
        ["Say in the instructions what the output has to be, or make the schema wider."],
    )


def _explain(failure: sandbox.Failure, execution: Execution, recorder: Recorder) -> Failure:
    """Why a runner has ended without a result, in words for whoever reads the execution."""
    said = recorder.redactor.text(failure.message)[:MAX_MESSAGE]
    match failure.reason:
        case Reason.TIME if said.startswith("computed"):
            return Failure(
                "execution_timeout",
                f"The execution {said}, the processor time that one has.",
                ["Give it less to compute."],
            )
        case Reason.TIME:
            return _late(execution)
        case Reason.MEMORY:
            return Failure("execution_memory", f"The execution {said}.")
        case Reason.OUTPUT:
            return Failure("execution_output_too_large", f"The runner {said}.")
        case Reason.DIED:
            return Failure("runner_died", f"The runner {said}.", ["Retry it."])
    if failure.traceback:
        fields = {"traceback": failure.traceback}
        recorder.take({"log": {"level": "debug", "step": "runner", "message": "What was raised",
                               "metadata": fields}})  # fmt: skip
    if failure.type:
        said = f"{recorder.redactor.text(failure.type)}: {said}"[:MAX_MESSAGE]
    return Failure("execution_failed", said)


def _late(execution: Execution) -> Failure:
    return Failure(
        "execution_timeout",
        f"The execution took longer than its timeout of {execution.time_limit_seconds:g} s.",
        ["Give it more time with timeout_seconds."],
    )


def _in_seconds(execution: Execution) -> str:
    milliseconds = execution.execution_time_ms
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"
