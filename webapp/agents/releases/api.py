"""Publishing, and the releases of an agent (docs/contract/versions.md)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from apiflask import APIBlueprint
from pydantic import Field

from webapp.agents.models import Environment, Release, ReleaseStatus, Status
from webapp.agents.permissions import AGENTS_READ, AGENTS_WRITE
from webapp.agents.releases import services
from webapp.agents.schemas import PublishRequest, RunningRelease
from webapp.core.http.conditional import if_match
from webapp.core.schemas import RequestModel, ResponseModel
from webapp.core.security import current_actor, requires

bp = APIBlueprint(
    "agent_releases_api", __name__, url_prefix="/api/v1/agents/<agent_id>", tag="Releases"
)


class ReleaseResponse(ResponseModel):
    id: UUID
    agent_id: UUID
    version: int
    semver: str
    changelog: str
    status: ReleaseStatus
    author: str
    created_at: datetime
    environments: list[str] = Field(description="What runs it now")


class ReleasesResponse(ResponseModel):
    environments: dict[str, RunningRelease | None]
    releases: list[ReleaseResponse]


class RollbackRequest(RequestModel):
    """Which environment goes back, and to what."""

    environment: Environment = Field(Environment.PRODUCTION, examples=[Environment.PRODUCTION])
    to: str | None = Field(None, max_length=64, description="A semver; otherwise the one below")


class ReleaseStatusRequest(RequestModel):
    """What a release is from now on."""

    status: ReleaseStatus = Field(examples=[ReleaseStatus.DEPRECATED])


@bp.get("/releases")
@requires(AGENTS_READ)
@bp.output(ReleasesResponse)
@bp.doc(operation_id="releases.list")
def index(agent_id: str) -> ReleasesResponse:
    """The releases, newest first, and which one each environment runs"""
    listing = services.list_releases(agent_id, actor=current_actor())
    return ReleasesResponse(
        environments={
            name: RunningRelease.model_validate(running) if running else None
            for name, running in listing.environments.items()
        },
        releases=[
            _answer(release, listing.agent.environments_of(release)) for release in listing.releases
        ],
    )


@bp.post("/versions/<int:version>/publish")
@requires(AGENTS_WRITE)
@bp.input(PublishRequest, arg_name="body")
@bp.output(ReleaseResponse)
@bp.doc(operation_id="releases.publish", responses=[409, 412])
def publish(agent_id: str, version: int, body: PublishRequest) -> ReleaseResponse:
    """Publish a version, or promote it to another environment"""
    actor = current_actor()
    release = services.publish_version(agent_id, version, body, actor=actor, if_match=if_match())
    return _answer(release, services.environments_of(release, actor=actor))


@bp.post("/releases/rollback")
@requires(AGENTS_WRITE)
@bp.input(RollbackRequest, arg_name="body")
@bp.output(ReleaseResponse)
@bp.doc(operation_id="releases.rollback", responses=[409])
def roll_back(agent_id: str, body: RollbackRequest) -> ReleaseResponse:
    """Let an environment run an earlier release again"""
    actor = current_actor()
    release = services.roll_back_environment(agent_id, body.environment, to=body.to, actor=actor)
    return _answer(release, services.environments_of(release, actor=actor))


@bp.patch("/releases/<semver>")
@requires(AGENTS_WRITE)
@bp.input(ReleaseStatusRequest, arg_name="body")
@bp.output(ReleaseResponse)
@bp.doc(operation_id="releases.update", responses=[409])
def update(agent_id: str, semver: str, body: ReleaseStatusRequest) -> ReleaseResponse:
    """Deprecate, archive or reinstate a release"""
    actor = current_actor()
    release = services.change_status(agent_id, semver, Status(body.status), actor=actor)
    return _answer(release, services.environments_of(release, actor=actor))


def _answer(release: Release, environments: list[str]) -> ReleaseResponse:
    fields = {
        name: getattr(release, name)
        for name in ReleaseResponse.model_fields
        if name != "environments"
    }
    return ReleaseResponse(**fields, environments=environments)
