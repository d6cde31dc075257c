"""What was measured is recorded: beside the agent, in its history, and told who should know.

Nothing here commits.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from webapp import engine
from webapp.agents.figures import announce_figures
from webapp.agents.models import Agent
from webapp.audit import services as audit
from webapp.core import clock, live
from webapp.core.actor import Actor, Role
from webapp.core.extensions import db
from webapp.coverage.alerts import alert_webhook, allowed_drop
from webapp.coverage.figures import get_figures
from webapp.coverage.models import AgentCoverage, CoverageRecord
from webapp.coverage.services import Coverage
from webapp.taxonomies.models import Scope
from webapp.webhooks import changes as webhooks

#: changes are gathered for so long before coverage is measured again
SETTLING_SECONDS = 10


def set_figures(agent: Agent, measured: Coverage) -> None:
    """Show of the locked agent what was measured, because its topics or targets are others now."""
    write_figures(get_figures(agent), measured)
    announce_figures(agent.id, agent.organization_id)
    for feed in (f"coverage:{agent.id}", "agents:all"):
        live.announce(feed, agent.organization_id)


def record_coverage(agent: Agent, measured: Coverage) -> None:
    """Write what a refresh measured of the locked agent, and into its history.

    Raises the alert where coverage has fallen by more than the agent allows.
    """
    known = get_figures(agent)
    before = known.coverage_percent if known.last_coverage_update else None
    set_figures(agent, measured)
    db.session.add(
        CoverageRecord(
            agent_id=agent.id,
            timestamp=measured.calculated_at,
            overall_coverage=measured.overall_coverage,
            total_documents=measured.total_documents,
            total_chunks=measured.total_chunks,
            version=measured.version,
        )
    )
    allowed = allowed_drop(agent)
    if before is not None and allowed is not None and before - measured.overall_coverage > allowed:
        _raise_alert(agent, before, measured)


def schedule_refresh(organization_id: UUID) -> None:
    """Have coverage measured again soon after the running transaction commits.

    All changes of the same few seconds share one job.
    """
    known = select(Scope.id).where(Scope.organization_id == organization_id).limit(1)
    if db.session.scalar(known) is None:
        return
    engine.enqueue_debounced(
        db.session(),
        "coverage",
        {"organization_id": str(organization_id)},
        seconds=SETTLING_SECONDS,
    )


def write_figures(figures: AgentCoverage, measured: Coverage) -> None:
    """Let the row of a locked agent say what was measured; its ETag tells that, nobody else."""
    figures.coverage_percent = measured.overall_coverage
    figures.total_documents = measured.total_documents
    figures.total_chunks = measured.total_chunks
    figures.last_coverage_update = measured.calculated_at
    figures.revision += 1


def _raise_alert(agent: Agent, before: float, measured: Coverage) -> None:
    fall = {"from": before, "to": measured.overall_coverage}
    system = Actor(agent.organization_id, Role.ADMIN, "Callboard")
    audit.record(system, "coverage_fell", agent, **fall)
    payload = {
        "agent_id": str(agent.id),
        "handle": agent.handle,
        **fall,
        "total_documents": measured.total_documents,
        "calculated_at": clock.iso(measured.calculated_at),
    }
    webhooks.publish(agent.organization_id, "coverage.fell", payload)
    if address := alert_webhook(agent):
        webhooks.send(agent.organization_id, address, {"event": "coverage_fell", **payload})
