"""Texts cut to what a page has room for."""

from __future__ import annotations

from markupsafe import escape


def fit(text: str, limit: int) -> str:
    """As much of a text as `limit` bytes of HTML hold."""
    text = text[:limit]
    if weigh(text) <= limit:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if weigh(text[:middle]) <= limit else (low, middle - 1)
    return f"{text[:low]}…"


def weigh(text: str) -> int:
    """The bytes that a text takes in HTML."""
    return len(str(escape(text)).encode())
