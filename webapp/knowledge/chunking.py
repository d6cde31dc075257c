"""Cut a text into passages that a search can show, each under the headings it stands under."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cache

from semantic_text_splitter import MarkdownSplitter

MAX_CHARS = 1400

_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$")
_FENCE = re.compile(r"^[ ]{0,3}(```|~~~)")


@dataclass(frozen=True)
class Piece:
    """One passage: its place in the document from 0, the headings above it, its text."""

    position: int
    text: str
    heading_path: list[str] = field(default_factory=list)


@cache
def _splitter() -> MarkdownSplitter:
    return MarkdownSplitter(MAX_CHARS)


def chunk_text(text: str, title: str) -> list[Piece]:
    """Passages of at most 1,400 characters, cut at headings, paragraphs, then sentences.

    The heading path leaves out a first heading that only repeats the title.
    """
    headings = _headings(text)
    starts = [start for start, _ in headings]
    pieces: list[Piece] = []
    chunks = [(0, text.strip())] if len(text) <= MAX_CHARS else _splitter().chunk_indices(text)
    for start, chunk in chunks:
        if not chunk.strip():
            continue
        at = bisect_right(starts, start)
        path = [part for part in (headings[at - 1][1] if at else []) if part != title]
        pieces.append(Piece(len(pieces), chunk, path))
    return pieces


def _headings(text: str) -> list[tuple[int, list[str]]]:
    """Where each Markdown heading begins, with the path down to it; code blocks are left out."""
    found: list[tuple[int, list[str]]] = []
    path: list[tuple[int, str]] = []
    is_code, start = False, 0
    for line in text.splitlines(keepends=True):
        if _FENCE.match(line):
            is_code = not is_code
        elif not is_code and (match := _HEADING.match(line.rstrip("\r\n"))):
            level = len(match[1])
            path = [item for item in path if item[0] < level] + [(level, match[2][:200])]
            found.append((start, [name for _, name in path]))
        start += len(line)
    return found
