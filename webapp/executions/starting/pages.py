"""The page *Run* of an agent: its input as a form, and the version that runs."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from webapp.agents import services as agents
from webapp.agents.models import Agent, Environment
from webapp.agents.permissions import EXECUTIONS_RUN
from webapp.catalog import services as catalog
from webapp.core.errors import DomainError, NotFound
from webapp.core.schemas import read
from webapp.core.security import current_actor, requires
from webapp.core.web import page, redirect_to
from webapp.executions import services
from webapp.executions.schemas import ExecuteRequest
from webapp.executions.starting.forms import RunForm, form_class
from webapp.executions.targets import Target, find_target

bp = Blueprint("agent_runs", __name__)


@bp.get("/agents/<handle>/run")
@requires(EXECUTIONS_RUN)
def new(handle: str) -> Response:
    """`?from=` fills in the input of an earlier execution."""
    agent, target, error = _read_target(handle)
    given = _earlier_input()
    form = form_class(_schema_of(target))()
    if given is not None:
        _fill(form, given)
    return _page(agent, target, form, error)


@bp.post("/agents/<handle>/run")
@requires(EXECUTIONS_RUN)
def create(handle: str) -> Response:
    agent, target, error = _read_target(handle)
    form = form_class(_schema_of(target))()
    if target is None or not form.validate_on_submit():
        return _page(agent, target, form, error, status=422)
    try:
        body = read(ExecuteRequest, {"input": form.to_input()} | _chosen())
        execution = services.execute_agent(agent.id, body, actor=current_actor(), trigger="manual")
    except NotFound:
        raise
    except DomainError as refused:
        form.put(refused)
        return _page(agent, target, form, None, status=422)
    return redirect_to("executions.show", execution_id=execution.id)


def _page(
    agent: Agent, target: Target | None, form: RunForm, error: str | None, *, status: int = 200
) -> Response:
    is_unknown = (
        target is not None and catalog.find_model(agent.organization_id, target.model) is None
    )
    return page(
        "executions/run.html",
        status=status,
        agent=agent,
        target=target,
        form=form,
        error=error,
        unknown_model=target.model if target and is_unknown else None,
        environments=[name for name in Environment if agent.runs(name)],
        chosen=_chosen(),
    )


def _read_target(handle: str) -> tuple[Agent, Target | None, str | None]:
    """The agent with the version that is chosen, or why that one cannot run."""
    agent = agents.get_agent(handle, actor=current_actor())
    try:
        body = read(ExecuteRequest, {"input": {}} | _chosen())
        return agent, find_target(agent, environment=body.environment, version=body.version), None
    except DomainError as refused:
        return agent, None, refused.sentences


def _chosen() -> dict[str, Any]:
    """What the address says of the version: an environment, or a version by its number."""
    environment, version = request.args.get("environment"), request.args.get("version", "")
    if environment:
        return {"environment": environment}
    if version:
        return {"version": int(version) if version.isdecimal() and len(version) < 10 else version}
    return {}


def _schema_of(target: Target | None) -> dict[str, Any] | None:
    return target.definition.get("input_schema") if target else None


def _earlier_input() -> dict[str, Any] | None:
    if earlier := request.args.get("from"):
        return services.get_execution(earlier, actor=current_actor()).input
    return None


def _fill(form: RunForm, given: dict[str, Any]) -> None:
    for name, key in form.PROPERTIES.items():
        form[name].data = given.get(key) if key else given
