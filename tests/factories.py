"""`make_…()`: things as the product itself makes them, with as little said as possible."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert

from webapp.agents import services as agents
from webapp.agents.models import Agent
from webapp.agents.schemas import AgentCreate
from webapp.catalog import services as catalog
from webapp.catalog.models import ModelConfig
from webapp.catalog.schemas import ModelRequest
from webapp.core.actor import Actor
from webapp.core.database.text import fold
from webapp.core.extensions import db
from webapp.documents import services as documents
from webapp.documents.models import Document
from webapp.documents.schemas import DocumentRequest
from webapp.taxonomies.draft import refresh_topic_statistics
from webapp.taxonomies.models import (
    NodeStat,
    Taxonomy,
    TaxonomyClosure,
    TaxonomyEdge,
    TaxonomyNode,
    label_key,
    path_key,
)


def make_agent(actor: Actor, **fields: Any) -> Agent:
    values = {"name": "Coding Expert", "instructions": "Help with code.", **fields}
    return agents.create_agent(AgentCreate(**values), actor=actor)


def make_document(actor: Actor, **fields: Any) -> Document:
    values = {"title": "Tea", "content": "Green tea wants water of 80 degrees.", **fields}
    return documents.create_document(DocumentRequest(**values), actor=actor)


def make_large_taxonomy(
    actor: Actor, *, version: str = "1.0.0", roots: int = 40, branches: int = 25, leaves: int = 19
) -> dict[str, UUID]:
    """A taxonomy of three levels (20,040 topics), its rows inserted directly.

    Public ids by label: `Area 7`, `Field 7.3`, `Topic 7.3.11`.
    """
    taxonomy = Taxonomy(organization_id=actor.organization_id, version=version)
    db.session.add(taxonomy)
    db.session.flush()
    nodes, edges, pairs = [], [], []

    def add(label: str, above: list[tuple[UUID, str]]) -> list[tuple[UUID, str]]:
        path = [*(name for _, name in above), label]
        node_id = uuid4()
        nodes.append(
            {
                "id": node_id,
                "organization_id": actor.organization_id,
                "public_id": uuid4(),
                "taxonomy_id": taxonomy.id,
                "label": label,
                "canonical_path": path,
                "label_key": label_key(label),
                "path_key": path_key(path),
                "search_text": fold(" > ".join(path)),
            }
        )
        if above:
            edges.append({"parent_id": above[-1][0], "child_id": node_id})
        ups = [*(ancestor for ancestor, _ in above), node_id]
        pairs.extend({"ancestor_id": up, "descendant_id": node_id} for up in ups)
        return [*above, (node_id, label)]

    for root in range(roots):
        area = add(f"Area {root}", [])
        for branch in range(branches):
            field = add(f"Field {root}.{branch}", area)
            for leaf in range(leaves):
                add(f"Topic {root}.{branch}.{leaf}", field)
    stats = [{"node_id": node["id"], "public_id": node["public_id"]} for node in nodes]
    for model, rows in (
        (TaxonomyNode, nodes),
        (TaxonomyEdge, edges),
        (TaxonomyClosure, pairs),
        (NodeStat, stats),
    ):
        db.session.execute(insert(model), rows)
    taxonomy.node_count = len(nodes)
    refresh_topic_statistics()
    db.session.commit()
    return {node["label"]: node["public_id"] for node in nodes}


def make_model(actor: Actor, **fields: Any) -> ModelConfig:
    """A model of OpenAI's, whose prices are given, so that nobody looks them up."""
    values = {"provider": "openai", "model": "gpt-9", "input_cost": 1, "output_cost": 2}
    values |= {"max_context_tokens": 8000, **fields}
    return catalog.create_model(ModelRequest.model_validate(values), actor=actor)
