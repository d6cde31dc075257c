"""Feed `documents:all`: that the documents, or what they are about, have changed."""

from __future__ import annotations

from webapp import index
from webapp.core import live
from webapp.core.actor import Actor


def _draw(_item_id: str, actor: Actor) -> str:
    return live.draw_revision("documents-revision", index.read_revision(actor.organization_id))


FEEDS = (live.Feed("documents", _draw),)
