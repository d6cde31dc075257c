"""Changed topics: those of a version that do not simply keep their path in another.

The database finds them as `matching.match_topics` does, whose words they are in, and answers with
as many as are asked for: the task of a move needs all topics, a page the first of these.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Uuid,
    and_,
    case,
    cast,
    exists,
    func,
    not_,
    null,
    or_,
    select,
    union_all,
)

from webapp.core.database.sql import is_among, not_by_index, uuid_digits
from webapp.core.database.transactions import prefer_indexes
from webapp.core.extensions import db
from webapp.coverage.moves.matching import Reason, unknown_topic
from webapp.coverage.moves.schemas import Rename
from webapp.documents.models import DocumentNode
from webapp.taxonomies.models import NodeStat, Taxonomy, TaxonomyNode, path_key

#: by the ids of topics that a request renames, what they become
Renamed = Mapping[UUID, UUID | None]

_NODES = TaxonomyNode.__table__


@dataclass(frozen=True)
class Successor:
    """A topic, what it becomes (None: nothing), and why."""

    node_id: UUID
    path: list[str]
    document_count: int
    new_id: UUID | None
    new_path: list[str] | None
    reason: Reason | None


@dataclass(frozen=True)
class Changed:
    """The first of the changed topics and those asked for besides, by their public ids.

    `lost` are the ids of those without a successor, where all are there; `lost_document_count` is
    the sum over them.
    """

    first: list[Successor]
    besides: dict[UUID, Successor]
    total: int
    lost: list[UUID] | None
    lost_document_count: int


def find_renames(
    old: Taxonomy, new: Taxonomy, renames: Sequence[Rename]
) -> dict[UUID, UUID | None]:
    """The topics that a request renames. BadReference on one that is not there."""
    starts = _find(old, [rename.start for rename in renames])
    ends = _find(new, [rename.end for rename in renames if rename.end is not None])
    renamed: dict[UUID, UUID | None] = {}
    for rename in renames:
        node_id = starts.get(tuple(rename.start))
        if node_id is None:
            raise unknown_topic(rename.start, old.version)
        renamed.setdefault(node_id, None)
        if rename.end is not None:
            renamed[node_id] = ends.get(tuple(rename.end))
            if renamed[node_id] is None:
                raise unknown_topic(rename.end, new.version)
    return renamed


def find_changed(
    old: Taxonomy,
    new: Taxonomy,
    renamed: Renamed,
    *,
    limit: int | None = None,
    besides: Collection[UUID] = (),
) -> Changed:
    """At most `limit` changed topics, and those with the public ids `besides`.

    Those that lose documents come first: they are what somebody has to decide about.
    """
    prefer_indexes()
    changed = _select_changed(old, new, renamed).cte("matched")
    node = _NODES.alias()
    # For PostgreSQL, which would read the topics of all versions; SQLite finds each by its id.
    is_it = and_(node.c.id == changed.c.id, not_by_index(node.c.taxonomy_id) == old.id)
    is_decided = or_(changed.c.successor.is_not(None), changed.c.label.is_(None))
    order = is_decided, changed.c.document_count.desc(), node.c.path_key, node.c.public_id
    lost = case((_is_lost(changed, renamed), changed.c.document_count), else_=0)
    statement = (
        select(
            *changed.c,
            node.c.public_id,
            node.c.canonical_path,
            select(func.count()).select_from(changed).scalar_subquery().label("total"),
            select(func.sum(lost)).scalar_subquery().label("lost_document_count"),
        )
        .join(node, is_it)
        .order_by(*order)
    )
    if limit is not None:
        first = select(changed.c.id).join(node, is_it).order_by(*order)
        asked = select(_NODES.c.id).where(
            _NODES.c.organization_id == old.organization_id,
            is_among(_NODES.c.public_id, [node_id.hex for node_id in besides]),
        )
        shown = union_all(select(first.limit(limit).subquery()), asked).subquery()
        statement = statement.where(changed.c.id.in_(select(shown)))
    rows = db.session.execute(statement).all()
    ends = {row.id: end for row in rows if (end := _end_of(row, renamed))}
    topics = _load_topics(ends.values())
    found = [_successor(row, topics.get(ends.get(row.id)), renamed) for row in rows]
    total = rows[0].total if rows else 0
    return Changed(
        # Those asked for besides come after the first, in the same order.
        found[:limit],
        {item.node_id: item for item in found},
        total,
        [row.id for row in rows if row.id not in ends] if len(rows) == total else None,
        int(rows[0].lost_document_count) if rows else 0,
    )


def count_documents(taxonomy: Taxonomy) -> int:
    """Documents about topics of a version, each once."""
    statement = (
        select(func.count(DocumentNode.document_id.distinct()))
        .join(TaxonomyNode, TaxonomyNode.id == DocumentNode.node_id)
        .where(TaxonomyNode.taxonomy_id == taxonomy.id, DocumentNode.is_counted)
    )
    return db.session.scalar(statement) or 0


def count_moving_documents(
    old: Taxonomy, new: Taxonomy, renamed: Renamed, lost: Collection[UUID] | None
) -> int:
    """Documents about a topic with a successor, each once; `lost` are those without, if known."""
    is_lost: ColumnElement[bool]
    if lost is None:
        changed = _select_changed(old, new, renamed).subquery()
        is_lost = DocumentNode.node_id.in_(select(changed.c.id).where(_is_lost(changed, renamed)))
    else:
        is_lost = and_(is_among(DocumentNode.node_id, [node_id.hex for node_id in lost]))
    statement = (
        select(func.count(DocumentNode.document_id.distinct()))
        .join(TaxonomyNode, TaxonomyNode.id == DocumentNode.node_id)
        .where(TaxonomyNode.taxonomy_id == old.id, DocumentNode.is_counted, not_(is_lost))
    )
    return db.session.scalar(statement) or 0


def _select_changed(old: Taxonomy, new: Taxonomy, renamed: Renamed) -> Select[Any]:
    """The changed topics with the digits of their `successor`; a renamed one has no `label`.

    Labels are matched where each side has one of them, which a window over both tells in one look.
    It sorts all of them, so it carries nothing but ids, labels and counts.
    """
    before, after, free, owner, twin = (
        _NODES.alias(name) for name in ("before", "after", "free", "owner", "twin")
    )
    starts = [node_id.hex for node_id in renamed]
    is_renamed = is_among(before.c.id, starts)
    stays = exists().where(after.c.taxonomy_id == new.id, _is_same_path(after, before))
    changed = (
        select(
            before.c.id,
            case((is_renamed, null()), else_=before.c.label).label("label"),
            cast(null(), Uuid).label("new_id"),
        )
        # PostgreSQL joins for one condition, and asks row by row for either of two.
        .where(before.c.taxonomy_id == old.id, or_(is_renamed, ~stays) if renamed else ~stays)
        .cte("changed")
    )
    ends = [node_id.hex for node_id in renamed.values() if node_id is not None]
    # Few of a large version: PostgreSQL would look for owners and twins of all.
    namesakes = (
        select(
            free.c.id,
            free.c.label,
            free.c.path_key,
            free.c.canonical_path,
            free.c.public_id,
        )
        .where(
            free.c.taxonomy_id == new.id,
            free.c.label.in_(select(changed.c.label)),
            not_(is_among(free.c.id, ends)),
        )
        .cte("namesakes")
        .prefix_with("MATERIALIZED")
    )
    has_owner = exists().where(
        owner.c.taxonomy_id == old.id,
        _is_same_path(owner, namesakes),
        not_(is_among(owner.c.id, starts)),
    )
    is_second = exists().where(
        twin.c.taxonomy_id == new.id,
        _is_same_path(twin, namesakes),
        twin.c.public_id < namesakes.c.public_id,
    )
    candidates = select(
        null().label("id"),
        namesakes.c.label,
        namesakes.c.id.label("new_id"),
    ).where(or_(~has_owner, is_second))
    both = union_all(select(changed), candidates).subquery()
    label = both.c.label
    is_alone = and_(
        func.count(both.c.id).over(partition_by=label) == 1,
        func.count(both.c.new_id).over(partition_by=label) == 1,
    )
    end = func.max(uuid_digits(both.c.new_id)).over(partition_by=label)
    paired = select(both, case((is_alone, end)).label("successor")).subquery()
    return select(paired.c.id, paired.c.label, paired.c.successor, NodeStat.document_count).join(
        NodeStat, NodeStat.node_id == paired.c.id
    )


def _is_same_path(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    """The keys are in an index, but cut."""
    return and_(one.c.path_key == other.c.path_key, one.c.canonical_path == other.c.canonical_path)


def _is_lost(changed: FromClause, renamed: Renamed) -> ColumnElement[bool]:
    kept = [node_id.hex for node_id, end in renamed.items() if end is not None]
    return and_(changed.c.successor.is_(None), not_(is_among(changed.c.id, kept)))


def _end_of(row: Any, renamed: Renamed) -> UUID | None:
    return UUID(row.successor) if row.successor else renamed.get(row.id)


def _successor(row: Any, end: tuple[UUID, list[str]] | None, renamed: Renamed) -> Successor:
    reason: Reason | None = "label" if row.successor else None
    if row.id in renamed:
        reason = "request"
    new_id, new_path = end or (None, None)
    return Successor(
        row.public_id, row.canonical_path, row.document_count, new_id, new_path, reason
    )


def _load_topics(ids: Collection[UUID]) -> dict[UUID | None, tuple[UUID, list[str]]]:
    rows = db.session.execute(
        select(TaxonomyNode.id, TaxonomyNode.public_id, TaxonomyNode.canonical_path).where(
            is_among(TaxonomyNode.id, [node_id.hex for node_id in ids])
        )
    )
    return {row.id: (row.public_id, row.canonical_path) for row in rows}


def _find(taxonomy: Taxonomy, paths: Sequence[list[str]]) -> dict[tuple[str, ...], UUID]:
    """The topic at each path that is there: of several, that with the lowest public id."""
    if not paths:
        return {}
    rows = db.session.execute(
        select(TaxonomyNode.id, TaxonomyNode.canonical_path)
        .where(
            TaxonomyNode.taxonomy_id == taxonomy.id,
            TaxonomyNode.path_key.in_({path_key(path) for path in paths}),
        )
        # The last of a path stays in the dictionary.
        .order_by(TaxonomyNode.public_id.desc())
    )
    return {tuple(row.canonical_path): row.id for row in rows}
