"""Publish versions, promote releases, roll environments back, end a release's life."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from semver import Version
from sqlalchemy import select
from sqlalchemy.orm import defer

from webapp.agents.changes import announce
from webapp.agents.figures import refuse_stale
from webapp.agents.models import (
    MAX_VERSION,
    Agent,
    AgentVersion,
    Deployment,
    Environment,
    Release,
    Status,
)
from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.releases.proposal import next_semvers, propose_semver
from webapp.agents.schemas import PublishRequest
from webapp.agents.services import get_agent
from webapp.agents.versions.services import find_version, state_of
from webapp.audit import services as audit
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.errors import Conflict, Invalid, NotFound
from webapp.core.extensions import db
from webapp.webhooks import changes as webhooks

#: what webhooks are told of when an environment runs another release, by what was done
EVENTS = {
    "publish": "release.published",
    "promote": "release.promoted",
    "roll back": "release.rolled_back",
}
#: releases and deployments that a page or an answer lists at most
MAX_LISTED = 200


@dataclass(frozen=True)
class Releases:
    """An agent's releases, newest first, and what happened to its environments."""

    agent: Agent
    releases: list[Release]
    deployments: list[Deployment]

    @property
    def environments(self) -> dict[str, dict[str, Any] | None]:
        return {name.value: self.agent.runs(name) for name in Environment}

    def semver_of(self, deployment: Deployment) -> str:
        return next(
            (item.semver for item in self.releases if item.id == deployment.release_id), "?"
        )

    def before(self, environment: str) -> Release | None:
        """The release that rolling `environment` back would run; None where there is none."""
        running = self.agent.runs(environment)
        ran = {item.release_id for item in self.deployments if item.environment == environment}
        if running is None:
            return None
        return _below((item for item in self.releases if item.id in ran), running["semver"])


def list_releases(reference: str | UUID, *, actor: Actor) -> Releases:
    """The releases of an agent and which one each environment runs."""
    agent = get_agent(reference, actor=actor)
    releases = db.session.scalars(
        select(Release)
        .where(Release.agent_id == agent.id)
        .order_by(Release.created_at.desc(), Release.version.desc())
        .limit(MAX_LISTED)
    )
    deployments = db.session.scalars(
        select(Deployment)
        .where(Deployment.agent_id == agent.id)
        .order_by(Deployment.id.desc())
        .limit(MAX_LISTED)
    )
    return Releases(agent, list(releases), list(deployments))


def propose(agent: Agent, version: int) -> str:
    """The semantic version that publishing `version` would get: after the highest there is."""
    last = _highest(agent)
    if last is None:
        return propose_semver(None, {}, {})
    return propose_semver(last.semver, state_of(agent, last.version), state_of(agent, version))


def list_next(agent: Agent) -> list[tuple[str, str]]:
    """The semantic versions that may come next, each with what it is for; none before the first."""
    last = _highest(agent)
    return next_semvers(last.semver) if last else []


def publish_version(
    reference: str | UUID,
    version: int,
    body: PublishRequest,
    *,
    actor: Actor,
    if_match: str | None = None,
) -> Release:
    """Make a version a release that an environment runs (docs/contract/versions.md, 6.1 and 6.2).

    A version that is a release already keeps its semver and is promoted to the environment;
    where that runs it already, nothing happens. Raises Conflict where the semver does not rise.
    """
    actor.require(AGENTS_WRITE)
    agent = get_agent(reference, actor=actor, lock=True)
    refuse_stale(agent, if_match)
    release = db.session.scalar(
        select(Release).where(
            Release.agent_id == agent.id, Release.version == min(version, MAX_VERSION)
        )
    )
    if release is None:
        release = _release(agent, version, body, actor=actor)
        action = "publish"
    else:
        _check_promotion(release, body)
        action = "promote"
    running = agent.runs(body.environment)
    if running is not None and Version.parse(release.semver) < Version.parse(running["semver"]):
        action = "roll back"
    if running is None or running["version"] != release.version:
        _deploy(agent, release, body.environment, action, actor=actor)
    db.session.commit()
    return release


def roll_back_environment(
    reference: str | UUID, environment: Environment, *, to: str | None = None, actor: Actor
) -> Release:
    """Let an environment run an earlier release again: `to`, or the one below the present one.

    Raises Conflict where there is none, NotFound where `to` is no release of the agent.
    """
    actor.require(AGENTS_WRITE)
    agent = get_agent(reference, actor=actor, lock=True)
    running = agent.runs(environment)
    if running is None:
        raise Conflict(f"{environment} runs no release of {agent.handle}.", code="nothing_running")
    if to is not None:
        release = find_release(agent, to)
        if release.semver == running["semver"]:
            raise Conflict(f"{environment} runs {to} already.", code="already_running")
    else:
        release = _earlier(agent, environment, running["semver"])
    if release.status == Status.ARCHIVED:
        raise _is_archived(release)
    _deploy(agent, release, environment, "roll back", actor=actor)
    db.session.commit()
    return release


def change_status(reference: str | UUID, semver: str, status: Status, *, actor: Actor) -> Release:
    """Deprecate a release (it still runs, with a warning), archive it, or reinstate it."""
    actor.require(AGENTS_WRITE)
    agent = get_agent(reference, actor=actor, lock=True)
    release = find_release(agent, semver)
    if status == Status.DRAFT:
        raise Invalid("A release cannot become a draft again.", field="status")
    release.become(status, running_in=agent.environments_of(release))
    db.session.flush()
    agent.status = _status_of(agent)
    agent.touch(clock.now())
    audit.record(actor, _verb(status), agent, semver=semver)
    announce(agent)
    db.session.commit()
    return release


def find_release(agent: Agent, semver: str) -> Release:
    release: Release | None = db.session.scalar(
        select(Release).where(Release.agent_id == agent.id, Release.semver == semver)
    )
    if release is None:
        raise NotFound(f"Release not found: {semver}")
    return release


def _release(agent: Agent, version: int, body: PublishRequest, *, actor: Actor) -> Release:
    if version == agent.current_version:
        kept = AgentVersion.of(agent)
        db.session.add(kept)
    else:
        find_version(agent, version)
    highest = _highest(agent)
    semver = body.semver or propose(agent, version)
    if highest is not None and Version.parse(semver) <= Version.parse(highest.semver):
        raise Conflict(
            f"{semver} is not above {highest.semver}, the highest release: next is "
            f"{_alternatives(highest.semver)}.",
            code="semver_not_rising",
            field="semver",
            extras={"highest": highest.semver, "proposed": propose(agent, version)},
            suggestions=[f"Leave semver out, and it becomes {propose(agent, version)}."],
        )
    release = Release(
        agent_id=agent.id,
        version=version,
        semver=semver,
        changelog=body.changelog,
        author=actor.name,
        created_at=clock.now(),
    )
    db.session.add(release)
    db.session.flush()
    agent.published_version = max(version, agent.published_version or 0)
    return release


def _alternatives(semver: str) -> str:
    patch, minor, major = (following for following, _ in next_semvers(semver))
    return f"{patch}, {minor} or {major}"


def _check_promotion(release: Release, body: PublishRequest) -> None:
    if release.status == Status.ARCHIVED:
        raise _is_archived(release)
    if body.semver not in (None, release.semver):
        raise Conflict(
            f"Version {release.version} is published as {release.semver} and keeps that semver.",
            code="already_published",
            field="semver",
        )


def _is_archived(release: Release) -> Conflict:
    return Conflict(
        f"Release {release.semver} is archived and cannot run.",
        code="release_archived",
        suggestions=["Reinstate it first."],
    )


def _deploy(
    agent: Agent, release: Release, environment: Environment, action: str, *, actor: Actor
) -> None:
    db.session.add(
        Deployment(
            agent_id=agent.id,
            release_id=release.id,
            environment=environment.value,
            action=action,
            author=actor.name,
            created_at=clock.now(),
        )
    )
    running = {"version": release.version, "semver": release.semver}
    before = agent.runs(environment)
    agent.environments = {**agent.environments, environment.value: running}
    agent.status = _status_of(agent)
    agent.touch(clock.now())
    audit.record(
        actor, action, agent, semver=release.semver, version=release.version,
        environment=environment.value,
    )  # fmt: skip
    announce(agent)
    told = {
        "agent_id": str(agent.id),
        "handle": agent.handle,
        "environment": environment.value,
        **running,
        "semver_before": before["semver"] if before else None,
        "by": actor.name,
    }
    webhooks.publish(agent.organization_id, EVENTS[action], told)


def _status_of(agent: Agent) -> str:
    """An agent stands where its leading release does: production's, else staging's, else last."""
    running = agent.runs(Environment.PRODUCTION) or agent.runs(Environment.STAGING)
    if running is not None:
        return find_release(agent, running["semver"]).status
    highest = _highest(agent)
    return Status.DRAFT.value if highest is None else highest.status


def _earlier(agent: Agent, environment: Environment, semver: str) -> Release:
    """The highest release below `semver` that the environment has run and that is not archived."""
    ran = db.session.scalars(
        select(Release)
        .join(Deployment, Deployment.release_id == Release.id)
        .where(
            Deployment.agent_id == agent.id,
            Deployment.environment == environment.value,
        )
        .distinct()
    )
    version = _below(ran, semver)
    if version is None:
        raise Conflict(
            f"{environment} has run no release of {agent.handle} before {semver}.",
            code="no_earlier_release",
            suggestions=["Publish another version, or name the release to go back to."],
        )
    return version


def _below(releases: Iterable[Release], semver: str) -> Release | None:
    """The highest release below `semver` that may run."""
    below = [
        item
        for item in releases
        if item.status != Status.ARCHIVED and Version.parse(item.semver) < Version.parse(semver)
    ]
    return max(below, key=lambda item: Version.parse(item.semver), default=None)


def _highest(agent: Agent) -> Release | None:
    """The release with the highest semver, whenever a clock or a file says that it was made."""
    releases = select(Release).where(Release.agent_id == agent.id).options(defer(Release.changelog))
    found = db.session.scalars(releases)
    return max(found, key=lambda release: Version.parse(release.semver), default=None)


def _verb(status: Status) -> str:
    return {Status.DEPRECATED: "deprecate", Status.ARCHIVED: "archive"}.get(status, "reinstate")


def environments_of(release: Release, *, actor: Actor) -> list[str]:
    """The environments that run the release now."""
    return get_agent(release.agent_id, actor=actor).environments_of(release)
