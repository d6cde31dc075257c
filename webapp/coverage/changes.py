"""What was measured is recorded: on the agent, in its history, and told who should know.

Nothing here commits.
"""

from __future__ import annotations

from webapp.agents.models import Agent
from webapp.audit import services as audit
from webapp.core import clock, live
from webapp.core.actor import Actor, Role
from webapp.core.extensions import db
from webapp.coverage.models import CoverageRecord
from webapp.coverage.services import Coverage
from webapp.webhooks import changes as webhooks


def set_figures(agent: Agent, found: Coverage) -> None:
    """Show on the locked agent what was measured, because its topics or targets are others now."""
    agent.coverage_percent = found.overall_coverage
    agent.total_documents = found.total_documents
    agent.total_chunks = found.total_chunks
    agent.last_coverage_update = found.calculated_at


def record_coverage(agent: Agent, found: Coverage) -> None:
    """Write what a refresh measured on the locked agent and into its history.

    Raises the alert where coverage has fallen by more than the agent allows.
    """
    before = agent.coverage_percent if agent.last_coverage_update else None
    set_figures(agent, found)
    agent.revision += 1
    db.session.add(
        CoverageRecord(
            agent_id=agent.id,
            timestamp=found.calculated_at,
            overall_coverage=found.overall_coverage,
            total_documents=found.total_documents,
            total_chunks=found.total_chunks,
            version=found.version,
        )
    )
    for feed in (f"coverage:{agent.id}", "agents:all"):
        live.announce(feed, agent.organization_id)
    allowed = agent.coverage_alert_drop
    if before is not None and allowed is not None and before - found.overall_coverage > allowed:
        _raise_alert(agent, before, found)


def _raise_alert(agent: Agent, before: float, found: Coverage) -> None:
    fall = {"from": before, "to": found.overall_coverage}
    system = Actor(agent.organization_id, Role.ADMIN, "Callboard")
    audit.record(system, "coverage_fell", agent, **fall)
    payload = {
        "agent_id": str(agent.id),
        "handle": agent.handle,
        **fall,
        "total_documents": found.total_documents,
        "calculated_at": clock.iso(found.calculated_at),
    }
    webhooks.publish(agent.organization_id, "coverage.fell", payload)
    if agent.coverage_alert_webhook:
        payload = {"event": "coverage_fell", **payload}
        webhooks.send(agent.organization_id, agent.coverage_alert_webhook, payload)
