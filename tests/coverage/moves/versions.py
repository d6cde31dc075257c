"""Two versions of a taxonomy, who uses the older one, and what a worker does to move them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select

from tests.factories import make_document
from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.coverage.moves import services as moves
from webapp.coverage.moves.schemas import MoveRequest
from webapp.coverage.scopes import services as scopes
from webapp.coverage.scopes.schemas import FromTaxonomyRequest
from webapp.documents import indexing
from webapp.documents.models import DocumentNode
from webapp.tasks import running
from webapp.tasks.models import Task
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.schemas import TaxonomyRequest

Ids = dict[str, UUID]


def grow(actor: Actor, version: str, *paths: str) -> Ids:
    """A version with these paths ("Physics > Heat"); its node ids by path."""
    nodes = [{"path": path.split(" > ")} for path in paths]
    body = TaxonomyRequest.model_validate({"version": version, "nodes": nodes})
    grown = taxonomies.extend_taxonomy(body, actor=actor)
    return {" > ".join(node.canonical_path): node.node_id for node in grown.nodes}


def make_agent(actor: Actor, name: str, *node_ids: UUID, version: str = "1.0.0") -> Agent:
    body = FromTaxonomyRequest(
        name=name, taxonomy_node_ids=list(node_ids), taxonomy_version=version
    )
    return scopes.create_agent(body, actor=actor)


def about(actor: Actor, node_id: UUID, title: str) -> UUID:
    return make_document(actor, title=title, nodes=[node_id]).id


def move(actor: Actor, **fields: Any) -> Task:
    """Start a move to 2.0.0, and do what a worker does."""
    body = MoveRequest.model_validate({"start": "1.0.0", **fields})
    task = moves.start_move("2.0.0", body, actor=actor)
    running.run_task(task.id)
    done = db.session.get(Task, task.id, populate_existing=True)
    assert done is not None
    return done


def topics_of(document_id: UUID) -> set[UUID]:
    links = select(DocumentNode).where(
        DocumentNode.document_id == document_id, DocumentNode.is_counted
    )
    return {link.public_id for link in db.session.scalars(links)}


def problem_count(actor: Actor) -> int:
    """Of the index and of all kept counts."""
    task = indexing.start_check(actor=actor)
    running.run_task(task.id)
    done = db.session.get(Task, task.id, populate_existing=True)
    assert done is not None
    assert done.result is not None
    return int(done.result["problem_count"])
