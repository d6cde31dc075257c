"""`/` and `/palette`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request

from webapp.accounts import samples as sample_data
from webapp.accounts.permissions import ORGANIZATION_WRITE
from webapp.agents import services as agents
from webapp.agents.permissions import AGENTS_WRITE
from webapp.audit import services as audit
from webapp.audit import wording
from webapp.core import clock, navigation
from webapp.core.actor import ORGANIZATION_READ, Actor
from webapp.core.errors import Invalid
from webapp.core.ranges import Range
from webapp.core.schemas import Query, read
from webapp.core.security import current_actor, needs_no, requires
from webapp.core.web import page, read_query, redirect_to
from webapp.coverage import services as coverage
from webapp.documents import services as documents
from webapp.documents.schemas import DocumentRequest
from webapp.executions.figures import count_present
from webapp.overview import first_steps, samples
from webapp.questions import counts as questions
from webapp.questions.unanswered import services as unanswered
from webapp.taxonomies.permissions import KNOWLEDGE_WRITE

bp = Blueprint("overview", __name__)


class OverviewQuery(Query):
    range: Range = Range.HOUR


@bp.get("/")
@requires(ORGANIZATION_READ)
@needs_no(audit="that a first step was seen done is no change that somebody makes")
def show() -> Response:
    actor, query = current_actor(), read_query(OverviewQuery)
    times, counts = questions.count_over_time(
        actor=actor, span=query.range.span, step=query.range.step
    )
    return page(
        "overview/show.html",
        fragment="overview/_chart.html",
        **overview(actor, is_kept=True),
        present=count_present(actor=actor),
        series={"x": times, "y": counts},
        range=query.range,
        ranges=list(Range),
    )


@bp.get("/palette")
@requires(ORGANIZATION_READ)
def palette() -> Response:
    """The command palette's results: pages, actions, and what the features find."""
    actor, q = current_actor(), request.args.get("q", "").strip()[:100]
    groups = navigation.palette(q, actor, request.args.get("agent", ""))
    return Response(render_template("overview/_palette_results.html", groups=groups, query=q))


@bp.post("/first-steps/text")
@requires(KNOWLEDGE_WRITE)
def add_text() -> Response:
    """Store what was pasted into the first steps as a document."""
    content = request.form.get("content", "").strip().replace("\r\n", "\n")
    if not content:
        raise Invalid("Paste a text first.", field="content")
    body = read(DocumentRequest, {"content": content})
    document = documents.create_document(body, actor=current_actor())
    return redirect_to("overview.show", message=f"“{document.title}” is ready.")


@bp.post("/first-steps/samples")
@requires(AGENTS_WRITE)
def add_samples() -> Response:
    return redirect_to("overview.show", message=sample_data.seed(current_actor()))


@bp.post("/first-steps/dismissal")
@requires(ORGANIZATION_WRITE)
def dismiss_first_steps() -> Response:
    first_steps.dismiss_first_steps(actor=current_actor())
    return redirect_to("overview.show")


def overview(actor: Actor, *, is_kept: bool = False) -> dict[str, Any]:
    """What the page and its live frames show to this actor; `is_kept` as first steps have it."""
    return {
        "first_steps": first_steps.read_first_steps(actor=actor, is_kept=is_kept),
        "guide_handle": samples.GUIDE_HANDLE,
        "sample_question": first_steps.SAMPLE_QUESTION,
        "agent_count": agents.count_agents(actor=actor),
        "document_count": documents.count_documents("ready", actor=actor),
        "question_count": questions.count_questions(
            actor=actor, since=clock.now() - timedelta(days=1)
        ),
        "questions_revision": questions.read_revision(actor),
        "least_covered": coverage.least_covered(actor=actor, limit=8),
        "most_asked": unanswered.most_asked(actor=actor, limit=5),
        "activity": audit.latest(actor.organization_id),
        "wording": wording,
    }
