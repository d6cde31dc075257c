"""What is shown once: a secret on its way from the form that made it to the page behind it.

A form's answer is a redirect, so that a reload of the page sends nothing again. The secret crosses
it sealed in the browser's own cookie: it is in no address, no log and no table. The page that shows
it takes it out. The server keeps nothing of it: an earlier cookie, put back by hand in the same
session within `LIFETIME`, shows it again, to the person who has seen it.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from flask import request, session

from webapp.core import clock, sealing
from webapp.core.security import current_actor
from webapp.core.web import is_htmx

#: who has not come to the page by then finds nothing there
LIFETIME = timedelta(minutes=10)
_KEY = "shown_once"


def show_once(page: str, **values: str) -> None:
    """Let the next visit to `page`, a name that only it uses, show these values."""
    held = {
        "page": page,
        "for": _viewer(),
        "until": (clock.now() + LIFETIME).isoformat(),
        "values": values,
    }
    session[_KEY] = sealing.seal(json.dumps(held))


def take_shown_once(page: str) -> dict[str, str]:
    """The values that wait for `page`, which are gone with this; empty where none do.

    What does not show them does not take them: HEAD, and a part of the page that htmx asks for.
    """
    if _KEY not in session or is_htmx() or request.method == "HEAD":
        return {}
    try:
        held = json.loads(sealing.unseal(session[_KEY]))
    except sealing.Unreadable:
        del session[_KEY]
        return {}
    if held["page"] != page:
        return {}
    del session[_KEY]
    is_good = held["for"] == _viewer() and clock.now() < datetime.fromisoformat(held["until"])
    return dict(held["values"]) if is_good else {}


def _viewer() -> str:
    actor = current_actor()
    return f"{actor.user_id} in {actor.organization_id}"
