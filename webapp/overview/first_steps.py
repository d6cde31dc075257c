"""First steps: what a new organization does first, ticked by what there is.

They are on the overview of those who can take them, until all are done or somebody dismisses them.
One that somebody has seen done stays done, whatever is deleted then.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import exists, or_, select

from webapp.accounts import organizations
from webapp.accounts.permissions import ORGANIZATION_WRITE
from webapp.agents.models import Agent
from webapp.agents.permissions import AGENTS_WRITE
from webapp.audit import services as audit
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.database.transactions import unless_busy
from webapp.core.extensions import db
from webapp.documents.models import Document
from webapp.overview import samples
from webapp.questions.models import AgentUsage

#: answered by the sample documents
SAMPLE_QUESTION = "How do I rotate an API key?"
FEED = "overview:all"
#: by their names in `FirstSteps`, without the "has_"
STEPS = ("asked", "own_text", "own_agent")


@dataclass(frozen=True)
class FirstSteps:
    """Which steps are done, and whether the sample agent is there to be asked."""

    has_asked: bool
    has_own_text: bool
    has_own_agent: bool
    has_sample_agent: bool

    @property
    def done_count(self) -> int:
        return sum((self.has_asked, self.has_own_text, self.has_own_agent))


def read_first_steps(*, actor: Actor, is_kept: bool = False) -> FirstSteps | None:
    """The steps of the actor's organization; None where there is nothing left to show.

    With `is_kept`, for what only reads, those that are done stay it from here on.
    """
    if not actor.may(AGENTS_WRITE):
        return None
    organization = organizations.get_organization(actor=actor)
    kept = set(organization.first_steps_done)
    if organization.first_steps_dismissed_at is not None or len(kept) == len(STEPS):
        return None
    here = actor.organization_id
    own_agents = select(Agent.id).where(Agent.organization_id == here, Agent.is_active)
    asked = select(AgentUsage.agent_id).where(
        AgentUsage.organization_id == here, AgentUsage.total_queries > 0
    )
    own_texts = select(Document.id).where(
        Document.organization_id == here,
        or_(
            Document.external_id.is_(None),
            Document.external_id.not_like(f"{samples.DOCUMENT_PREFIX}%"),
        ),
    )
    *looks, has_sample_agent = db.session.execute(
        select(
            exists(asked),
            exists(own_texts),
            exists(own_agents.where(Agent.handle.not_in(samples.HANDLES))),
            exists(own_agents.where(Agent.handle == samples.GUIDE_HANDLE)),
        )
    ).one()
    done = kept | {step for step, is_done in zip(STEPS, looks, strict=True) if is_done}
    if is_kept and done != kept:
        with unless_busy():
            organization = organizations.lock_organization(actor=actor)
            organization.first_steps_done = sorted({*organization.first_steps_done, *done})
    steps = FirstSteps(
        **{f"has_{step}": step in done for step in STEPS}, has_sample_agent=bool(has_sample_agent)
    )
    return None if steps.done_count == len(STEPS) else steps


def dismiss_first_steps(*, actor: Actor) -> None:
    """Show the organization's first steps to nobody any more."""
    actor.require(ORGANIZATION_WRITE)
    organization = organizations.lock_organization(actor=actor)
    if organization.first_steps_dismissed_at is None:
        organization.first_steps_dismissed_at = clock.now()
        audit.record(actor, "dismiss_first_steps", organization)
        live.announce(FEED, actor.organization_id)
    db.session.commit()
