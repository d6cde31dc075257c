"""Topic `overview:all`: the figures, the chart and the activity of an organization."""

from __future__ import annotations

from apiflask import APIFlask
from flask import render_template

from webapp.core import live
from webapp.core.actor import Actor


def init_app(_app: APIFlask) -> None:
    live.register("overview", _draw)


def _draw(_item_id: str, actor: Actor) -> str:
    from webapp.overview.pages import overview

    return render_template("overview/_frames.html", **overview(actor))
