"""Topics of physics, agents that know about them and documents: for the tests of coverage."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.factories import make_document
from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.schemas import FromTaxonomyRequest
from webapp.documents.models import Document
from webapp.tasks import running
from webapp.tasks.models import Task
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.schemas import TaxonomyRequest

Ids = dict[str, UUID]


def grow(actor: Actor, *paths: list[str], version: str = "1.0.0", target: int | None = None) -> Ids:
    """A taxonomy of these paths; its node ids by label."""
    nodes = [{"path": path, "target_documents": target} for path in paths]
    grown = taxonomies.extend_taxonomy(TaxonomyRequest(version=version, nodes=nodes), actor=actor)
    return {node.label: node.node_id for node in grown.nodes}


def make_agent(actor: Actor, *node_ids: UUID, **fields: Any) -> Agent:
    body = FromTaxonomyRequest(name="Physicist", taxonomy_node_ids=list(node_ids), **fields)
    return scopes.create_agent(body, actor=actor)


def about(actor: Actor, *nodes: UUID, count: int = 1, **fields: Any) -> list[Document]:
    return [make_document(actor, nodes=list(nodes), **fields) for _ in range(count)]


def run_task(task_id: str) -> Task:
    """What a worker does with a task."""
    running.run_task(task_id)
    task = db.session.get(Task, task_id, populate_existing=True)
    assert task is not None
    return task
