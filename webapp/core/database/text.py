"""Texts as searches compare them."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """A text as searches compare it: without case, in one Unicode form."""
    return unicodedata.normalize("NFKC", text).casefold()


def like_pattern(text: str) -> str:
    """`%text%` for `ilike(..., escape="\\")`, with the text's own `%` and `_` taken literally."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
