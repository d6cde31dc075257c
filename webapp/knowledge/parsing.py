"""Read a document: Markdown, plain text or HTML in, a title and Markdown-like text out.

The HTML parser takes quadratic time for deep nesting and for many attributes, so all but small
pages are read by a process with limits on time and memory: this file, run as a program.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

MAX_NODES = 200_000
MAX_DEPTH = 400
#: `<` signs and characters of a page that is harmless however it is made
MAX_INLINE_TAGS = 1_000
MAX_INLINE_CHARS = 50_000
MAX_SECONDS = 5
MAX_MEMORY = 1 << 30
MAX_HEADING_CHARS = 500

_DROPPED = {
    "script",
    "style",
    "noscript",
    "template",
    "nav",
    "iframe",
    "svg",
    "canvas",
    "form",
    "head",
    "object",
    "embed",
    "button",
    "select",
}
_BLOCKS = {
    "p",
    "div",
    "section",
    "article",
    "main",
    "header",
    "footer",
    "aside",
    "ul",
    "ol",
    "table",
    "tr",
    "blockquote",
    "pre",
    "dl",
    "dt",
    "dd",
    "figure",
    "figcaption",
    "br",
    "hr",
    "li",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
}
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$")


class ParsingError(ValueError):
    """The content cannot be read; the message says why, for the person who sent it."""


@dataclass(frozen=True)
class ParsedDocument:
    """What is stored and searched: a title (may be empty) and the text."""

    title: str
    text: str


def parse(content: str, content_type: str) -> ParsedDocument:
    """Title and text of `content`; ParsingError where there is nothing to read."""
    if "\x00" in content:
        raise ParsingError("The content holds NUL bytes; it is not text.")
    parsed = _read_html(content) if content_type == "text/html" else _parse_text(content)
    if not parsed.text.strip():
        raise ParsingError("The content has no text.")
    return parsed


def _parse_text(content: str) -> ParsedDocument:
    text = content.replace("\r\n", "\n").removeprefix("\ufeff")
    if heading := _first_heading(text):
        return ParsedDocument(heading, text)
    first_line = next((line.strip() for line in text[:5000].splitlines() if line.strip()), "")
    return ParsedDocument(first_line[:120], text)


def _first_heading(text: str) -> str:
    for line in text[:20_000].splitlines():
        # A long line is no heading, and trying it would take quadratic time.
        if len(line) <= MAX_HEADING_CHARS and (match := _HEADING.match(line)):
            return match[1]
    return ""


def _read_html(content: str) -> ParsedDocument:
    if len(content) <= MAX_INLINE_CHARS and content.count("<") <= MAX_INLINE_TAGS:
        return _parse_html(content)
    try:
        reader = subprocess.run(  # noqa: S603 - our own file
            [sys.executable, "-I", __file__],
            input=content.encode("utf-8", "replace"),
            capture_output=True,
            timeout=2 * MAX_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ParsingError("The HTML takes too long to read.") from error
    if reader.returncode != 0:
        raise ParsingError("The HTML takes too much time or memory to read; is it nested deeply?")
    answer = json.loads(reader.stdout)
    if "problem" in answer:
        raise ParsingError(answer["problem"])
    return ParsedDocument(answer["title"], answer["text"])


def _parse_html(content: str) -> ParsedDocument:
    root = LexborHTMLParser(content).root
    if root is None:
        raise ParsingError("The content has no text.")
    title, parts = "", []
    node: LexborNode | None = root
    count, depth = 0, 0
    # By hand and not by recursion: the nesting is the sender's.
    while node is not None:
        count += 1
        if count > MAX_NODES:
            raise ParsingError(f"The HTML has more than {MAX_NODES:,} parts.")
        if depth > MAX_DEPTH:
            raise ParsingError(f"The HTML is nested more than {MAX_DEPTH} levels deep.")
        tag = node.tag or ""
        if tag == "title" and not title:
            title = " ".join((node.text() or "").split())[:500]
        is_entered = tag not in _DROPPED or tag == "head"
        if tag == "-text":
            parts.append(" ".join((node.text_content or "").split(" ")))
        elif is_entered:
            parts.append(_opening(tag))
        child = node.first_child if is_entered and tag != "title" else None
        if child is not None:
            node, depth = child, depth + 1
            continue
        while node is not None and node.next is None:
            node, depth = node.parent, depth - 1
        node = node.next if node is not None else None
    text = re.sub(r"[ \t\r\f\v]+", " ", "".join(parts))
    text = re.sub(r" ?\n[ \n]*\n ?", "\n\n", text).strip()
    return ParsedDocument(title or _first_heading(text), text)


def _opening(tag: str) -> str:
    if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
        return f"\n\n{'#' * int(tag[1])} "
    if tag == "li":
        return "\n- "
    if tag in ("td", "th"):
        return " | "
    return "\n\n" if tag in _BLOCKS else ""


def _main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    try:
        parsed = _parse_html(sys.stdin.buffer.read().decode())
        answer = {"title": parsed.title, "text": parsed.text}
    except ParsingError as error:
        answer = {"problem": str(error)}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    _main()
