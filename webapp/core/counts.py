"""How counts and sizes read, in templates (filters of the same names) and in sentences."""

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
