"""`/audit`: who did what to which thing, with its filters in the address."""

from __future__ import annotations

from flask import Blueprint, Response

from webapp.audit import services, wording
from webapp.audit.api import export_response
from webapp.audit.permissions import AUDIT_READ
from webapp.audit.schemas import REFUSED, AuditQuery, PageExportQuery
from webapp.core.ranges import Range
from webapp.core.security import current_actor, requires
from webapp.core.web import page, read_query

bp = Blueprint("audit", __name__)


@bp.get("/audit")
@requires(AUDIT_READ)
def index() -> Response:
    query = read_query(AuditQuery)
    entries, older = services.list_entries(
        query.selection, actor=current_actor(), before=query.before
    )
    return page(
        "audit/index.html",
        fragment="audit/_list.html",
        entries=entries,
        older=older,
        query=query,
        filters=query.model_dump(
            mode="json", by_alias=True, exclude_defaults=True, exclude={"before"}
        ),
        wording=wording,
        actions={REFUSED: "anything refused"} | wording.actions(),
        ranges=list(Range),
    )


@bp.get("/audit/export")
@requires(AUDIT_READ)
def export() -> Response:
    """All that the page's filters show, as a file."""
    query = read_query(PageExportQuery)
    return export_response(query.format, query.selection)
