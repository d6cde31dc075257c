"""An agent's releases: what each environment runs, publish, promote, roll back, retire."""

from __future__ import annotations

from flask import Blueprint, Response, request

from webapp.agents.models import MAX_VERSION, Agent, Environment, Status
from webapp.agents.permissions import AGENTS_READ, AGENTS_WRITE
from webapp.agents.releases import services
from webapp.agents.releases.forms import PublishForm
from webapp.agents.schemas import PublishRequest
from webapp.agents.services import get_agent
from webapp.agents.versions.services import release_of, state_of
from webapp.core.errors import Invalid
from webapp.core.security import current_actor, requires
from webapp.core.web import page, redirect_to, whole_number

bp = Blueprint("agent_releases", __name__, url_prefix="/agents/<handle>/releases")


@bp.get("")
@requires(AGENTS_READ)
def index(handle: str) -> Response:
    listing = services.list_releases(handle, actor=current_actor())
    agent = listing.agent
    return page(
        "agents/releases/index.html",
        fragment="agents/releases/_body.html",
        agent=agent,
        listing=listing,
        form=PublishForm(),
        proposal=services.propose(agent, agent.current_version),
        following=services.list_next(agent),
        version=agent.current_version,
    )


@bp.get("/new")
@requires(AGENTS_WRITE)
def new(handle: str) -> Response:
    agent = get_agent(handle, actor=current_actor())
    version = whole_number("version", agent.current_version, 1, MAX_VERSION)
    return _new_page(agent, version, PublishForm())


@bp.post("")
@requires(AGENTS_WRITE)
def create(handle: str) -> Response:
    actor = current_actor()
    agent = get_agent(handle, actor=actor)
    version = whole_number("version", agent.current_version, 1, MAX_VERSION)
    is_released = release_of(agent, version) is not None
    form = PublishForm()
    if form.validate():
        with form.refusing():
            release = services.publish_version(handle, version, form.to_body(), actor=actor)
            message = f"{release.semver} runs in {form.environment.data}."
            if is_released:
                message = f"Version {version} was released already, as {release.semver}. {message}"
            return redirect_to("agent_releases.index", handle=agent.handle, message=message)
    return _new_page(agent, version, form, status=422)


@bp.post("/<semver>/deployments")
@requires(AGENTS_WRITE)
def deploy(handle: str, semver: str) -> Response:
    """Let an environment run a release that there is: promote it, or go back to it."""
    actor = current_actor()
    release = services.find_release(get_agent(handle, actor=actor), semver)
    body = PublishRequest(environment=_environment())
    services.publish_version(handle, release.version, body, actor=actor)
    message = f"{body.environment.capitalize()} runs {semver}."
    return redirect_to("agent_releases.index", handle=handle, message=message)


@bp.post("/rollback")
@requires(AGENTS_WRITE)
def roll_back(handle: str) -> Response:
    actor = current_actor()
    agent = get_agent(handle, actor=actor)
    environment = _environment()
    to = request.form.get("semver") or None
    release = services.roll_back_environment(agent.id, environment, to=to, actor=actor)
    message = f"{environment.capitalize()} runs {release.semver} again."
    return redirect_to("agent_releases.index", handle=handle, message=message)


@bp.post("/<semver>/status")
@requires(AGENTS_WRITE)
def update(handle: str, semver: str) -> Response:
    actor = current_actor()
    agent = get_agent(handle, actor=actor)
    try:
        status = Status(request.form.get("status", ""))
    except ValueError as error:
        raise Invalid("status must be published, deprecated or archived.") from error
    release = services.change_status(agent.id, semver, status, actor=actor)
    message = f"{semver} is {release.status}."
    return redirect_to("agent_releases.index", handle=handle, message=message)


def _environment() -> Environment:
    try:
        return Environment(request.form.get("environment", ""))
    except ValueError as error:
        raise Invalid("environment must be staging or production.") from error


def _new_page(agent: Agent, version: int, form: PublishForm, *, status: int = 200) -> Response:
    """The form, or which release the version is already; NotFound for no version."""
    state_of(agent, version)
    release = release_of(agent, version)
    return page(
        "agents/releases/new.html",
        status=status,
        agent=agent,
        version=version,
        form=form,
        release=release,
        runs_in=agent.environments_of(release) if release else [],
        proposal=services.propose(agent, version),
        following=services.list_next(agent),
    )
