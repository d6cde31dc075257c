"""How counts, sizes and percentages read, in templates (filters of these names) and sentences."""

from __future__ import annotations

import re

from jinja2.filters import do_filesizeformat
from markupsafe import Markup, escape

#: a number that languages write in different ways
_WRITTEN = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+")


def plural(count: int, noun: str, nouns: str = "") -> str:
    """The word alone: "topic" for one, else `nouns`, or the noun with an s."""
    return noun if count == 1 else nouns or f"{noun}s"


def counted(count: int, noun: str, nouns: str = "") -> str:
    """A number with its noun: "1 topic", "1,204 topics", "2 branches"."""
    return f"{count:,} {plural(count, noun, nouns)}"


def size(byte_count: int) -> str:
    """A size in decimal units: "1 byte", "755 bytes", "1.2 kB"."""
    return counted(byte_count, "byte") if byte_count < 1000 else do_filesizeformat(byte_count)


def local(text: str) -> Markup:
    """A text of ours for a page: `locale.js` writes its numbers as the person does.

    For what stands between tags; attributes, pictures and sentences take the text itself.
    """
    marked = _WRITTEN.sub(
        lambda found: f'<data value="{found[0].replace(",", "")}">{found[0]}</data>',
        str(escape(text)),
    )
    return Markup(marked)  # noqa: S704 - escaped, but for the elements put in here


def percent(value: float) -> str:
    """Of a hundred, for a reader: one decimal where there is one, "87.5 %", "40 %".

    Only what is whole is 100 %, and only what is nothing 0 %: 99.96 is "99.9 %".
    """
    shown = round(value, 1)
    if 0 < value < 100:
        shown = min(max(shown, 0.1), 99.9)
    return f"{shown:.1f}".removesuffix(".0") + " %"
