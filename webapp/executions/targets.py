"""Which version of an agent an execution runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from webapp.agents.models import Agent, Environment, Release, ReleaseStatus, Status
from webapp.agents.releases.services import find_release
from webapp.agents.versions.services import release_of, state_of
from webapp.core.errors import BadReference, Conflict, NotFound


@dataclass(frozen=True)
class Target:
    """A version with its definition; `release` is its semver, where it is one.

    `notice` is what whoever reads the log should know of it.
    """

    version: int
    definition: dict[str, Any]
    release: str | None = None
    environment: str | None = None
    notice: str | None = None

    @property
    def model(self) -> str:
        """The model that the definition names; its overrides come first."""
        overridden = (self.definition.get("model_overrides") or {}).get("model")
        is_named = isinstance(overridden, str) and overridden.strip()
        return str(overridden).strip() if is_named else str(self.definition["model"])


def find_target(
    agent: Agent, *, environment: Environment | None = None, version: int | str | None = None
) -> Target:
    """The version that is asked for: by number or semver, else what an environment runs.

    Without either it is production's release, and the current version of an agent that has none.
    Raises BadReference where there is no such version, Conflict where it may not run.
    """
    if agent.status == Status.ARCHIVED:
        raise Conflict(
            f"Agent {agent.handle} is archived and does not run.",
            code="archived",
            suggestions=["Reinstate one of its releases first."],
        )
    if version is not None:
        return _of_version(agent, version)
    running = agent.runs(environment or Environment.PRODUCTION)
    if running is not None:
        name = str(environment or Environment.PRODUCTION)
        return _of_release(agent, find_release(agent, running["semver"]), name)
    if environment is not None:
        raise Conflict(
            f"{environment} runs no release of {agent.handle}.",
            code="nothing_running",
            suggestions=["Publish a version to it, or leave the environment out."],
        )
    return Target(
        agent.current_version,
        agent.definition,
        notice=f"Production runs no release: this is the current version, {agent.current_version}.",
    )


def _of_version(agent: Agent, version: int | str) -> Target:
    try:
        if isinstance(version, str):
            return _of_release(agent, find_release(agent, version), None)
        definition = state_of(agent, version)
    except NotFound as error:
        raise BadReference(
            error.message, code="unknown_version", field="version", suggestions=error.suggestions
        ) from error
    release = release_of(agent, version)
    if release is not None:
        return _of_release(agent, release, None)
    return Target(version, definition)


def _of_release(agent: Agent, release: Release, environment: str | None) -> Target:
    if release.status == ReleaseStatus.ARCHIVED:
        raise Conflict(
            f"Release {release.semver} is archived and cannot run.",
            code="release_archived",
            suggestions=["Reinstate it first."],
        )
    is_old = release.status == ReleaseStatus.DEPRECATED
    return Target(
        release.version,
        state_of(agent, release.version),
        release.semver,
        environment,
        f"Release {release.semver} is deprecated." if is_old else None,
    )
