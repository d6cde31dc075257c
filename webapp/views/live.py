"""The feed `views:all`: that the views over a list are others now."""

from __future__ import annotations

import time

from webapp.core import live
from webapp.core.actor import Actor


def _draw_revision(_item_id: str, _actor: Actor) -> str:
    # Each page asks for its own: a view may be its owner's alone.
    return live.draw_revision("views-revision", time.time_ns())


FEEDS = (live.Feed("views", _draw_revision),)
