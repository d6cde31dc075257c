"""An agent's history: the timeline, one version, two compared, and the way back."""

from __future__ import annotations

from itertools import groupby

from flask import Blueprint, Response, request

from webapp.agents.models import MAX_VERSION, Agent
from webapp.agents.permissions import AGENTS_READ, AGENTS_WRITE
from webapp.agents.references import handles_of
from webapp.agents.services import get_agent
from webapp.agents.versions import services
from webapp.core.errors import OddParameters
from webapp.core.security import current_actor, requires
from webapp.core.web import page, redirect_to, whole_number

bp = Blueprint("agent_versions", __name__, url_prefix="/agents/<handle>/versions")

VIEWS = ("split", "unified")
#: versions that a comparison offers to choose from
MAX_OFFERED = 100


@bp.get("")
@requires(AGENTS_READ)
def index(handle: str) -> Response:
    before = whole_number("before", 0, 0, MAX_VERSION) or None
    history = services.list_history(handle, before=before, actor=current_actor())
    days = [
        (day, list(entries)) for day, entries in groupby(history.entries, lambda entry: entry.day)
    ]
    return page(
        "agents/versions/index.html",
        fragment="agents/versions/_timeline.html",
        agent=history.agent,
        history=history,
        days=days,
        numbers=_numbers(history.agent, *(entry.version for entry in history.entries)),
        is_newest=before is None,
    )


@bp.get("/compare")
@requires(AGENTS_READ)
def compare(handle: str) -> Response:
    actor = current_actor()
    agent = get_agent(handle, actor=actor)
    start = whole_number("from", max(agent.current_version - 1, 1), 1, MAX_VERSION)
    end = whole_number("to", 0, 0, MAX_VERSION) or None
    view = request.args.get("view") or VIEWS[0]
    if view not in VIEWS:
        raise OddParameters("view must be split or unified.", field="view")
    comparison = services.compare_versions(agent.id, start, end, actor=actor)
    targets = [item for state in comparison.states for item in state.get("handoff_targets", [])]
    return page(
        "agents/versions/compare.html",
        agent=agent,
        comparison=comparison,
        numbers=_numbers(agent, comparison.start, comparison.end),
        view=view,
        names=handles_of(targets, actor=actor),
    )


@bp.get("/<int:version>")
@requires(AGENTS_READ)
def show(handle: str, version: int) -> Response:
    actor = current_actor()
    agent = get_agent(handle, actor=actor)
    state = services.state_of(agent, version)
    return page(
        "agents/versions/show.html",
        agent=agent,
        version=version,
        state=state,
        release=services.release_of(agent, version),
        names=handles_of(state.get("handoff_targets", []), actor=actor),
    )


@bp.post("/<int:version>/rollback")
@requires(AGENTS_WRITE)
def roll_back(handle: str, version: int) -> Response:
    before = get_agent(handle, actor=current_actor()).current_version
    agent = services.roll_back(handle, version, actor=current_actor())
    message = (
        f"{agent.name} is already as it was in version {version}."
        if agent.current_version == before
        else f"Version {agent.current_version} has the state of version {version}."
    )
    return redirect_to("agent_versions.index", handle=agent.handle, message=message)


def _numbers(agent: Agent, *shown: int) -> list[int]:
    """The newest versions and those that the page shows, newest first."""
    newest = range(max(1, agent.current_version - MAX_OFFERED + 1), agent.current_version + 1)
    return sorted({*newest, *shown}, reverse=True)
