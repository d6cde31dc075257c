"""Feeds: what a page follows as "kind:<id>", drawn by the feature that the kind belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, render_template

from webapp.core.actor import Actor
from webapp.core.feature import contributions
from webapp.core.live.logs import Log

#: `draw(id, actor)` → HTML parts for a socket; raises a DomainError where the actor may not see
Draw = Callable[[str, Actor], str]


@dataclass(frozen=True)
class Feed:
    """What sockets may follow as "kind:<id>", drawn anew with every change.

    `follows` names feeds of features above it that change it too, "{id}" being its own id.
    """

    kind: str
    draw: Draw
    follows: tuple[str, ...] = ()

    def sources(self, item_id: str) -> list[str]:
        """All feeds whose announcement changes this one's item."""
        return [f"{self.kind}:{item_id}", *(name.format(id=item_id) for name in self.follows)]


def draw_revision(element_id: str, revision: object) -> str:
    """The part that tells a page to fetch its own parts again, because the revision is another."""
    return render_template("components/_revision.html", id=element_id, revision=revision)


def sources_of(name: str, app: Flask) -> list[str]:
    """All feeds whose announcement changes what is followed as "kind:<id>"."""
    kind, _, item_id = name.partition(":")
    feed = next((feed for feed in contributions(Feed, app) if feed.kind == kind), None)
    return feed.sources(item_id) if feed else [name]


def find(name: str) -> tuple[Feed | Log | None, str]:
    """What is followed as "kind:<id>", with that id; None where there is no such thing."""
    kind, _, item_id = name.partition(":")
    known: list[Feed | Log] = [*contributions(Feed), *contributions(Log)]
    feed = next((feed for feed in known if feed.kind == kind), None)
    return (feed if item_id else None), item_id
