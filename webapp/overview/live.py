"""Feeds `overview:all`, the figures and the chart, and the log `audit:all`, the activity."""

from __future__ import annotations

from collections.abc import Sequence

from flask import render_template

from webapp.audit import services as audit
from webapp.audit import wording
from webapp.audit.models import AuditEntry
from webapp.core import live
from webapp.core.actor import Actor


def _draw(_item_id: str, actor: Actor) -> str:
    from webapp.overview.pages import overview

    return render_template("overview/_frames.html", **overview(actor, is_kept=True))


def _newest(_item_id: str, actor: Actor) -> int:
    return audit.latest_id(actor.organization_id)


def _read(_item_id: str, actor: Actor, after: int, limit: int) -> list[AuditEntry]:
    return audit.entries_after(after, actor.organization_id, limit=limit)


def _draw_entries(entries: Sequence[AuditEntry], _actor: Actor) -> str:
    newest_first = audit.join_acts(entries)
    return render_template("overview/_entries.html", activity=newest_first, wording=wording)


FEEDS = (
    live.Feed("overview", _draw, follows=("agents:all", "documents:all", "questions:all")),
    live.Log("audit", _newest, _read, _draw_entries),
)
