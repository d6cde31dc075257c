"""Feeds: what a page follows as "kind:<id>", drawn by the feature that the kind belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import render_template

from webapp.core.actor import Actor
from webapp.core.feature import contributions

#: `draw(id, actor)` → HTML parts for a socket; raises a DomainError where the actor may not see
Draw = Callable[[str, Actor], str]


@dataclass(frozen=True)
class Feed:
    """What sockets may follow as "kind:<id>", and how it is drawn."""

    kind: str
    draw: Draw


def draw_revision(element_id: str, revision: object) -> str:
    """The part that tells a page to fetch its own parts again, because the revision is another."""
    return render_template("components/_revision.html", id=element_id, revision=revision)


def find_draw(name: str) -> tuple[Draw, str] | None:
    """The function that draws the feed "kind:<id>", with that id."""
    kind, _, item_id = name.partition(":")
    draw = next((feed.draw for feed in contributions(Feed) if feed.kind == kind), None)
    return (draw, item_id) if draw and item_id else None
