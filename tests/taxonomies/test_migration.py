"""From ids that were unique over all organizations to ids of each, and back."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

import flask_migrate
from sqlalchemy import delete, select, text

from tests.database import new_settings
from tests.factories import make_document
from webapp import create_app
from webapp.accounts import services as accounts
from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.core.database import migrations
from webapp.core.extensions import db
from webapp.coverage import services as coverage
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.schemas import FromTaxonomyRequest
from webapp.documents.models import DocumentNode
from webapp.taxonomies import services
from webapp.taxonomies.models import NodeStat, TaxonomyClosure, TaxonomyEdge, TaxonomyNode
from webapp.taxonomies.schemas import TaxonomyRequest

BEFORE = "0018"
DRINKS, TEA = uuid4(), uuid4()
COUNTED = (TaxonomyNode, TaxonomyEdge, TaxonomyClosure, NodeStat, DocumentNode)


def load(name: str) -> tuple[Actor, UUID]:
    """An organization with the published topics, a document, and an agent that knows both."""
    user = accounts.create_organization(
        name, email=f"{name}@example.com", password="correct horse battery"
    )
    actor = user.actor
    nodes = [{"node_id": DRINKS, "label": "Drinks"}, {"node_id": TEA, "label": "Tea"}]
    edges = [{"parent": DRINKS, "child": TEA}]
    body = TaxonomyRequest.model_validate({"version": "1.0.0", "nodes": nodes, "edges": edges})
    services.extend_taxonomy(body, actor=actor)
    make_document(actor, nodes=[TEA])
    asked = FromTaxonomyRequest(name="Barista", taxonomy_node_ids=[DRINKS])
    return actor, scopes.create_agent(asked, actor=actor).id


def count_rows() -> dict[str, int]:
    """The rows of all tables of topics; by SQL, which any revision understands."""
    found = {}
    for model in COUNTED:
        table = model.__tablename__
        found[table] = db.session.scalar(text(f"SELECT count(*) FROM {table}")) or 0
    db.session.remove()
    return found


def test_topics_go_down_and_up_again_with_all_that_refers_to_them(
    database_url: str, tmp_path: Path
) -> None:
    settings = new_settings(database_url, tmp_path)
    with create_app(settings).app_context():
        migrations.upgrade(settings)
        known = dict(map(load, ("acme", "other")))
        before = count_rows()
        assert before == {
            "taxonomy_nodes": 4, "taxonomy_edges": 2, "taxonomy_closure": 6, "node_stats": 4,
            "document_nodes": 2,
        }  # fmt: skip
        inner = {
            row.organization_id: row.id
            for row in db.session.scalars(
                select(TaxonomyNode).where(TaxonomyNode.public_id == DRINKS)
            )
        }
        db.session.remove()

        flask_migrate.downgrade(revision=BEFORE)
        assert count_rows() == before
        flask_migrate.upgrade()
        assert count_rows() == before
        for actor, agent_id in known.items():
            agent = db.session.get_one(Agent, agent_id)
            # An older Callboard knows topics by one id only, so that is theirs from then on.
            assert agent.taxonomy_node_ids == [inner[actor.organization_id]]
            measured = coverage.measure(agent)
            assert sorted(measured.document_counts.values()) == [0, 1]
            assert str(agent.taxonomy_node_ids[0]) in measured.document_counts
        # What refers to a topic goes with it, and with it alone.
        gone = known.popitem()[0].organization_id
        db.session.execute(delete(TaxonomyNode).where(TaxonomyNode.organization_id == gone))
        db.session.commit()
        assert count_rows() == {table: number // 2 for table, number in before.items()}
        db.session.remove()
        db.engine.dispose()
