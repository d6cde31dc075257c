"""Feed `webhooks:all`: that something is to be seen anew on the settings pages of webhooks."""

from __future__ import annotations

import time

from webapp.core import live
from webapp.core.actor import Actor
from webapp.webhooks.permissions import WEBHOOKS_READ


def _draw_revision(_item_id: str, actor: Actor) -> str:
    actor.require(WEBHOOKS_READ)
    return live.draw_revision("webhooks-revision", time.time_ns())


FEEDS = (live.Feed("webhooks", _draw_revision),)
