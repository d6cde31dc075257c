"""`/agents/handoffs`: the graph, and what is wrong with it."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from flask import Blueprint, Response

from webapp.agents.handoffs import services
from webapp.agents.handoffs.drawing import draw
from webapp.agents.permissions import AGENTS_READ
from webapp.core.security import current_actor, requires
from webapp.core.web import page

bp = Blueprint("agent_handoffs", __name__, url_prefix="/agents/handoffs")


@bp.get("")
@requires(AGENTS_READ)
def show() -> Response:
    graph = services.get_graph(actor=current_actor())
    targets: dict[UUID, list[services.Edge]] = defaultdict(list)
    for edge in graph.edges:
        targets[edge.source].append(edge)
    return page(
        "agents/handoffs/show.html",
        graph=graph,
        drawing=draw(graph),
        nodes={node.id: node for node in graph.nodes},
        sources=[node for node in graph.nodes if node.id in targets],
        targets=targets,
    )
