"""Topic `documents:all`: that the documents, or what they are about, have changed."""

from __future__ import annotations

from apiflask import APIFlask
from flask import render_template

from webapp import index
from webapp.core import live
from webapp.core.actor import Actor


def init_app(_app: APIFlask) -> None:
    live.register("documents", _draw)


def _draw(_item_id: str, actor: Actor) -> str:
    pulse = str(index.read_revision(actor.organization_id))
    return render_template("components/_pulse.html", id="documents-pulse", pulse=pulse)
