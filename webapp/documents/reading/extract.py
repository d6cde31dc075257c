"""Read files of other people: HTML, PDF and Word in, a title and Markdown-like text out.

Run as a program in the engine's sandbox, because such a file can be made to take any amount of time
and memory: the kind and the bounds as arguments, the file on standard input, JSON on standard
output. Small pages of HTML, which cannot, are read in place by `parsing`.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML = "text/html"

MAX_HEADING_CHARS = 500
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


@dataclass(frozen=True)
class Bounds:
    """How much of a file is read; what goes beyond is refused with a sentence."""

    #: elements and texts of a page, blocks of a Word file
    nodes: int = 200_000
    #: of elements in elements
    depth: int = 400
    pages: int = 2_000
    chars: int = 5_000_000
    #: bytes and files of a Word file when it is unpacked
    inflated: int = 200 * 1024 * 1024
    files: int = 10_000


_DROPPED = {
    "script",
    "style",
    "noscript",
    "template",
    "nav",
    "iframe",
    "svg",
    "canvas",
    "head",
    "object",
    "embed",
    "button",
    "select",
    "del",
}
_BLOCKS = {
    "p",
    "div",
    "form",
    "fieldset",
    "legend",
    "details",
    "summary",
    "address",
    "caption",
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
_FENCE = re.compile(r"^ {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)$")


class ParsingError(ValueError):
    """The content cannot be read; the message says why, for the person who sent it."""


@dataclass(frozen=True)
class ParsedDocument:
    """What is stored and searched: a title (may be empty) and the text."""

    title: str
    text: str


def lines_of(lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Lines of Markdown, each with whether it is of a block of code, its fences included."""
    fence = ""
    for line in lines:
        found = _FENCE.match(line.rstrip("\r\n"))
        yield line, bool(fence or found)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not found[2].strip():
            fence = ""


def first_heading(text: str) -> str:
    """The first Markdown heading near the beginning, or ""; a comment in code is none."""
    for line, is_code in lines_of(text[:20_000].splitlines()):
        # A long line is no heading, and trying it would take quadratic time.
        if is_code or len(line) > MAX_HEADING_CHARS:
            continue
        if match := _HEADING.match(line):
            return match[1]
    return ""


def first_line(text: str) -> str:
    """The first line with something on it near the beginning: of the text, or else of its code."""
    lines = [item for item in lines_of(text[:5_000].splitlines()) if item[0].strip()]
    said = [line for line, is_code in lines if not is_code]
    said += [line for line, _ in lines if not _FENCE.match(line)]
    return said[0].strip() if said else ""


def shorten(text: str, most: int) -> str:
    """The text in at most `most` characters: cut between two words, where there are some, with "…".

    A word that is longer than half of it is cut itself.
    """
    if len(text) <= most:
        return text
    words, _, part = text[:most].rpartition(" ")
    kept = words if len(part) <= most // 2 else text[: most - 1]
    return f"{kept.rstrip(' ,;:')}…"


def read_html(content: str, bounds: Bounds) -> ParsedDocument:
    """The text of a page, without what is no text."""
    from selectolax.lexbor import LexborHTMLParser

    root = LexborHTMLParser(content).root
    if root is None:
        raise ParsingError("The content has no text.")
    title, code_depth = "", None
    blocks: list[str] = []
    parts: list[str] = []
    for node, depth, is_end in _walk(root, bounds):
        tag = node.tag or ""
        if tag == "title" and not title:
            title = " ".join((node.text() or "").split())[:500]
        if is_end and depth == code_depth:
            blocks.append(_code("".join(parts)))
            code_depth, parts = None, []
        elif is_end:
            parts.append("\n\n" if code_depth is None and tag in _BLOCKS else "")
        elif tag == "-text":
            parts.append(node.text_content or "")
        elif code_depth is not None:
            parts.append("\n" if tag in _BLOCKS else "")
        elif tag == "pre":
            blocks.append(_prose("".join(parts)))
            code_depth, parts = depth, []
        elif _is_read(tag):
            parts.append(_opening(tag))
    blocks.append(_prose("".join(parts)))
    text = "\n\n".join(block for block in blocks if block)
    return ParsedDocument(title or first_heading(text), _tidy(text))


def _walk(root: Any, bounds: Bounds) -> Iterator[tuple[Any, int, bool]]:
    """Each node with its depth, twice: where it begins and, true, where it ends.

    By hand and not by recursion: the nesting is the sender's.
    """
    node, depth, count = root, 0, 0
    while node is not None:
        count += 1
        if count > bounds.nodes:
            raise ParsingError(f"The HTML has more than {bounds.nodes:,} parts.")
        if depth > bounds.depth:
            raise ParsingError(f"The HTML is nested more than {bounds.depth:,} levels deep.")
        yield node, depth, False
        tag = node.tag or ""
        if _is_read(tag) and tag != "title" and node.first_child is not None:
            node, depth = node.first_child, depth + 1
            continue
        yield node, depth, True
        while node.next is None and node.parent is not None:
            node, depth = node.parent, depth - 1
            yield node, depth, True
        node = node.next


def _is_read(tag: str) -> bool:
    return tag not in _DROPPED or tag == "head"


def _prose(text: str) -> str:
    text = re.sub(r"[ \t\r\f\v]+", " ", text)
    return re.sub(r" ?\n[ \n]*\n ?", "\n\n", text).strip()


def _code(text: str) -> str:
    """Fenced, so that its indentation stays and no line of it is taken for a heading."""
    lines = re.sub(r"\r\n?", "\n", text).strip("\n")
    fence = "~~~" if "```" in lines else "```"
    return f"{fence}\n{lines}\n{fence}" if lines.strip() else ""


def _opening(tag: str) -> str:
    if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
        return f"\n\n{'#' * int(tag[1])} "
    if tag == "li":
        return "\n- "
    if tag in ("td", "th"):
        return " | "
    return "\n\n" if tag in _BLOCKS else ""


def read_pdf(content: bytes, bounds: Bounds) -> ParsedDocument:
    """The text of a PDF's pages, one after the other."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise ParsingError("The PDF is encrypted. Save it without a password.")
        count = len(reader.pages)
        if count > bounds.pages:
            raise ParsingError(f"The PDF has {count:,} pages; at most {bounds.pages:,} are read.")
        title = str((reader.metadata.title if reader.metadata else "") or "").strip()
        text = "\n\n".join(_bounded((page.extract_text() for page in reader.pages), bounds))
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, ParsingError):
            raise
        raise ParsingError("The PDF is damaged or cut off.") from error
    except NotImplementedError as error:
        raise ParsingError("The PDF is encrypted in a way that cannot be read.") from error
    if not text.strip():
        raise ParsingError("The PDF has no text; is it a scan? Put it through OCR first.")
    return ParsedDocument(title[:500], _tidy(text))


def read_docx(content: bytes, bounds: Bounds) -> ParsedDocument:
    """A Word file's headings, paragraphs, lists and tables in their order, then its notes."""
    from docx import Document
    from docx.table import Table

    _check_archive(content, bounds)
    try:
        document = Document(io.BytesIO(content))
        title = (document.core_properties.title or "").strip()
        _lay_open(document)
        parts = []
        for block in _bounded_blocks(document.iter_inner_content(), bounds):
            if isinstance(block, Table):
                parts.append("\n".join(_rows(block)))
            else:
                parts.append(_paragraph(block))
    except ParsingError:
        raise
    except Exception as error:
        raise ParsingError("The Word file is damaged.") from error
    text = "\n\n".join(part for part in parts if part.strip())
    if not text.strip():
        raise ParsingError("The Word file has no text.")
    return ParsedDocument(title[:500] or first_heading(text), text)


#: what stands around text that is read, and what is not: text deleted or moved away under "track
#: changes", and the copy of a text box for old programs
_UNWRAPPED = ["ins", "moveTo", "sdt", "sdtContent", "smartTag", "fldSimple", "customXml"]
_LEFT_OUT = ["del", "moveFrom", "sdtPr", "sdtEndPr", "smartTagPr", "customXmlPr"]


def _lay_open(document: Any) -> None:
    """Let all text stand where python-docx looks for it: the text as if all changes were accepted.

    python-docx 1.2 reads runs and links that are children of a paragraph, and paragraphs that are
    children of the body: neither inserted text nor fields, content controls, boxes and notes.
    """
    from docx.oxml import parse_xml
    from docx.oxml.ns import qn

    body = document.element.body
    for relation in document.part.rels.values():
        if relation.reltype.endswith(("/footnotes", "/endnotes")):
            body.extend(parse_xml(relation.target_part.blob).iter(qn("w:p")))
    for element in list(body.iter(_FALLBACK, *(qn(f"w:{name}") for name in _LEFT_OUT))):
        element.getparent().remove(element)
    for box in list(body.iter(qn("w:txbxContent"))):
        holder = next(box.iterancestors(qn("w:p")))
        for block in reversed(box):
            holder.addnext(block)
    # The innermost first: what a wrapper holds is whole before it takes the wrapper's place.
    for element in reversed(list(body.iter(*(qn(f"w:{name}") for name in _UNWRAPPED)))):
        for child in reversed(element):
            element.addnext(child)
        element.getparent().remove(element)


def _rows(table: Any) -> Iterator[str]:
    """The rows of a table; of merged cells the first has the text, the others are empty."""
    seen = set()
    for row in table.rows:
        texts = []
        for cell in row.cells:
            texts.append("" if cell._tc in seen else " ".join(cell.text.split()))
            seen.add(cell._tc)
        yield " | ".join(texts)


def _paragraph(block: Any) -> str:
    style = (block.style.name if block.style is not None else "") or ""
    text = block.text.strip()
    if not text:
        return ""
    if style == "Title":
        return f"# {text}"
    if style.startswith("Heading ") and style[8:].isdigit():
        return f"{'#' * min(int(style[8:]), 6)} {text}"
    return f"- {text}" if style.startswith("List") else text


def _check_archive(content: bytes, bounds: Bounds) -> None:
    """Before anything is unpacked: is this a Word file, and not a bomb?"""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
            inflated = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise ParsingError("The Word file is damaged.") from error
    if "word/document.xml" not in names:
        raise ParsingError("This is not a Word file (.docx).")
    if inflated > bounds.inflated or len(names) > bounds.files:
        raise ParsingError("The Word file is too large when it is unpacked.")


def _bounded(parts: Iterator[str], bounds: Bounds) -> Iterator[str]:
    size = 0
    for part in parts:
        size += len(part)
        if size > bounds.chars:
            raise ParsingError(f"The text has more than {bounds.chars:,} characters.")
        yield part


def _bounded_blocks(blocks: Iterator[Any], bounds: Bounds) -> Iterator[Any]:
    for number, block in enumerate(blocks):
        if number >= bounds.nodes:
            raise ParsingError(f"The Word file has more than {bounds.nodes:,} paragraphs.")
        yield block


def _tidy(text: str) -> str:
    """Words whole, where they could have been broken; without NUL and halves of characters."""
    text = text.replace("\xad\n", "").replace("\xad", "").replace("\x00", "")
    return text.encode("utf-8", "ignore").decode()


READERS: dict[str, Callable[[bytes, Bounds], ParsedDocument]] = {
    HTML: lambda content, bounds: read_html(content.decode(), bounds),
    PDF: read_pdf,
    DOCX: read_docx,
}


def main(kind: str, bounds: Bounds) -> None:
    """Read standard input as `kind` and write `{"title", "text"}` to standard output."""
    parsed = READERS[kind](sys.stdin.buffer.read(), bounds)
    sys.stdout.write(json.dumps(asdict(parsed), ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1], Bounds(**json.loads(sys.argv[2])))
