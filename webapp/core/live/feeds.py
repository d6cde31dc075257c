"""Feeds: what a page follows as "kind:<id>", drawn by the feature that the kind belongs to."""

from __future__ import annotations

from collections.abc import Callable

from webapp.core.actor import Actor

#: `draw(id, actor)` → HTML parts for a socket; raises a DomainError where the actor may not see
Draw = Callable[[str, Actor], str]

_draws: dict[str, Draw] = {}


def register(kind: str, draw: Draw) -> None:
    """Let sockets follow feeds "kind:<id>", drawn by `draw`."""
    _draws[kind] = draw


def find_draw(feed: str) -> tuple[Draw, str] | None:
    """The function that draws a feed, with the feed's id."""
    kind, _, item_id = feed.partition(":")
    draw = _draws.get(kind)
    return (draw, item_id) if draw and item_id else None
