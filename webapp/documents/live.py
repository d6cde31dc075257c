"""Feed `documents:all`: that the documents, or what they are about, have changed."""

from __future__ import annotations

from flask import render_template

from webapp import index
from webapp.core import live
from webapp.core.actor import Actor


def _draw(_item_id: str, actor: Actor) -> str:
    pulse = str(index.read_revision(actor.organization_id))
    return render_template("components/_pulse.html", id="documents-pulse", pulse=pulse)


FEEDS = (live.Feed("documents", _draw),)
