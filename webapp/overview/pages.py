"""`/` and `/palette`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request

from webapp.agents import services as agents
from webapp.audit import services as audit
from webapp.audit import wording
from webapp.core import clock, navigation
from webapp.core.actor import ORGANIZATION_READ, Actor
from webapp.core.ranges import Range
from webapp.core.schemas import Query
from webapp.core.security import current_actor, requires
from webapp.core.web import page, read_query
from webapp.coverage import services as coverage
from webapp.documents import services as documents
from webapp.questions import services as questions
from webapp.questions.unanswered import services as unanswered

bp = Blueprint("overview", __name__)


class OverviewQuery(Query):
    range: Range = Range.HOUR


@bp.get("/")
@requires(ORGANIZATION_READ)
def show() -> Response:
    actor, query = current_actor(), read_query(OverviewQuery)
    times, counts = questions.count_over_time(
        actor=actor, span=query.range.span, step=query.range.step
    )
    return page(
        "overview/show.html",
        fragment="overview/_chart.html",
        **overview(actor),
        series={"x": times, "y": counts},
        range=query.range,
        ranges=list(Range),
    )


@bp.get("/palette")
@requires(ORGANIZATION_READ)
def palette() -> Response:
    """The command palette's results: pages, actions, and what the features find."""
    actor, q = current_actor(), request.args.get("q", "").strip()[:100]
    groups = navigation.palette(q, actor)
    return Response(render_template("overview/_palette_results.html", groups=groups, query=q))


def overview(actor: Actor) -> dict[str, Any]:
    """What the page and its live frames show to this actor."""
    return {
        "agent_count": agents.count_agents(actor=actor),
        "document_count": documents.count_documents(actor=actor),
        "question_count": questions.count_questions(
            actor=actor, since=clock.now() - timedelta(days=1)
        ),
        "questions_revision": questions.read_revision(actor),
        "least_covered": coverage.least_covered(actor=actor, limit=8),
        "most_asked": unanswered.most_asked(actor=actor, limit=5),
        "activity": audit.latest(actor.organization_id),
        "wording": wording,
    }
