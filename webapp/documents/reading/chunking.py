"""Cut a text into passages that a search can show, each under the headings it stands under."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from semantic_text_splitter import MarkdownSplitter

from webapp.documents.reading.extract import MAX_HEADING_CHARS, lines_of

MAX_CHARS = 1400
MAX_PART_CHARS = 20_000

_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$")


@dataclass(frozen=True)
class Piece:
    """One passage: its place in the document from 0, its text, the headings above it."""

    position: int
    text: str
    heading_path: list[str] = field(default_factory=list)


@cache
def _splitter() -> MarkdownSplitter:
    return MarkdownSplitter(MAX_CHARS)


def chunk_text(text: str, title: str) -> list[Piece]:
    """Passages of at most 1,400 characters: a section each, longer ones cut at paragraphs.

    A heading stands in the path and not in the text; one that repeats the title is left out.
    """
    pieces: list[Piece] = []
    for path, section in _sections(text):
        shown = [heading for heading in path if heading != title]
        for chunk in _cut(section):
            if chunk.strip():
                pieces.append(Piece(len(pieces), chunk.strip("\n"), shown))
    if not pieces and text.strip():
        pieces.append(Piece(0, text.strip()[:MAX_CHARS]))
    return pieces


def _cut(section: str) -> Iterator[str]:
    """Stretches of at most 1,400 characters, each as near to that as its paragraphs allow."""
    # The splitter takes quadratic time for a text without paragraphs, so it gets a part at a time.
    start = 0
    while len(section) - start > MAX_PART_CHARS:
        first, last = start + MAX_CHARS, start + MAX_PART_CHARS
        breaks = (section.rfind(mark, first, last) for mark in ("\n\n", "\n", " "))
        end = next((at for at in breaks if at > 0), last)
        yield from _splitter().chunks(section[start:end])
        start = end
    rest = section[start:]
    yield from [rest] if len(rest) <= MAX_CHARS else _splitter().chunks(rest)


def _sections(text: str) -> Iterator[tuple[list[str], str]]:
    """Each stretch between Markdown headings with the path down to it; code is no heading."""
    path: list[tuple[int, str]] = []
    lines: list[str] = []
    for line, is_code in lines_of(text.splitlines(keepends=True)):
        # A long line is no heading, and trying it would take quadratic time.
        is_text = is_code or len(line) > MAX_HEADING_CHARS
        match = None if is_text else _HEADING.match(line.rstrip("\r\n"))
        if match is None:
            lines.append(line)
            continue
        yield [name for _, name in path], "".join(lines)
        lines = []
        level = len(match[1])
        path = [*(item for item in path if item[0] < level), (level, match[2][:200])]
    yield [name for _, name in path], "".join(lines)
