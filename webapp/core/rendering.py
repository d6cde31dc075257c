"""Texts that strangers wrote, as HTML: Markdown drawn, every other kind as it stands.

Nothing of a text becomes markup of its own: HTML in it is escaped, images are told by their
words, and links lead to the web, to a mailbox or to where the caller says that a relative address
leads; others are their words. Headings go below those of the page. Spans to mark are laid on what
has been read: a mark never changes what is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import pairwise, takewhile
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

MARKDOWN = "text/markdown"

#: start and end in characters, end excluded
Span = tuple[int, int]

#: of a text that is folded this many lines are seen, about; what is a little longer is shown whole
FOLDED_LINES = 8
MAX_LINES = 11
#: characters of a line, as the style has it
LINE_CHARS = 72
#: of a part of a table without its head that is drawn as one
MAX_COLUMNS = 40

_SCHEMES = frozenset({"http", "https", "mailto"})
_FENCE = re.compile(r"^ {0,3}(?:```+|~~~+)(.*)$")
_DELIMITERS = re.compile(r"^ {0,3}\|?[ \t]*:?-+:?[ \t]*(\||$)")
#: what no row begins with: code, a fence, a list, a quotation, a heading
_NO_ROW = re.compile(r"^ {0,3}(?: {4}|\t|```|~~~|(?:[-+*>]|#{1,6}|\d+[.)])[ \t])")
_CELL_END = re.compile(r"(?<!\\)\|")
_CELLS = re.compile(r"(?:\\.|[^|\\])+\\?(?:\||$)|\|")
#: as the reader of Markdown counts them
_LINE_END = re.compile(r"\r\n?|\n")
_WORD = re.compile(r"\w+")
#: a word that may be longer than a line, and as many of its last letters as stay together
_LONG_WORD = re.compile(r"\w{15,}")
_END = 5
#: of a link, or of a reference that links have
_ADDRESS = re.compile(
    r"\]\([ \t]*<?([^()\s<>]+)|^ {0,3}\[[^\]\n]{1,200}\]:[ \t]*<?([^\s<>]+)", re.M
)


def keep_ends(text: str) -> Markup:
    """A name or a sentence whose long words take their last letters to the next line together.

    Where a column is narrower than a word it breaks anywhere; else a single letter may go down.
    """
    marked = _LONG_WORD.sub(
        lambda word: f'{word[0][:-_END]}<span class="word-end">{word[0][-_END:]}</span>',
        str(escape(text)),
    )
    return Markup(marked)  # noqa: S704 - escaped, but for the elements put in here


class Fold(StrEnum):
    """Whether a text is short enough to be shown whole, and whether its first mark is far down."""

    WHOLE = "whole"
    FOLDED = "folded"
    OPEN = "open"


def render(
    text: str,
    kind: str = MARKDOWN,
    *,
    below: int = 2,
    spans: Sequence[Span] = (),
    in_code: bool | None = None,
    lead: Callable[[str], str | None] = lambda _: None,
) -> Markup:
    """`text` as HTML with its spans in <mark>, its headings one level and more below `below`.

    `kind` is a content type. `in_code` says whether a part of a longer text begins within a block
    of code; None guesses. `lead` says which page a relative address stands for, if any.
    """
    if kind != MARKDOWN:
        return Markup('<div class="verbatim">{}</div>').format(marked(text, spans))
    before = _what_is_cut_off(text, in_code)
    moved = len(before)
    tokens = _reader.parse(before + text)
    _settle(tokens, below, is_headless=before.startswith("|"))
    _lead(tokens, lead)
    if spans:
        _mark(tokens, before + text, [(start + moved, end + moved) for start, end in spans])
    # The renderer escapes everything that is not its own markup.
    return Markup(_reader.renderer.render(tokens, _reader.options, {}))  # noqa: S704 - as said


def render_line(text: str) -> Markup:
    """One line of Markdown, such as a heading, without a paragraph around it."""
    return Markup(_reader.renderInline(text))  # noqa: S704 - escaped by the renderer


def marked(content: str, spans: Sequence[Span]) -> Markup:
    """`content` with its spans in <mark>, everything escaped."""
    parts, end = [], 0
    for start, stop in spans:
        parts.append(Markup("{}<mark>{}</mark>").format(content[end:start], content[start:stop]))
        end = stop
    return Markup("").join([*parts, escape(content[end:])])


def fold(text: str, spans: Sequence[Span] = ()) -> Fold:
    """How a passage is shown; decided here, so that it needs no script and moves nothing."""
    lines = [max(1, -(-len(line) // LINE_CHARS)) for line in text.splitlines()]
    if sum(lines) <= MAX_LINES:
        return Fold.WHOLE
    first = text[: spans[0][0]] if spans else ""
    above = sum(max(1, -(-len(line) // LINE_CHARS)) for line in first.splitlines())
    return Fold.OPEN if above >= FOLDED_LINES - 1 else Fold.FOLDED


def ends_in_code(text: str, begins_in_code: bool | None) -> bool:
    """Whether a block of code goes on behind this part of a text."""
    is_code = bool(_what_is_cut_off(text, begins_in_code).startswith("```"))
    for line in text.splitlines():
        if _FENCE.match(line):
            is_code = not is_code
    return is_code


def _what_is_cut_off(text: str, in_code: bool | None) -> str:
    """What must stand before a part of a longer text for its code or its table to be one."""
    lines = [line for line in text.splitlines() if line.strip()]
    if in_code or (in_code is None and _seems_in_code(lines)):
        return "```\n"
    return _head_of_table(text)


def _head_of_table(text: str) -> str:
    """A head without words for the rows that a part of a text begins with, or "".

    Where it begins within a row, the cells that stood before what is left of it are here too.
    """
    rows = list(takewhile(str.strip, text.splitlines()))
    if not rows or not _CELL_END.search(rows[0]) or _NO_ROW.match(rows[0]):
        return ""
    if any(_DELIMITERS.match(row) for row in rows[1:2]):
        return ""  # it has its own
    counts = [len(_CELLS.findall(row.strip().removeprefix("|"))) for row in rows]
    width = max(counts)
    if not 0 < width <= MAX_COLUMNS:
        return ""
    words, delimiters = f"|{' |' * width}\n", f"|{'-|' * width}\n"
    if _DELIMITERS.match(rows[0]):
        return words
    if rows[0].lstrip().startswith("|"):
        return words + delimiters
    is_end_of_row = rows[0].rstrip().endswith("|")
    if is_end_of_row and all(row.lstrip().startswith("|") for row in rows[1:2]):
        return words + delimiters + "|" + " |" * (width - counts[0])
    are_open = len(rows) > 1 and len(set(counts)) == 1 and not any(map(_NO_ROW.match, rows))
    return words + delimiters if are_open and "`" not in text else ""


def _seems_in_code(lines: list[str]) -> bool:
    """One fence alone, which names no language and ends the text, is the end of a block."""
    fences = [found for line in lines if (found := _FENCE.match(line))]
    return len(fences) % 2 == 1 and not fences[0][1].strip() and bool(_FENCE.match(lines[-1]))


def _settle(tokens: list[Token], below: int, *, is_headless: bool) -> None:
    """Give headings their levels on the page, and take from a table the head that it has not."""
    above: list[int] = []
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            level = int(token.tag[1])
            above = [*(other for other in above if other < level), level]
            token.tag = tokens[number + 2].tag = f"h{min(6, below + len(above))}"
        elif token.type in ("th_open", "td_open"):
            if align := token.attrs.pop("style", ""):
                token.attrSet("class", str(align).replace("text-align:", "align-"))
            if token.type == "th_open" and not tokens[number + 1].content:
                token.tag = tokens[number + 2].tag = "td"
    if is_headless:
        types = [token.type for token in tokens]
        if "thead_open" in types:
            del tokens[types.index("thead_open") : types.index("thead_close") + 1]


def relative_addresses(text: str) -> Iterator[str]:
    """Where the links of a Markdown text lead that name neither a site nor a mailbox, about."""
    for found in _ADDRESS.finditer(text):
        if _is_relative(found[1] or found[2]):
            yield unquote(found[1] or found[2])


def _lead(tokens: Iterable[Token], lead: Callable[[str], str | None]) -> None:
    """Let relative links lead where they can, and be words that tell their address elsewhere."""
    for token in tokens:
        is_kept: list[bool] = []
        for leaf in token.children or []:
            if leaf.type == "link_open":
                address = str(leaf.attrs["href"])
                target = lead(unquote(address)) if _is_relative(address) else address
                is_kept.append(target is not None)
                if target is None:
                    leaf.tag, leaf.attrs = "span", {"title": unquote(address)}
                else:
                    leaf.attrSet("href", target)
            elif leaf.type == "link_close" and not is_kept.pop():
                leaf.tag = "span"


def _mark(tokens: list[Token], source: str, spans: list[Span]) -> None:
    """Tell each token that shows text which parts of it the spans of the source cover."""
    starts = [0, *(found.end() for found in _LINE_END.finditer(source))]
    starts += [len(source), len(source)]
    cursor, end = 0, len(source)
    for token in tokens:
        if token.map:
            cursor, end = max(cursor, starts[token.map[0]]), starts[token.map[1]]
        for leaf in (token.children or []) if token.type == "inline" else [token]:
            if leaf.type in ("text", "code_inline", "fence", "code_block"):
                covered: list[Span] = []
                for at, found, length in _places(leaf.content, source, cursor, end):
                    cursor = found + length
                    covered += [
                        (at + max(start, found) - found, at + min(stop, cursor) - found)
                        for start, stop in spans
                        if start < cursor and stop > found
                    ]
                leaf.meta["spans"] = covered


def _places(content: str, source: str, cursor: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Where parts of a content stand in the source: place in the one, place in the other, length.

    A line that does not stand there as it is, because it has lost an escape or its indentation, is
    looked for by its words.
    """
    for at, line in _lines(content):
        words = [(0, line)]
        if source.find(line, cursor, end) < 0:
            words = [(word.start(), word[0]) for word in _WORD.finditer(line)]
        for start, word in words:
            found = source.find(word, cursor, end)
            if found >= 0:
                cursor = found + len(word)
                yield at + start, found, len(word)


def _lines(content: str) -> Iterator[tuple[int, str]]:
    """The lines of a text, each with its place in it."""
    ends = [-1, *(found.start() for found in re.finditer("\n", content)), len(content)]
    for before, end in pairwise(ends):
        if end > before + 1:
            yield before + 1, content[before + 1 : end]


class _Renderer(RendererHTML):
    """Draws what is shown as text with its marks; the methods are called like the tokens."""

    def text(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        return _drawn(tokens[idx])

    def code_inline(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        return f"<code>{_drawn(tokens[idx])}</code>"

    def fence(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        # Of a block that a longer text was cut in, there may be the fence alone.
        code = _drawn(tokens[idx])
        return f"<pre><code>{code}</code></pre>\n" if code.strip() else ""

    def code_block(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        return self.fence(tokens, idx)

    def image(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        words = self.renderInlineAsText(tokens[idx].children, options, env)
        return f'<span class="picture">{escape(words or "picture")}</span>'

    def table_open(self, *_: Any) -> str:
        # What scrolls must be in reach of the keyboard.
        return '<div class="wide" role="group" aria-label="Table" tabindex="0"><table>\n'

    def table_close(self, *_: Any) -> str:
        return "</table></div>\n"

    def blockquote_open(self, *_: Any) -> str:
        return '<blockquote dir="auto">\n'

    def bullet_list_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        # Its marks stand on the side where its words begin.
        tokens[idx].attrSet("dir", "auto")
        return self.renderToken(tokens, idx, options, env)

    ordered_list_open = bullet_list_open

    def link_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        if tokens[idx].tag == "a":
            tokens[idx].attrSet("rel", "noopener noreferrer")
        return self.renderToken(tokens, idx, options, env)


def _drawn(token: Token) -> Markup:
    return marked(token.content, token.meta.get("spans", ()))


def _is_harmless(address: str) -> bool:
    """Whether a link may lead there: the web, a mailbox, or an address relative to the page."""
    start = re.split(r"[/?#]", address, maxsplit=1)[0]
    return ":" not in start or start.partition(":")[0].lower() in _SCHEMES


def _is_relative(address: str) -> bool:
    """Whether a harmless address names no site; also one that lacks the scheme alone names one."""
    return not address.startswith("//") and ":" not in re.split(r"[/?#]", address, maxsplit=1)[0]


_reader = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer)
_reader.enable(["table", "strikethrough"])
_reader.validateLink = _is_harmless  # type: ignore[assignment, method-assign]  # named so to be set
