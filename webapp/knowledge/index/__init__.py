"""Index: finds chunks by keywords and by meaning, in our own tables, alike on both databases.

Chunks arrive in segments, written in the transaction that stores them; small segments are merged
into larger ones as they gather, so a term is read from a handful of rows however documents came
in. Nothing here commits.
"""

from webapp.knowledge.index.highlighting import highlights
from webapp.knowledge.index.searching import Hit, search
from webapp.knowledge.index.writing import IndexedChunk, add_chunks, remove_chunks

__all__ = ["Hit", "IndexedChunk", "add_chunks", "highlights", "remove_chunks", "search"]
