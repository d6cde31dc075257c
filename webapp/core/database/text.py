"""Texts as searches compare them."""

from __future__ import annotations

import unicodedata


def fold(text_: str) -> str:
    """A text as searches compare it: without case, in one Unicode form."""
    return unicodedata.normalize("NFKC", text_).casefold()


def like_pattern(text_: str) -> str:
    """`%text%` for `ilike(..., escape="\\")`, with the text's own `%` and `_` taken literally."""
    escaped = text_.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
