"""`/health` and `/health/ready`, with and without the API's base."""

from __future__ import annotations

from apiflask import APIBlueprint
from sqlalchemy import text

from webapp.core.errors import Unavailable
from webapp.core.extensions import db, limiter
from webapp.core.schemas import ResponseModel
from webapp.core.security import public

bp = APIBlueprint("health", __name__, tag="Health")


class HealthResponse(ResponseModel):
    status: str


@bp.get("/health")
@bp.get("/api/v1/health", endpoint="api_alive")
@limiter.exempt
@public
@bp.output(HealthResponse)
@bp.doc(operation_id="health.alive")
def alive() -> dict[str, str]:
    """The process answers"""
    return {"status": "ok"}


@bp.get("/health/ready")
@bp.get("/api/v1/health/ready", endpoint="api_ready")
@limiter.exempt
@public
@bp.output(HealthResponse)
@bp.doc(operation_id="health.ready")
def ready() -> dict[str, str]:
    """The process answers and reaches its database"""
    try:
        db.session.execute(text("SELECT 1"))
    except Exception as error:
        raise Unavailable("The database does not answer.") from error
    return {"status": "ok"}
