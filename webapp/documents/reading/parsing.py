"""Read a document of any kind: its title and Markdown-like text, or why it cannot be read.

What could take any time or memory is left to `extract`, a program in the engine's sandbox.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict

import structlog

from webapp.documents.reading import extract
from webapp.documents.reading.extract import (
    DOCX,
    HTML,
    PDF,
    Bounds,
    ParsedDocument,
    ParsingError,
    first_heading,
    first_line,
    read_html,
    shorten,
)
from webapp.engine import sandbox
from webapp.engine.sandbox import Limits, Reason, SandboxError

__all__ = ["DOCX", "HTML", "PDF", "ParsedDocument", "ParsingError", "check_kind", "parse"]

PROGRAM = extract.__file__
#: characters of a title that is the first line of a text
MAX_TITLE = 120
#: how much of a file is read
BOUNDS = Bounds()
#: what reading one may take
LIMITS = {
    HTML: Limits(seconds=10, cpu_seconds=5),
    DOCX: Limits(seconds=40, cpu_seconds=20),
    PDF: Limits(seconds=240, cpu_seconds=120),
}
#: `<` signs and characters of a page that is harmless however it is made
MAX_INLINE_TAGS = 1_000
MAX_INLINE_CHARS = 50_000
#: what the kinds are called when a file turns out to be another one
NAMES = {PDF: "PDF", DOCX: "Word file", HTML: "HTML", "application/zip": "zip archive"}

log = structlog.get_logger(__name__)


def parse(
    content: str | bytes, content_type: str, *, check: Callable[[], None] | None = None
) -> ParsedDocument:
    """Title and text of `content`; ParsingError where there is nothing to read.

    A file, which may take minutes, is given up as soon as `check` raises something.
    """
    if isinstance(content, bytes):
        return _read_apart(content, content_type, check)
    if "\x00" in content:
        raise ParsingError("The content holds NUL bytes; it is not text.")
    parsed = _read_page(content) if content_type == HTML else _parse_text(content)
    if not parsed.text.strip():
        raise ParsingError("The content has no text.")
    return parsed


def check_kind(head: bytes, content_type: str) -> None:
    """ParsingError where a file that begins with `head` is of another kind than its name says."""
    is_zip = head.startswith((b"PK\x03\x04", b"PK\x05\x06"))
    if content_type == PDF:
        if b"%PDF-" not in head[:1024]:
            raise ParsingError("It is called a PDF and is none.")
    elif content_type in (DOCX, "application/zip"):
        if not is_zip:
            raise ParsingError(f"It is called a {NAMES[content_type]} and is none.")
    elif is_zip or head.startswith(b"%PDF-"):
        actual = "zip archive or Word file" if is_zip else "PDF"
        raise ParsingError(f"It is a {actual}; give it the ending of one.")


def _parse_text(content: str) -> ParsedDocument:
    text = content.replace("\r\n", "\n").removeprefix("\ufeff")
    if heading := first_heading(text):
        return ParsedDocument(heading, text)
    return ParsedDocument(shorten(first_line(text), MAX_TITLE), text)


def _read_page(content: str) -> ParsedDocument:
    if len(content) <= MAX_INLINE_CHARS and content.count("<") <= MAX_INLINE_TAGS:
        return read_html(content, BOUNDS)
    return _read_apart(content.encode("utf-8", "replace"), HTML)


def _read_apart(
    content: bytes, content_type: str, check: Callable[[], None] | None = None
) -> ParsedDocument:
    bounds = json.dumps(asdict(BOUNDS))
    limits = LIMITS[content_type]
    try:
        output = sandbox.run(
            PROGRAM, content_type, bounds, input=content, limits=limits, check=check
        )
    except SandboxError as error:
        raise ParsingError(_explain(error.failure, NAMES[content_type])) from error
    return ParsedDocument(**json.loads(output))


def _explain(failure: sandbox.Failure, what: str) -> str:
    """Why a file could not be read, for the person who sent it."""
    if failure.type == ParsingError.__name__:
        return failure.message
    if failure.reason in (Reason.TIME, Reason.MEMORY):
        return f"The {what} takes too much {failure.reason} to read; is it made to do that?"
    log.warning("reading_failed", what=what, failure=failure.message, traceback=failure.traceback)
    return f"The {what} cannot be read; is it damaged?"
