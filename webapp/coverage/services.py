"""How much of its scope an agent's documents cover, what is missing, and how that went on.

Reading writes nothing; only a refresh keeps what it measured. See coverage in
docs/contract/knowledge.md.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, String, Subquery, and_, cast, func, select

from webapp.agents import services as agents
from webapp.agents.models import Agent
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.database.sql import dashed, split_uuids, uuid_digits
from webapp.core.errors import Invalid
from webapp.core.extensions import db
from webapp.coverage.models import (
    DEFAULT_TARGET,
    AgentCoverage,
    CoverageRecord,
    CoverageTarget,
)
from webapp.coverage.topics import PAIRS, ScopeTopics, among, list_edges
from webapp.taxonomies.models import (
    NodeStat,
    Scope,
    ScopeRoot,
    TaxonomyClosure,
    TaxonomyNode,
    path_key,
)
from webapp.taxonomies.references import select_topics

MAX_HISTORY = 1000
#: topics right below the roots of a tree that are summed up with these
MAX_CHILDREN = 1000
#: topics of a taxonomy that are looked at in the order of their paths, before all are sorted
MAX_STEPS = 1000


@dataclass(frozen=True)
class Coverage:
    """An agent's coverage (docs/contract/knowledge.md, coverage).

    A topic has `min(documents, target) / target` in percent, all of them together the sums of
    both, so that an overfull topic hides no empty one. A topic whose target is 0 counts for
    nothing and is shown as 100. The totals count each document of the scope once.
    """

    agent_id: UUID
    overall_coverage: float
    node_coverage: dict[str, float]
    document_counts: dict[str, int]
    target_counts: dict[str, int]
    version: str | None
    total_documents: int
    total_chunks: int
    calculated_at: datetime


#: (documents, wanted) → topics
Pairs = Mapping[tuple[int, int], int]


@dataclass(frozen=True)
class Summary:
    """An agent's coverage in figures, without its topics: what the database adds up at any size.

    `pairs` are how many topics have so many documents and want so many, `pairs_below` those of
    each of the scope's roots, and where their `children` are known, of each of these.
    """

    version: str | None
    total_documents: int
    total_chunks: int
    pairs: Pairs
    pairs_below: Mapping[UUID, Pairs]
    children: Mapping[UUID, Sequence[UUID]]

    @property
    def overall_coverage(self) -> float:
        covered = sum(count * min(pair) for pair, count in self.pairs.items())
        target_sum = sum(count * target for (_, target), count in self.pairs.items())
        return round(100 * covered / max(target_sum, 1), 2)

    @property
    def topic_count(self) -> int:
        return sum(self.pairs.values())

    @property
    def covered_count(self) -> int:
        """Topics that have documents."""
        return sum(count for (documents, _), count in self.pairs.items() if documents)

    def gap_counts(self, threshold: float) -> dict[int, int]:
        """How many topics below `threshold` miss so many documents, those that miss most first."""
        below, counts = round(100 * threshold, 2), Counter[int]()
        for (documents, target), count in self.pairs.items():
            if share(documents, target) < below:
                counts[target - documents] += count
        return dict(sorted(counts.items(), reverse=True))


@dataclass(frozen=True)
class Gap:
    """A topic that has less than the wanted share of its documents.

    See docs/contract/knowledge.md, gaps.
    """

    node_id: UUID
    path: list[str]
    document_count: int
    target: int
    current_coverage: float
    target_coverage: float

    @property
    def missing_docs(self) -> int:
        return self.target - self.document_count

    @property
    def recommendation(self) -> str:
        return f"Collect {self.missing_docs} more documents for {' > '.join(self.path)}"


@dataclass(frozen=True)
class History:
    """The kept measurements of an agent within a time, newest first."""

    agent_id: UUID
    history: list[CoverageRecord]
    start_date: datetime | None
    end_date: datetime | None

    @property
    def total_entries(self) -> int:
        return len(self.history)


def get_coverage(reference: str | UUID, *, actor: Actor) -> Coverage:
    """The coverage as it is now."""
    return measure(agents.get_agent(reference, actor=actor))


def measure(agent: Agent) -> Coverage:
    """Measure an agent of the running transaction.

    One read of as many rows as the scope has topics; documents and passages are not read.
    """
    own = _targets(agent)
    scope = db.session.execute(
        select(Scope.document_count, Scope.chunk_count, ScopeRoot.node_id)
        .outerjoin(ScopeRoot, ScopeRoot.scope_id == Scope.id)
        .where(Scope.id == agent.scope_id)
    ).all()
    roots = [row.node_id for row in scope if row.node_id is not None]
    nodes, documents, targets = db.session.execute(_select(roots)).one()
    # A topic under several others comes more than once.
    node_ids = split_uuids(nodes)
    counts = dict(zip(node_ids, json.loads(f"[{documents or ''}]"), strict=True))
    wants = dict(zip(node_ids, json.loads(f"[{targets or ''}]"), strict=True))
    wants |= {key: target for key, target in own.items() if key in wants}
    covered, target_sum = sum(map(min, counts.values(), wants.values())), sum(wants.values())
    return Coverage(
        agent_id=agent.id,
        overall_coverage=round(100 * covered / max(target_sum, 1), 2),
        node_coverage=dict(zip(counts, map(share, counts.values(), wants.values()), strict=True)),
        document_counts=counts,
        target_counts=wants,
        version=agent.taxonomy_version,
        total_documents=scope[0].document_count if scope else 0,
        total_chunks=scope[0].chunk_count if scope else 0,
        calculated_at=clock.now(),
    )


@lru_cache(10_000)
def share(documents: int, target: int) -> float:
    """Percent of a target, two decimals, at most 100; a target of 0 is reached."""
    return round(min(100.0, 100 * documents / target), 2) if target else 100.0


def summarize(agent: Agent, topics: ScopeTopics, *, with_children: bool = False) -> Summary:
    """The figures of `measure`, at the cost of a statement or two that add up.

    `with_children` asks for those right below the roots as well, where one look tells both.
    """
    pairs = Counter[tuple[int, int]]()
    children = _list_children(topics) if with_children else {}
    below = _count_two_levels(topics, children) if children else _count_pairs(topics, topics.roots)
    if topics.is_tree:
        for root in topics.roots:
            pairs.update(below[root])
    else:
        each = topics.select_all()
        pair = each.c.documents, each.c.wanted
        counted = topics.narrow(select(*pair, func.count()), each.c.node_id).group_by(*pair)
        pairs.update({(row[0], row[1]): row[2] for row in db.session.execute(counted)})
    return Summary(
        version=agent.taxonomy_version,
        total_documents=topics.document_count,
        total_chunks=topics.chunk_count,
        pairs=pairs,
        pairs_below=below,
        children=children,
    )


def _list_children(topics: ScopeTopics) -> dict[UUID, list[UUID]]:
    """The topics right below each of the roots of a tree; none of very many, or of no tree."""
    edges = list_edges(topics.roots, limit=MAX_CHILDREN + 1) if topics.is_tree else []
    if len(edges) > MAX_CHILDREN:
        return {}
    children: dict[UUID, list[UUID]] = {root: [] for root in topics.roots} if edges else {}
    for parent_id, child_id in edges:
        children[parent_id].append(child_id)
    return children


def _count_two_levels(
    topics: ScopeTopics, children: Mapping[UUID, Sequence[UUID]]
) -> dict[UUID, Counter[tuple[int, int]]]:
    """The pairs of the roots of a tree and of all right below them, in one look."""
    each = topics.select_all()
    own = select(each.c.node_id, each.c.documents, each.c.wanted)
    rows = db.session.execute(own.where(among(each.c.node_id, children)))
    found = _count_pairs(topics, [child_id for ids in children.values() for child_id in ids])
    for node_id, documents, wanted in rows.all():
        pairs = Counter([(documents, wanted)])
        for child_id in children[node_id]:
            pairs.update(found[child_id])
        found[node_id] = pairs
    return found


def _count_pairs(topics: ScopeTopics, ids: Sequence[UUID]) -> dict[UUID, Counter[tuple[int, int]]]:
    """Over each of these topics and those below it."""
    each, closure = topics.select_all(), PAIRS.c
    pair = each.c.documents, each.c.wanted
    found: dict[UUID, Counter[tuple[int, int]]] = defaultdict(Counter)
    rows = db.session.execute(
        select(closure.ancestor_id, *pair, func.count())
        .select_from(PAIRS)
        .join(each, each.c.node_id == closure.descendant_id)
        .where(among(closure.ancestor_id, ids))
        .group_by(closure.ancestor_id, *pair)
    )
    for node_id, documents, wanted, count in rows:
        found[node_id][documents, wanted] = count
    return found


def find_gaps(reference: str | UUID, threshold: float, *, actor: Actor) -> list[Gap]:
    """Topics below `threshold` (0…1) of their target, those that miss most first."""
    agent = agents.get_agent(reference, actor=actor)
    topics = ScopeTopics.of(agent)
    return list_gaps(topics, summarize(agent, topics), threshold)


def list_gaps(
    topics: ScopeTopics,
    summary: Summary,
    threshold: float,
    *,
    limit: int | None = None,
    offset: int = 0,
) -> list[Gap]:
    """The topics below `threshold`, those that miss most first; `limit` of them after `offset`."""
    counts = summary.gap_counts(threshold)
    if not counts:
        return []
    below = round(100 * threshold, 2)
    least, room = 0, offset + (limit or 0)
    if limit is not None:
        for missing_count, count in counts.items():
            least, room = missing_count, room - count
            if room <= 0:
                break
    each = topics.select_all()
    missing = each.c.wanted - each.c.documents
    # Where all miss the same, the order is one of the paths, which the database has.
    order = [missing.desc()] if least < next(iter(counts)) else []
    statement = (
        select(each, TaxonomyNode.canonical_path)
        .join(TaxonomyNode, TaxonomyNode.id == each.c.node_id)
        .where(missing >= least, _is_below(each, below))
    )
    found = sum(count for missing_count, count in counts.items() if missing_count >= least)
    steps = (offset + (limit or found)) * topics.taxonomy_size / found
    if steps <= MAX_STEPS and not order:
        # So many are gaps that a page of them is soon found in the order of the paths.
        of_version = TaxonomyNode.taxonomy_id == topics.taxonomy_id
        statement = statement.where(of_version, topics.holds_one(TaxonomyNode.id))
    else:
        statement = topics.narrow(statement, each.c.node_id)
    rows = db.session.execute(
        statement.order_by(*order, TaxonomyNode.path_key, TaxonomyNode.public_id)
        .limit(limit)
        .offset(offset)
    )
    gaps = [
        Gap(
            row.public_id,
            row.canonical_path,
            row.documents,
            row.wanted,
            share(row.documents, row.wanted),
            below,
        )
        for row in rows
    ]
    return sorted(gaps, key=lambda gap: (-gap.missing_docs, path_key(gap.path), gap.path))


def _is_below(each: Subquery, percent: float) -> ColumnElement[bool]:
    """`share(documents, wanted) < percent`, for two decimals, in whole numbers.

    What lies half of a hundredth below `percent` is rounded up or down, whichever topic has it.
    """
    edge = 2 * round(100 * percent) - 1
    have = cast(each.c.documents, BigInteger) * 20_000
    needed = cast(each.c.wanted, BigInteger) * edge
    is_rounded_down = round(edge / 200, 2) < percent
    return and_(each.c.wanted > 0, have <= needed if is_rounded_down else have < needed)


def least_covered(*, actor: Actor, limit: int) -> list[tuple[Agent, float]]:
    """The agents whose topics lack most, with their percent, as kept at their last measuring."""
    rows = db.session.execute(
        select(Agent, AgentCoverage.coverage_percent)
        .join(AgentCoverage, AgentCoverage.agent_id == Agent.id)
        .where(
            AgentCoverage.organization_id == actor.organization_id,
            AgentCoverage.last_coverage_update.is_not(None),
            Agent.is_active,
            Agent.scope_id.is_not(None),
        )
        .order_by(AgentCoverage.coverage_percent, AgentCoverage.agent_id)
        .limit(limit)
    )
    return [(agent, percent) for agent, percent in rows]


def get_target(agent: Agent, node_id: UUID) -> int | None:
    """The agent's own target for a topic; None where the taxonomy's holds."""
    return db.session.scalar(
        select(CoverageTarget.target).where(
            CoverageTarget.agent_id == agent.id,
            CoverageTarget.node_id.in_(select_topics(agent.organization_id, [node_id])),
        )
    )


def get_history(
    reference: str | UUID,
    *,
    actor: Actor,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int = MAX_HISTORY,
) -> History:
    """The kept measurements from `start` to `end`, both included, newest first."""
    agent = agents.get_agent(reference, actor=actor)
    if start and end and start > end:
        raise Invalid("start_date is after end_date.", field="start_date", code="dates_reversed")
    statement = select(CoverageRecord).where(CoverageRecord.agent_id == agent.id)
    if start:
        statement = statement.where(CoverageRecord.timestamp >= start)
    if end:
        statement = statement.where(CoverageRecord.timestamp <= end)
    # Not by time: a row that a wrong clock has dated would be the newest for years.
    newest = statement.order_by(CoverageRecord.id.desc())
    return History(agent.id, list(db.session.scalars(newest.limit(limit))), start, end)


def _targets(agent: Agent) -> dict[str, int]:
    """The targets of the agent's own, which are few."""
    own = (
        select(uuid_digits(NodeStat.public_id), CoverageTarget.target)
        .join(NodeStat, NodeStat.node_id == CoverageTarget.node_id)
        .where(CoverageTarget.agent_id == agent.id)
    )
    return {dashed(row[0]): row[1] for row in db.session.execute(own)}


def _select(roots: Sequence[UUID]) -> Any:
    """Topics, documents and the taxonomy's targets of a scope, each as one text.

    Thousands of rows cost more to fetch than to find; three texts do not. PostgreSQL knows how much
    is below these very roots, and joins accordingly; of a scope it would expect a few topics.
    """
    columns = (
        uuid_digits(NodeStat.public_id),
        NodeStat.document_count,
        func.coalesce(NodeStat.target, DEFAULT_TARGET),
    )
    return (
        select(*(func.aggregate_strings(cast(column, String), ",") for column in columns))
        .join(TaxonomyClosure, TaxonomyClosure.descendant_id == NodeStat.node_id)
        .where(TaxonomyClosure.ancestor_id.in_(roots))
    )
