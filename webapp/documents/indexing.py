"""Looking after the index: merged by itself, checked and rebuilt by tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select

from webapp import engine, index
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.arrays import np
from webapp.core.database.transactions import snapshot
from webapp.core.errors import Conflict
from webapp.core.extensions import db
from webapp.documents.changes import schedule_merge
from webapp.documents.models import Chunk, Document
from webapp.documents.services import indexed_text
from webapp.documents.topics.recounting import recount_nodes, recount_scopes, topic_totals
from webapp.index import rebuilding
from webapp.index.embedding import get_embedder
from webapp.index.models import IndexSegment, IndexState
from webapp.tasks import changes as tasks
from webapp.tasks.models import Task
from webapp.tasks.running import Run
from webapp.taxonomies.models import NodeStat, Scope, Taxonomy, TaxonomyNode
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHECK, REBUILD = "index_check", "index_rebuild"
BATCH_CHUNKS = 500


@dataclass(frozen=True)
class Overview:
    """How an organization's index is."""

    chunk_count: int
    segment_count: int
    size: int
    embedder: str
    #: the installation's, which rebuilding changes to
    wanted_embedder: str
    last_check: Task | None
    running: Task | None


def merge(_key: str, *, organization_id: str) -> None:
    """The engine's job: merge while something is due, a merge a commit."""
    while index.merge_segments(UUID(organization_id)):
        db.session.commit()
        engine.check_interrupted()
    db.session.rollback()


def describe_index(*, actor: Actor) -> Overview:
    state = db.session.scalar(
        select(IndexState).where(IndexState.organization_id == actor.organization_id)
    )
    segments = db.session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(func.length(IndexSegment.vectors)), 0),
        ).where(IndexSegment.organization_id == actor.organization_id)
    ).one()
    return Overview(
        chunk_count=state.chunk_count if state else 0,
        segment_count=segments[0],
        size=int(segments[1]),
        embedder=index.read_embedder(actor.organization_id),
        wanted_embedder=get_embedder().name,
        last_check=_newest(actor, CHECK),
        running=_newest(actor, REBUILD, is_running=True),
    )


def start_check(*, actor: Actor) -> Task:
    """Compare the index and the counts with the documents, by a task."""
    actor.require(KNOWLEDGE_WRITE)
    task = tasks.start_task(CHECK, title="Check of the index", input={}, actor=actor)
    audit.record(actor, "check index", task)
    db.session.commit()
    return task


def start_rebuild(*, actor: Actor) -> Task:
    """Build the index anew with the installation's embedder; the old one serves until then.

    Raises Conflict where that is under way.
    """
    actor.require(KNOWLEDGE_WRITE)
    index.lock(actor.organization_id)
    if _newest(actor, REBUILD, is_running=True):
        db.session.rollback()
        raise Conflict("The index is being rebuilt already.", code="rebuilding")
    embedder = get_embedder().name
    task = tasks.start_task(
        REBUILD,
        title=f"Rebuild the index with {embedder}",
        input={"embedder": embedder},
        actor=actor,
    )
    audit.record(actor, "rebuild index", task)
    db.session.commit()
    return task


def check_index(run: Run) -> None:
    """The task: `result` holds what does not fit; `problem_count` is 0 where all does."""
    organization_id = run.task.organization_id
    snapshot()
    counts = rebuilding.check(organization_id, _living_ids(organization_id))
    counts |= _check_counts(organization_id)
    db.session.rollback()
    result: dict[str, Any] = {
        **counts,
        "problem_count": sum(1 for count in counts.values() if count),
    }
    run.hold()
    run.advance(1.0, {}, result)


def rebuild_index(run: Run) -> None:
    """The task: a new generation batch by batch, then the change over, then the counts anew."""
    organization_id, name = run.task.organization_id, run.task.input["embedder"]
    checkpoint = run.task.checkpoint
    generation = checkpoint.get("generation") or rebuilding.new_generation()
    after, done = checkpoint.get("after", 0), checkpoint.get("done", 0)
    total = max(len(_living_ids(organization_id)), 1)
    while batch := _read_chunks(organization_id, after):
        entries = _entries(batch, name)
        run.hold()
        ids = [row.id for row in batch]
        rebuilding.add_to_generation(organization_id, generation, ids, entries, name)
        after, done = ids[-1], done + len(ids)
        place = {"generation": generation, "after": after, "done": done}
        run.advance(0.95 * min(done / total, 1.0), place, {"chunk_count": done})

    def add_missing(ids: NDArray[np.int64]) -> None:
        for start in range(0, len(ids), BATCH_CHUNKS):
            rows = _read_these(organization_id, ids[start : start + BATCH_CHUNKS].tolist())
            chunk_ids = [row.id for row in rows]
            entries = _entries(rows, name)
            rebuilding.add_to_generation(organization_id, generation, chunk_ids, entries, name)

    if not checkpoint.get("is_changed"):
        index.lock(organization_id)
        run.hold()
        living = _living_ids(organization_id)
        count = rebuilding.change_over(organization_id, generation, name, living, add_missing)
        recount_nodes(organization_id)
        recount_scopes(Scope.organization_id == organization_id)
        index.move_scopes(organization_id)
        schedule_merge(organization_id)
        place = {"generation": generation, "after": after, "is_changed": True}
        run.advance(1.0, place, {"chunk_count": count, "embedder": name})


def _check_counts(organization_id: UUID) -> dict[str, int]:
    """Topics and scopes whose kept counts are not those of their documents."""
    nodes = {
        row.node_id: (row.document_count, row.chunk_count)
        for row in db.session.execute(
            select(NodeStat.node_id, NodeStat.document_count, NodeStat.chunk_count)
            .join(TaxonomyNode, TaxonomyNode.id == NodeStat.node_id)
            .join(Taxonomy, Taxonomy.id == TaxonomyNode.taxonomy_id)
            .where(Taxonomy.organization_id == organization_id)
        )
    }
    by_node, by_scope = topic_totals(organization_id)
    scopes = {
        row.id: (row.document_count, row.chunk_count)
        for row in db.session.execute(
            select(Scope.id, Scope.document_count, Scope.chunk_count).where(
                Scope.organization_id == organization_id
            )
        )
    }
    return {
        "wrong_topic_count": sum(
            1 for key, pair in nodes.items() if by_node.get(key, (0, 0)) != pair
        ),
        "wrong_scope_count": sum(
            1 for key, pair in scopes.items() if by_scope.get(key, (0, 0)) != pair
        ),
    }


def _newest(actor: Actor, task_type: str, *, is_running: bool = False) -> Task | None:
    statement = select(Task).where(
        Task.organization_id == actor.organization_id, Task.task_type == task_type
    )
    if is_running:
        statement = statement.where(Task.status.in_(("pending", "running")))
    return db.session.scalar(statement.order_by(Task.created_at.desc()).limit(1))


def _living_ids(organization_id: UUID) -> NDArray[np.int64]:
    rows = db.session.scalars(
        select(Chunk.id)
        .join(Document, Document.id == Chunk.document_id)
        .where(Document.organization_id == organization_id)
    )
    return np.fromiter(rows, dtype=np.int64)


def _select_chunks(organization_id: UUID) -> Any:
    return (
        select(Chunk.id, Document.title, Chunk.heading_path, Chunk.text)
        .join(Document, Document.id == Chunk.document_id)
        .where(Document.organization_id == organization_id)
        .order_by(Chunk.id)
    )


def _read_chunks(organization_id: UUID, after: int) -> list[Any]:
    statement = _select_chunks(organization_id).where(Chunk.id > after).limit(BATCH_CHUNKS)
    return list(db.session.execute(statement))


def _read_these(organization_id: UUID, ids: list[int]) -> list[Any]:
    return list(db.session.execute(_select_chunks(organization_id).where(Chunk.id.in_(ids))))


def _entries(rows: list[Any], embedder: str) -> index.Entries:
    texts = [indexed_text(row.title, row.heading_path, row.text) for row in rows]
    return index.prepare_entries(texts, embedder=embedder)
