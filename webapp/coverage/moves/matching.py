"""Matching: what topics of one version become in another, and whom that concerns.

Topics are matched by their paths; one that only moved, by its label where nothing else has it; and
one that was renamed, by what the request says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, Select, func, select

from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.core.database.sql import is_among
from webapp.core.errors import BadReference, Invalid
from webapp.core.extensions import db
from webapp.coverage.moves.schemas import Rename
from webapp.documents.models import DocumentNode
from webapp.taxonomies.models import Taxonomy, TaxonomyNode
from webapp.taxonomies.services import get_taxonomy

Reason = Literal["path", "label", "request"]


@dataclass
class Match:
    """The topics of the old version, and those of them that have a successor.

    `public_ids` has those of both versions.
    """

    paths: dict[UUID, list[str]]
    new_paths: dict[UUID, list[str]]
    public_ids: dict[UUID, UUID]
    successors: dict[UUID, UUID] = field(default_factory=dict)
    reasons: dict[UUID, Reason] = field(default_factory=dict)

    def add(self, old: UUID, new: UUID, reason: Reason) -> None:
        self.successors[old], self.reasons[old] = new, reason


def get_versions(version: str, start: str, *, actor: Actor) -> tuple[Taxonomy, Taxonomy]:
    """The old version and the new one; Invalid where both are the same, NotFound on one."""
    if start == version:
        raise Invalid("Choose another version to move from.", field="start", code="same_version")
    return get_taxonomy(start, actor=actor), get_taxonomy(version, actor=actor)


def match_topics(
    version: str, start: str, renames: Sequence[Rename], *, actor: Actor
) -> tuple[Taxonomy, Match]:
    """The old version, and what its topics become in the new one.

    Raises Invalid where both are the same, NotFound where one of them is not there, BadReference on
    a renamed topic that is not.
    """
    old, new = get_versions(version, start, actor=actor)
    before, after = (_nodes_of(taxonomy) for taxonomy in (old, new))
    match = Match(
        {node.id: node.canonical_path for node in before},
        {node.id: node.canonical_path for node in after},
        {node.id: node.public_id for node in (*before, *after)},
    )
    old_ids, new_ids = _by_path(match.paths), _by_path(match.new_paths)
    for rename in renames:
        node_id = _at(rename.start, old_ids, start)
        match.reasons[node_id] = "request"
        if rename.end is not None:
            match.successors[node_id] = _at(rename.end, new_ids, version)
    for node_id, path in match.paths.items():
        if node_id not in match.reasons and tuple(path) in new_ids:
            match.add(node_id, new_ids[tuple(path)], "path")
    olds = _by_label(
        (node_id, path) for node_id, path in match.paths.items() if node_id not in match.reasons
    )
    taken = set(match.successors.values())
    news = _by_label(
        (node_id, path) for node_id, path in match.new_paths.items() if node_id not in taken
    )
    for label in olds.keys() & news.keys():
        match.add(olds[label], news[label], "label")
    return old, match


def select_documents(match: Match, *, is_about: bool = False) -> Select[Any]:
    """The ids of documents with a link to a topic that has a successor.

    Where `is_about`, only of those that are about it: neither only proposed nor too unsure.
    """
    statement = (
        select(DocumentNode.document_id)
        .where(is_among(DocumentNode.node_id, [node_id.hex for node_id in match.successors]))
        .distinct()
    )
    return statement.where(DocumentNode.is_counted) if is_about else statement


def count_documents(selected: Select[Any]) -> int:
    """How many documents there are, each once, whatever number of its topics is matched."""
    return db.session.scalar(select(func.count()).select_from(selected.subquery())) or 0


def select_agents(
    taxonomy: Taxonomy, agent_ids: Sequence[UUID] | None, organization_id: UUID
) -> Select[Any]:
    """The agents with topics of a version; of these ids only, where there are any."""
    statement = select(Agent).where(
        Agent.organization_id == organization_id,
        Agent.is_active,
        Agent.taxonomy_version == taxonomy.version,
    )
    return statement if agent_ids is None else statement.where(Agent.id.in_(agent_ids))


def unknown_topic(path: list[str], version: str) -> BadReference:
    return BadReference(
        f"There is no topic {' > '.join(path)} in {version}.",
        code="unknown_nodes",
        field="renames",
    )


def _at(path: list[str], ids: dict[tuple[str, ...], UUID], version: str) -> UUID:
    node_id = ids.get(tuple(path))
    if node_id is None:
        raise unknown_topic(path, version)
    return node_id


def _nodes_of(taxonomy: Taxonomy) -> Sequence[Row[UUID, UUID, list[str]]]:
    return db.session.execute(
        select(TaxonomyNode.id, TaxonomyNode.public_id, TaxonomyNode.canonical_path)
        .where(TaxonomyNode.taxonomy_id == taxonomy.id)
        .order_by(TaxonomyNode.path_key, TaxonomyNode.public_id)
    ).all()


def _by_path(paths: dict[UUID, list[str]]) -> dict[tuple[str, ...], UUID]:
    """The topic that each path names: of several, the first (that with the lowest public id)."""
    return {tuple(path): node_id for node_id, path in reversed(paths.items())}


def _by_label(nodes: Iterable[tuple[UUID, list[str]]]) -> dict[str, UUID]:
    """The topics whose label no other one of them has."""
    labels = [(path[-1], node_id) for node_id, path in nodes]
    times = Counter(label for label, _ in labels)
    return {label: node_id for label, node_id in labels if times[label] == 1}
