"""Feed `webhooks:all`: that something is to be seen anew on the settings pages of webhooks."""

from __future__ import annotations

import time

from webapp.core import live
from webapp.core.actor import Actor, Role


def _draw_revision(_item_id: str, actor: Actor) -> str:
    actor.require(Role.ADMIN)
    return live.draw_revision("webhooks-revision", time.time_ns())


FEEDS = (live.Feed("webhooks", _draw_revision),)
