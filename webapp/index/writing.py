"""Add and remove chunks: in the caller's transaction, one writer of an organization at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Select, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from webapp.core.arrays import np
from webapp.core.database.transactions import get_locked
from webapp.core.extensions import db
from webapp.index.embedding import EmbedderDown, get_embedder
from webapp.index.merging import MAX_INLINE_CHUNKS, compact, merge_step
from webapp.index.models import IndexDeletion, IndexSegment, IndexState
from webapp.index.postings import IndexedText, Postings, make_postings
from webapp.index.segments import (
    SegmentRows,
    new_revision,
    new_segment_id,
    read_deleted,
    write_segment,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Entries:
    """Chunks as the index keeps them: the slow part of adding them, which needs no database."""

    texts: Sequence[IndexedText]
    embedder: str
    vectors: NDArray[np.float16]
    postings: Postings
    lengths: NDArray[np.int32]

    def embedded_by(self, name: str) -> NDArray[np.float16]:
        """The vectors of this embedder, made now where the index has changed to it meanwhile."""
        return self.vectors if name == self.embedder else embed_texts(self.texts, name)


def prepare_entries(texts: Sequence[IndexedText], *, embedder: str | None = None) -> Entries:
    """Embed and analyse chunks, in their order, with the installation's embedder or this one."""
    name = embedder or get_embedder().name
    postings, lengths = make_postings(texts)
    return Entries(texts, name, embed_texts(texts, name), postings, lengths)


def embed_texts(texts: Sequence[IndexedText], name: str) -> NDArray[np.float16]:
    """Vectors for the index; zeros, which nothing is near to, where the embedder is down.

    Such chunks are found by keywords; `check` counts them, and rebuilding gives them vectors.
    """
    embedder = get_embedder(name)
    try:
        vectors = embedder.embed([f"{text.title}\n{text.text}" for text in texts])
    except EmbedderDown:
        return np.zeros((len(texts), embedder.dimensions), dtype=np.float16)
    return vectors.astype(np.float16)


def read_embedder(organization_id: UUID) -> str:
    """Whose vectors an organization's index has; the installation's where it has none yet."""
    name = db.session.scalar(
        select(IndexState.embedder).where(IndexState.organization_id == organization_id)
    )
    return name or get_embedder().name


def lock(organization_id: UUID) -> None:
    """Keep other writers of the organization out until the transaction ends.

    Take it before chunks get their ids, so that ids rise in the order of commits.
    """
    _locked_state(organization_id)


def read_revision(organization_id: UUID) -> int:
    """A number that is another one after every change of the index, of scopes, or beside them.

    It is 0 at first.
    """
    row = db.session.execute(
        select(IndexState.revision, IndexState.scope_revision).where(
            IndexState.organization_id == organization_id
        )
    ).one_or_none()
    return row.revision ^ row.scope_revision if row else 0


def move_scopes(organization_id: UUID) -> None:
    """Say that chunks the index knows have come into or out of some scope."""
    _locked_state(organization_id).scope_revision = new_revision()


def move_revision(organization_id: UUID) -> None:
    """Say that what is shown beside the chunks, as proposed topics, is not what it was."""
    _locked_state(organization_id).revision = new_revision()


def add_chunks(organization_id: UUID, ids: Sequence[int], entries: Entries) -> None:
    """Make chunks findable once the running transaction commits. Ids must be new.

    Waits for other writers of the organization.
    """
    if not ids:
        return
    state = _locked_state(organization_id)
    rows = SegmentRows(
        id=new_segment_id(),
        chunk_ids=np.array(ids, dtype=np.int64),
        lengths=entries.lengths,
        vectors=entries.embedded_by(state.embedder),
    )
    write_segment(organization_id, rows, entries.postings, generation=state.generation)
    state.chunk_count += len(ids)
    state.total_length += int(entries.lengths.sum())
    state.revision = new_revision()
    while merge_step(organization_id, limit=MAX_INLINE_CHUNKS):
        pass
    db.session.flush()


def remove_chunks(organization_id: UUID, chunk_ids: Sequence[int]) -> int:
    """Make chunks unfindable once the running transaction commits; unknown ids are passed over.

    Returns how many were there. Waits for other writers of the organization.
    """
    state = get_locked(_select_state(organization_id))
    if state is None or not chunk_ids:
        return 0
    deleted = read_deleted(organization_id)
    removed_ids = np.setdiff1d(np.array(chunk_ids, dtype=np.int64), deleted)
    segments = db.session.execute(
        select(IndexSegment.id, IndexSegment.chunk_ids, IndexSegment.lengths).where(
            IndexSegment.organization_id == organization_id,
            IndexSegment.generation == state.generation,
        )
    ).all()
    removed_count, sparse = 0, []
    for segment in segments:
        held = np.frombuffer(segment.chunk_ids, dtype="<i8")
        removed = np.isin(held, removed_ids)
        if not removed.any():
            continue
        removed_count += int(removed.sum())
        state.total_length -= int(np.frombuffer(segment.lengths, dtype="<i4")[removed].sum())
        values = [
            {"organization_id": organization_id, "chunk_id": chunk_id}
            for chunk_id in held[removed].tolist()
        ]
        db.session.connection().execute(insert(IndexDeletion), values)
        dead_count = int((removed | np.isin(held, deleted)).sum())
        if 2 * dead_count > len(held) and len(held) - dead_count <= MAX_INLINE_CHUNKS:
            sparse.append(segment.id)
    if removed_count:
        compact(organization_id, sparse)
        state.chunk_count -= removed_count
        state.revision = new_revision()
        db.session.flush()
    return removed_count


def merge_segments(organization_id: UUID) -> bool:
    """Do one merge of large segments, if one is due; commit, and call again while true.

    For a background job: other writers of the organization wait for it, up to a few seconds.
    """
    state = get_locked(_select_state(organization_id))
    if state is None or not merge_step(organization_id):
        return False
    state.revision = new_revision()
    db.session.flush()
    return True


def _locked_state(organization_id: UUID) -> IndexState:
    state: IndexState | None = get_locked(_select_state(organization_id))
    if state is None:
        # Two first writers at once: one of them inserts, both go on with the same row.
        values = {
            "organization_id": organization_id,
            "revision": new_revision(),
            "scope_revision": 0,
            "embedder": get_embedder().name,
            "generation": 0,
            "chunk_count": 0,
            "total_length": 0,
        }
        dialect: Any = postgresql if db.engine.dialect.name == "postgresql" else sqlite
        db.session.execute(dialect.insert(IndexState).values(values).on_conflict_do_nothing())
        state = get_locked(_select_state(organization_id))
        assert state is not None  # noqa: S101 - it was inserted just now
    return state


def _select_state(organization_id: UUID) -> Select[Any]:
    return select(IndexState).where(IndexState.organization_id == organization_id)
