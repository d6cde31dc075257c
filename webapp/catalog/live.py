"""Feed `models:all`: that something is to be seen anew on the pages of models."""

from __future__ import annotations

import time

from webapp.catalog.permissions import MODELS_READ
from webapp.core import live
from webapp.core.actor import Actor


def _draw_revision(_item_id: str, actor: Actor) -> str:
    actor.require(MODELS_READ)
    return live.draw_revision("models-revision", time.time_ns())


FEEDS = (live.Feed("models", _draw_revision),)
