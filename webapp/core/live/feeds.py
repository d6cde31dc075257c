"""Feeds: what a page follows as "kind:<id>", drawn by the feature that the kind belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import render_template

from webapp.core.actor import Actor
from webapp.core.feature import contributions
from webapp.core.live.logs import Log

#: `draw(id, actor)` → HTML parts for a socket; raises a DomainError where the actor may not see
Draw = Callable[[str, Actor], str]


@dataclass(frozen=True)
class Feed:
    """What sockets may follow as "kind:<id>", drawn anew with every change."""

    kind: str
    draw: Draw


def draw_revision(element_id: str, revision: object) -> str:
    """The part that tells a page to fetch its own parts again, because the revision is another."""
    return render_template("components/_revision.html", id=element_id, revision=revision)


def find(name: str) -> tuple[Feed | Log | None, str]:
    """What is followed as "kind:<id>", with that id; None where there is no such thing."""
    kind, _, item_id = name.partition(":")
    known: list[Feed | Log] = [*contributions(Feed), *contributions(Log)]
    found = next((feed for feed in known if feed.kind == kind), None)
    return (found if item_id else None), item_id
