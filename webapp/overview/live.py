"""Feeds `overview:all`, the figures and the chart, and `audit:all`, the activity."""

from __future__ import annotations

from flask import render_template

from webapp.audit import services as audit
from webapp.audit import wording
from webapp.core import live
from webapp.core.actor import Actor


def _draw(_item_id: str, actor: Actor) -> str:
    from webapp.overview.pages import overview

    return render_template("overview/_frames.html", **overview(actor))


def _draw_activity(_item_id: str, actor: Actor) -> str:
    activity = audit.latest(actor.organization_id)
    return render_template("overview/_activity_frame.html", activity=activity, wording=wording)


FEEDS = (live.Feed("overview", _draw), live.Feed("audit", _draw_activity))
