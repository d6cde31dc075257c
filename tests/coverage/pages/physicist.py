"""What the tests of coverage's pages look at: an agent that knows about physics, and its page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from selectolax.lexbor import LexborHTMLParser

from tests.browser import words_of

PAGE = "/agents/physicist/coverage"
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def text_of(page: LexborHTMLParser, selector: str) -> str:
    """What the one element says, its white space made even."""
    (element,) = page.css(selector)
    return words_of(element)
