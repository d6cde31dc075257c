"""How many documents an agent wants on its topics."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import delete

from webapp.agents import services as agents
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.errors import BadReference, Invalid
from webapp.core.extensions import db
from webapp.coverage.changes import set_figures
from webapp.coverage.models import CoverageTarget
from webapp.coverage.services import Coverage, measure
from webapp.taxonomies.models import TaxonomyNode
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE
from webapp.taxonomies.references import select_topics


def set_targets(
    reference: str | UUID, targets: Mapping[UUID, int | None], *, actor: Actor
) -> Coverage:
    """Say how many documents an agent wants on topics; the others keep their targets.

    0 takes a topic out of the measure, None gives it back the taxonomy's own target. Raises
    BadReference on topics out of scope, Invalid on a negative target.
    """
    actor.require(KNOWLEDGE_WRITE)
    agent = agents.get_agent(reference, actor=actor, lock=True)
    below = measure(agent).document_counts
    outside = [str(node_id) for node_id in targets if str(node_id) not in below]
    if outside:
        raise BadReference(
            f"Not in the scope of {agent.handle}: {', '.join(outside[:20])}",
            code="out_of_scope",
            extras={"invalid": outside[:100]},
            suggestions=["Widen the agent's scope first, or leave these topics out."],
        )
    for node_id, target in targets.items():
        if target is not None and not 0 <= target <= 1_000_000:
            raise Invalid("A target is a number from 0 to 1,000,000.", field=str(node_id))
    chosen = select_topics(agent.organization_id, targets.keys())
    own = CoverageTarget.agent_id == agent.id
    db.session.execute(delete(CoverageTarget).where(own, CoverageTarget.node_id.in_(chosen)))
    db.session.add_all(
        CoverageTarget(agent_id=agent.id, node_id=row.id, target=target)
        for row in db.session.execute(chosen.add_columns(TaxonomyNode.public_id))
        if (target := targets[row.public_id]) is not None
    )
    db.session.flush()
    measured = measure(agent)
    set_figures(agent, measured)
    audit.record(actor, "targets", agent, topics=len(targets))
    db.session.commit()
    return measured
