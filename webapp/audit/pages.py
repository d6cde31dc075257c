"""`/audit`: who did what to which thing, with its filters in the address."""

from __future__ import annotations

from flask import Blueprint, Response
from pydantic import Field

from webapp.audit import services, wording
from webapp.audit.permissions import AUDIT_READ
from webapp.core.ranges import Range
from webapp.core.schemas import Query
from webapp.core.security import current_actor, requires
from webapp.core.web import page, read_query

bp = Blueprint("audit", __name__)


class AuditQuery(Query):
    who: str = Field("", max_length=320)
    what: str = Field("", max_length=60)
    thing: str = Field("", max_length=300)
    range: Range | None = None
    #: the entries of one request, each by itself
    request: str = Field("", max_length=128)
    #: only entries with a lower id: where the part before ended
    before: int | None = Field(None, ge=1, le=2**63 - 1)


@bp.get("/audit")
@requires(AUDIT_READ)
def index() -> Response:
    query = read_query(AuditQuery)
    entries, older = services.list_entries(
        actor=current_actor(),
        who=query.who,
        action=query.what,
        thing=query.thing,
        span=query.range.span if query.range else None,
        request_id=query.request,
        before=query.before,
    )
    return page(
        "audit/index.html",
        fragment="audit/_list.html",
        entries=entries,
        older=older,
        query=query,
        wording=wording,
        ranges=list(Range),
    )
