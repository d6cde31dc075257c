"""How counts, sizes and percentages read, in templates (filters of these names) and sentences."""

from __future__ import annotations

from jinja2.filters import do_filesizeformat


def plural(count: int, noun: str, nouns: str = "") -> str:
    """The word alone: "topic" for one, else `nouns`, or the noun with an s."""
    return noun if count == 1 else nouns or f"{noun}s"


def counted(count: int, noun: str, nouns: str = "") -> str:
    """A number with its noun: "1 topic", "1,204 topics", "2 branches"."""
    return f"{count:,} {plural(count, noun, nouns)}"


def size(byte_count: int) -> str:
    """A size in decimal units: "1 byte", "755 bytes", "1.2 kB"."""
    return counted(byte_count, "byte") if byte_count < 1000 else do_filesizeformat(byte_count)


def percent(value: float) -> str:
    """Of a hundred, for a reader: one decimal where there is one, "87.5 %", "40 %".

    Only what is whole is 100 %, and only what is nothing 0 %: 99.96 is "99.9 %".
    """
    shown = round(value, 1)
    if 0 < value < 100:
        shown = min(max(shown, 0.1), 99.9)
    return f"{shown:.1f}".removesuffix(".0") + " %"
