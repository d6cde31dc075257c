"""Texts as searches compare them and as lists sort them."""

from __future__ import annotations

import re
import unicodedata

#: digits that the numbers in an order key have at least
_DIGITS = 8
_NUMBER = re.compile("[0-9]+")


def fold(text: str) -> str:
    """A text as searches compare it: without case, in one Unicode form."""
    return unicodedata.normalize("NFKC", text).casefold()


def order_key(text: str, limit: int) -> str:
    """What names are sorted by: folded, and "Area 2" before "Area 10"; at most `limit` characters.

    Names that differ may have the same.
    """
    return _pad(fold(text))[:limit]


def beginnings(text: str, limit: int) -> list[str]:
    """What the order keys begin with of all names that begin so, and hardly of others.

    They are several where the text ends in a number, which may be the beginning of a longer one.
    """
    whole = fold(text)
    digits = whole[len(whole.rstrip("0123456789")) :]
    if not digits or len(digits) >= _DIGITS:
        return [order_key(text, limit)]
    # What is folded is not folded once more: "ß" with an accent would be another text.
    before = _pad(whole.removesuffix(digits))[:limit]
    zeros = range(_DIGITS - len(digits), -1, -1)
    return list(dict.fromkeys(f"{before}{'0' * count}{digits}"[:limit] for count in zeros))


def _pad(folded: str) -> str:
    return _NUMBER.sub(lambda number: number[0].zfill(_DIGITS), folded)


def like_pattern(text: str) -> str:
    """`%text%` for `like(..., escape="\\")`, with the text's own `%` and `_` taken literally."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
