"""Index: finds chunks by keywords and by meaning, in our own tables, alike on both databases.

Chunks arrive in segments, written in the transaction that stores them; small segments are merged
into larger ones as they gather. Nothing here commits.
"""

from webapp.index.analysis import analyze, analyze_query
from webapp.index.filters import Filter
from webapp.index.highlighting import highlights
from webapp.index.postings import IndexedText
from webapp.index.searching import MAX_HITS, Hit, Strategy, search
from webapp.index.writing import (
    Entries,
    add_chunks,
    lock,
    merge_segments,
    move_revision,
    move_scopes,
    prepare_entries,
    read_embedder,
    read_revision,
    remove_chunks,
)

__all__ = [
    "MAX_HITS",
    "Entries",
    "Filter",
    "Hit",
    "IndexedText",
    "Strategy",
    "add_chunks",
    "analyze",
    "analyze_query",
    "highlights",
    "lock",
    "merge_segments",
    "move_revision",
    "move_scopes",
    "prepare_entries",
    "read_embedder",
    "read_revision",
    "remove_chunks",
    "search",
]
