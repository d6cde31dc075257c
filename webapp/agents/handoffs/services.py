"""The graph of who hands off to whom, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, select

from webapp.agents.models import Agent
from webapp.agents.services import count_agents
from webapp.core.actor import Actor
from webapp.core.database.sql import list_contains, list_length
from webapp.core.extensions import db

#: agents that a graph looks at most; beyond them it says so
MAX_AGENTS = 2000

EdgeState = Literal["ok", "deleted", "missing"]


@dataclass(frozen=True)
class Node:
    id: UUID
    handle: str
    name: str
    status: str
    is_active: bool
    semver: str | None


@dataclass(frozen=True)
class Edge:
    source: UUID
    target: UUID
    state: EdgeState


@dataclass(frozen=True)
class Graph:
    """Agents that hand off or are handed to. A cycle is legal; it is shown because it may loop."""

    nodes: list[Node]
    edges: list[Edge]
    cycles: list[list[UUID]]
    unconnected_count: int
    is_cut: bool = False

    @property
    def broken(self) -> list[Edge]:
        """Edges whose target is deleted or not there at all."""
        return [edge for edge in self.edges if edge.state != "ok"]


def get_graph(*, actor: Actor) -> Graph:
    """The hand-offs of the organization's active agents, with missing targets and cycles."""
    active = (Agent.organization_id == actor.organization_id, Agent.is_active)
    sources = _rows(*active, list_length(Agent.__table__.c.handoff_targets) > 0)
    is_cut, sources = len(sources) > MAX_AGENTS, sources[:MAX_AGENTS]
    targets = {target for row in sources for target in row.handoff_targets}
    missing = targets - {row.id for row in sources}
    others = _rows(Agent.organization_id == actor.organization_id, Agent.id.in_(missing))
    nodes = {row.id: _node(row) for row in [*sources, *others]}
    edges = [
        Edge(row.id, target, _state(nodes.get(target)))
        for row in sources
        for target in row.handoff_targets
    ]
    return Graph(
        nodes=sorted(nodes.values(), key=lambda node: node.handle),
        edges=edges,
        cycles=_cycles(edges),
        unconnected_count=count_agents(actor=actor)
        - sum(node.is_active for node in nodes.values()),
        is_cut=is_cut,
    )


def agents_handing_off_to(agent: Agent) -> list[Agent]:
    """Active agents that name this one as a target; at most 100."""
    return list(
        db.session.scalars(
            select(Agent)
            .where(
                Agent.organization_id == agent.organization_id,
                Agent.is_active,
                list_contains(Agent.__table__.c.handoff_targets, str(agent.id)),
            )
            .order_by(Agent.handle)
            .limit(100)
        )
    )


def _rows(*conditions: Any) -> list[Row[Any]]:
    columns = (
        Agent.id, Agent.handle, Agent.name, Agent.status, Agent.is_active, Agent.environments,
        Agent.handoff_targets,
    )  # fmt: skip
    statement = select(*columns).where(*conditions).order_by(Agent.handle)
    return list(db.session.execute(statement.limit(MAX_AGENTS + 1)).all())


def _node(row: Row[Any]) -> Node:
    running = row.environments.get("production") or {}
    return Node(row.id, row.handle, row.name, row.status, row.is_active, running.get("semver"))


def _state(target: Node | None) -> EdgeState:
    if target is None:
        return "missing"
    return "ok" if target.is_active else "deleted"


def _cycles(edges: list[Edge]) -> list[list[UUID]]:
    """Groups of agents that can hand off in a circle, each in the order of one such circle."""
    import networkx

    graph = networkx.DiGraph((edge.source, edge.target) for edge in edges if edge.state == "ok")
    groups = [group for group in networkx.strongly_connected_components(graph) if len(group) > 1]
    cycles = []
    for group in groups:
        circle = networkx.find_cycle(graph.subgraph(group))
        cycles.append([start for start, _ in circle])
    return sorted(cycles, key=lambda circle: (len(circle), str(circle)))
