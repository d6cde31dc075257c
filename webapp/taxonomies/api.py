"""`/taxonomies` (docs/contract/knowledge.md)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response
from pydantic import TypeAdapter

from webapp.core.api import list_response
from webapp.core.security import accepts_upload, current_actor, requires
from webapp.taxonomies import editing, services
from webapp.taxonomies.models import Taxonomy
from webapp.taxonomies.permissions import KNOWLEDGE_READ, KNOWLEDGE_WRITE
from webapp.taxonomies.schemas import (
    ComparisonResponse,
    DeletionQuery,
    ExtensionResponse,
    NodeChanges,
    NodeQuery,
    NodeResponse,
    TaxonomyRequest,
    TaxonomyResponse,
    TreeResponse,
)

bp = APIBlueprint("taxonomies_api", __name__, url_prefix="/api/v1/taxonomies", tag="Taxonomies")

NODES = TypeAdapter(list[NodeResponse])


@bp.get("")
@requires(KNOWLEDGE_READ)
@bp.output(list[TaxonomyResponse])
@bp.doc(operation_id="taxonomies.list")
def index() -> list[Taxonomy]:
    """The versions, the highest first"""
    return services.list_taxonomies(actor=current_actor())


@bp.post("")
@accepts_upload("application/json")
@requires(KNOWLEDGE_WRITE)
@bp.input(TaxonomyRequest, arg_name="body")
@bp.output(ExtensionResponse, 201)
@bp.doc(operation_id="taxonomies.create", responses=[409])
def grow(body: TaxonomyRequest) -> tuple[services.Extension, int]:
    """Make a version, or add nodes and edges to one that is there"""
    return services.extend_taxonomy(body, actor=current_actor()), 201


@bp.get("/<version>/tree")
@requires(KNOWLEDGE_READ)
@bp.output(TreeResponse)
@bp.doc(operation_id="taxonomies.tree")
def tree(version: str) -> services.Tree:
    """All nodes, each at its canonical path"""
    return services.get_tree(version, actor=current_actor())


@bp.get("/<version>/nodes")
@requires(KNOWLEDGE_READ)
@bp.input(NodeQuery, location="query", arg_name="query")
@bp.output(list[NodeResponse])
@bp.doc(operation_id="taxonomies.nodes")
def nodes(version: str, query: NodeQuery) -> Response:
    """Nodes whose path holds a text"""
    return list_response(NODES, services.list_nodes(version, query, actor=current_actor()))


@bp.patch("/<version>/nodes/<uuid:node_id>")
@requires(KNOWLEDGE_WRITE)
@bp.input(NodeChanges, arg_name="body")
@bp.output(NodeResponse)
@bp.doc(operation_id="taxonomies.updateNode", responses=[400])
def update_node(version: str, node_id: UUID, body: NodeChanges) -> services.Node:
    """Rename a topic, give it a target, or hang it elsewhere"""
    return editing.update_node(version, node_id, body, actor=current_actor())


@bp.delete("/<version>/nodes/<uuid:node_id>")
@requires(KNOWLEDGE_WRITE)
@bp.input(DeletionQuery, location="query", arg_name="query")
@bp.doc(
    operation_id="taxonomies.deleteNode",
    responses={204: "Deleted; topics below it have moved up", 409: "An agent's scope names it"},
)
def destroy_node(version: str, node_id: UUID, query: DeletionQuery) -> tuple[str, int]:
    """Delete a topic"""
    editing.delete_node(version, node_id, actor=current_actor(), force=query.force)
    return "", 204


@bp.delete("/<version>")
@requires(KNOWLEDGE_WRITE)
@bp.input(DeletionQuery, location="query", arg_name="query")
@bp.doc(operation_id="taxonomies.delete", responses={204: "Deleted", 409: "Agents use it"})
def destroy(version: str, query: DeletionQuery) -> tuple[str, int]:
    """Delete a version with its topics"""
    editing.delete_taxonomy(version, actor=current_actor(), force=query.force)
    return "", 204


@bp.get("/<version>/compare/<other>")
@requires(KNOWLEDGE_READ)
@bp.output(ComparisonResponse)
@bp.doc(operation_id="taxonomies.compare")
def compare(version: str, other: str) -> Any:
    """Which paths came and which went from one version to another"""
    return services.compare_taxonomies(version, other, actor=current_actor())
