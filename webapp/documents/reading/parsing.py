"""Read a document of any kind: its title and Markdown-like text, or why it cannot be read.

What could take any time or memory is left to `extract`, in a process of its own with limits.
"""

from __future__ import annotations

import json
import subprocess
import sys

from webapp.documents.reading import extract
from webapp.documents.reading.extract import (
    DOCX,
    HTML,
    MAX_SECONDS,
    PDF,
    ParsedDocument,
    ParsingError,
    first_heading,
    read_html,
)

__all__ = ["DOCX", "HTML", "PDF", "ParsedDocument", "ParsingError", "check_kind", "parse"]

#: `<` signs and characters of a page that is harmless however it is made
MAX_INLINE_TAGS = 1_000
MAX_INLINE_CHARS = 50_000
#: what the kinds are called when a file turns out to be another one
NAMES = {PDF: "PDF", DOCX: "Word file", "application/zip": "zip archive"}


def parse(content: str | bytes, content_type: str) -> ParsedDocument:
    """Title and text of `content`; ParsingError where there is nothing to read."""
    if isinstance(content, bytes):
        return _read_apart(content, content_type)
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
    first_line = next((line.strip() for line in text[:5000].splitlines() if line.strip()), "")
    return ParsedDocument(first_line[:120], text)


def _read_page(content: str) -> ParsedDocument:
    if len(content) <= MAX_INLINE_CHARS and content.count("<") <= MAX_INLINE_TAGS:
        return read_html(content)
    return _read_apart(content.encode("utf-8", "replace"), HTML)


def _read_apart(content: bytes, content_type: str) -> ParsedDocument:
    what = {PDF: "PDF", DOCX: "Word file"}.get(content_type, "HTML")
    try:
        process = subprocess.run(  # noqa: S603 - our own file
            [sys.executable, "-I", extract.__file__, content_type],
            input=content,
            capture_output=True,
            timeout=2 * MAX_SECONDS[content_type],
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ParsingError(f"The {what} takes too long to read.") from error
    if process.returncode != 0:
        raise ParsingError(
            f"The {what} takes too much time or memory to read; is it made to do that?"
        )
    answer = json.loads(process.stdout)
    if "problem" in answer:
        raise ParsingError(answer["problem"])
    return ParsedDocument(answer["title"], answer["text"])
