"""The portable form of an agent: no ids, no organization (docs/contract/agents.md, 6.10)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from webapp.agents.models import MAX_VERSION, Environment, ReleaseStatus
from webapp.agents.schemas import (
    MAX_INSTRUCTIONS,
    AgentFields,
    Handle,
    Name,
    PublishRequest,
    References,
)
from webapp.core.schemas import Moment, RequestModel

MAX_AGENTS = 10_000
MAX_VERSIONS = 1000


Number = Annotated[int, Field(ge=1, le=MAX_VERSION)]


class Snapshot(AgentFields):
    """A definition as a version keeps it; fields of other times are left out."""

    model_config = {"extra": "ignore"}

    name: Name
    instructions: str = Field("", max_length=MAX_INSTRUCTIONS)


class PortableVersion(RequestModel):
    version: Number
    snapshot: Snapshot
    author: str = Field("", max_length=320)
    note: str | None = Field(None, max_length=500)
    created_at: Moment


class PortableRelease(PublishRequest):
    model_config = {"extra": "forbid"}

    version: Number
    semver: str = Field(max_length=64)
    status: ReleaseStatus = ReleaseStatus.PUBLISHED
    author: str = Field("", max_length=320)
    created_at: Moment
    environments: list[Environment] = []


class PortableAgent(Snapshot):
    """One agent of an export, as an import reads it; the history is optional."""

    model_config = {"extra": "forbid"}

    instructions: str = Field(
        max_length=MAX_INSTRUCTIONS, description="May be left out where model_overrides are given"
    )
    handle: Handle | None = None
    handoff_targets: Annotated[
        References, Field(description="Handles, of this file or of the organization")
    ] = []
    current_version: Number = 1
    versions: list[PortableVersion] = Field(default=[], max_length=MAX_VERSIONS)
    releases: list[PortableRelease] = Field(default=[], max_length=MAX_VERSIONS)

    @model_validator(mode="before")
    @classmethod
    def _spawned(cls, item: Any) -> Any:
        """Who names a model of its own needs no instructions, as in `POST /agents`."""
        if isinstance(item, dict) and item.get("model_overrides"):
            return {"instructions": "", **item}
        return item

    @model_validator(mode="after")
    def _history_fits(self) -> PortableAgent:
        kept = [item.version for item in self.versions]
        if len(set(kept)) < len(kept):
            raise ValueError("versions holds the same number twice")
        if any(number > self.current_version for number in kept):
            raise ValueError("versions holds a number above current_version")
        released = [item.version for item in self.releases]
        if len(set(released)) < len(released) or len({r.semver for r in self.releases}) < len(
            released
        ):
            raise ValueError("releases holds the same version or semver twice")
        if not set(released) <= set(kept):
            raise ValueError("releases holds a version that versions does not have")
        return self


class ImportRequest(RequestModel):
    """What `POST /agents/import` reads; a bare array, as an export writes it, is understood too."""

    agents: list[PortableAgent] = Field(max_length=MAX_AGENTS)

    @model_validator(mode="before")
    @classmethod
    def _from_array(cls, body: Any) -> Any:
        return {"agents": body} if isinstance(body, list) else body
