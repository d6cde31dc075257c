"""`/audit`: who did what to which thing, newest first."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

import webapp.core.api  # noqa: F401  # the first of all features: views keep its way to read
from webapp.audit import services
from webapp.audit.exporting import MEDIA_TYPES, write_export
from webapp.audit.permissions import AUDIT_READ
from webapp.audit.schemas import EntriesResponse, EntryQuery, EntryResponse, ExportQuery, Format
from webapp.audit.services import Selection
from webapp.core import clock
from webapp.core.http.downloads import download
from webapp.core.security import current_actor, requires

bp = APIBlueprint("audit_api", __name__, url_prefix="/api/v1/audit", tag="Audit")

FILE = {
    200: {
        "description": "The entries as a file, one a line",
        "content": {
            MEDIA_TYPES["jsonl"]: {"schema": EntryResponse},
            MEDIA_TYPES["csv"]: {"schema": {"type": "string"}},
        },
    }
}


@bp.get("")
@requires(AUDIT_READ)
@bp.input(EntryQuery, location="query", arg_name="query")
@bp.output(EntriesResponse)
@bp.doc(operation_id="audit.list")
def index(query: EntryQuery) -> dict[str, Any]:
    """What was done, newest first, each entry by itself"""
    entries, older = services.list_entries(
        query.selection,
        actor=current_actor(),
        before=query.before,
        limit=query.limit,
        is_each=True,
    )
    return {"items": entries, "next_cursor": str(older) if older else None}


@bp.get("/export")
@requires(AUDIT_READ)
@bp.input(ExportQuery, location="query", arg_name="query")
@bp.doc(operation_id="audit.export", responses=FILE)
def export(query: ExportQuery) -> Response:
    """All matching entries, newest first, as JSON lines or CSV"""
    return export_response(query.format, query.selection)


def export_response(kind: Format, selection: Selection) -> Response:
    """The file, sent while it is read from the database."""
    actor = current_actor()
    actor.require(AUDIT_READ)  # before the answer begins, so that a refusal can still be one
    pieces = write_export(kind, selection, actor=actor)
    response = download(pieces, MEDIA_TYPES[kind], f"audit-{clock.now():%Y-%m-%d}.{kind}")
    response.headers["Cache-Control"] = "no-store"
    return response
