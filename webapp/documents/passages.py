"""A document as people read it: its passages drawn, or its source, part by part.

A part is bounded, however long the document is and whatever is in it; `following` is where the next
one begins.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urljoin
from uuid import UUID

from markupsafe import Markup
from sqlalchemy import func, select

from webapp.core.extensions import db
from webapp.core.http.prefix import link
from webapp.core.rendering import MARKDOWN, ends_in_code, relative_addresses, render, render_line
from webapp.documents.models import Chunk, Document

#: passages of a part, and characters of their HTML
PART_PASSAGES = 40
PART_HTML = 100_000
#: characters of a part of the source
PART_SOURCE = 30_000
#: what the database takes for an id, of 64 bits
MAX_ID = 2**63 - 1
#: relative links of a part that are looked up; those behind them are words
MAX_LINKS = 200
#: how many passages stand before the one that somebody came for
LEAD = 2


@dataclass(frozen=True)
class Passage:
    """One passage, drawn; `headings` are those that begin with it, each with its level."""

    id: int
    position: int
    heading_path: list[str]
    headings: list[tuple[int, Markup]]
    content: Markup


@dataclass(frozen=True)
class Part:
    """Passages that follow each other, from position `start` on."""

    passages: list[Passage]
    start: int
    following: int | None


@dataclass(frozen=True)
class SourcePart:
    """A stretch of the source from character `start` on."""

    text: str
    start: int
    following: int | None


def read_part(document: Document, start: int = 0) -> Part:
    """The passages of a document from a position on, as many as a page takes, at least one."""
    # The one before says which headings are there already, and whether code goes on.
    statement = (
        select(Chunk)
        .where(Chunk.document_id == document.id, Chunk.position >= start - 1)
        .order_by(Chunk.position)
        .limit(PART_PASSAGES + 2)
    )
    chunks = list(db.session.scalars(statement))
    before = chunks.pop(0) if chunks and chunks[0].position < start else None
    path = before.heading_path if before else []
    in_code = ends_in_code(before.text, None) if before else False
    lead = _links_of(document, (chunk.text for chunk in chunks))
    passages: list[Passage] = []
    size = 0
    for chunk in chunks:
        if size > PART_HTML or len(passages) == PART_PASSAGES:
            return Part(passages, start, chunk.position)
        # Within a section code goes on where it was; a heading ends it.
        is_same = chunk.heading_path == path
        in_code = in_code and is_same
        passages.append(_draw(document, chunk, path, in_code=in_code, lead=lead))
        size += len(passages[-1].content)
        path, in_code = chunk.heading_path, ends_in_code(chunk.text, in_code)
    return Part(passages, start, None)


def find_passage(document: Document, chunk_id: int) -> int | None:
    """The position of a passage; None where the document has it no longer."""
    if not 0 < chunk_id <= MAX_ID:
        return None
    statement = select(Chunk.position).where(Chunk.document_id == document.id, Chunk.id == chunk_id)
    return db.session.scalar(statement)


def read_source(document: Document, start: int = 0) -> SourcePart:
    """The text of a document as it was given, or read from its file, from a character on."""
    # Only this much of a text that may have millions of characters leaves the database.
    statement = select(
        func.substr(Document.content, start + 1, PART_SOURCE), func.length(Document.content)
    ).where(Document.id == document.id)
    text, length = db.session.execute(statement).one()
    end = start + len(text)
    return SourcePart(text, start, end if text and end < length else None)


def _links_of(document: Document, texts: Iterable[str]) -> Callable[[str], str | None]:
    """Where the relative links of some texts of a document lead: what `render` asks.

    To the document of that path, seen from this one's, or else of that name; from a page of the
    web, to the page beside it.
    """
    here = document.external_id or ""
    if document.content_type != MARKDOWN:
        return lambda _: None
    addresses = islice((found for text in texts for found in relative_addresses(text)), MAX_LINKS)
    names = {address: _names_of(address, here) for address in addresses}
    known: dict[str | None, UUID] = {}
    if wanted := {name for found in names.values() for name in found}:
        statement = select(Document.external_id, Document.id).where(
            Document.organization_id == document.organization_id, Document.external_id.in_(wanted)
        )
        known = {row.external_id: row.id for row in db.session.execute(statement)}

    def lead(address: str) -> str | None:
        found = next((known[name] for name in names.get(address, ()) if name in known), None)
        if found is not None:
            return link(f"/documents/{found}")
        return urljoin(document.source_url, address) if document.source_url else None

    return lead


def _names_of(address: str, here: str) -> list[str]:
    """The external ids that a relative address may mean in a document called `here`."""
    path = address.partition("#")[0].partition("?")[0]
    if not path:
        return []
    path = posixpath.normpath(posixpath.join(posixpath.dirname(here), path)).lstrip("/")
    return [path, f"{path}.md", posixpath.basename(path)]


def _draw(
    document: Document,
    chunk: Chunk,
    above: Sequence[str],
    *,
    in_code: bool,
    lead: Callable[[str], str | None],
) -> Passage:
    path = chunk.heading_path
    known = next(
        (
            depth
            for depth, names in enumerate(zip(path, above, strict=False))
            if names[0] != names[1]
        ),
        min(len(path), len(above)),
    )
    headings = [(min(6, depth + 2), render_line(path[depth])) for depth in range(known, len(path))]
    content = render(
        chunk.text,
        document.content_type,
        below=1 + len(path),
        in_code=in_code if document.content_type == MARKDOWN else None,
        lead=lead,
    )
    return Passage(chunk.id, chunk.position, path, headings, content)
