"""`/` and `/palette`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for

from webapp.agents import services as agents
from webapp.agents.models import Agent, Environment
from webapp.agents.schemas import AgentQuery
from webapp.audit import services as audit
from webapp.audit import wording
from webapp.core import clock
from webapp.core.actor import Actor, Role
from webapp.core.security import current_actor, requires
from webapp.core.web import page
from webapp.coverage import services as coverage
from webapp.documents import services as documents
from webapp.documents.schemas import DocumentQuery
from webapp.overview.navigation import SECTIONS, SETTINGS
from webapp.questions import services as questions
from webapp.questions.unanswered import services as unanswered

bp = Blueprint("overview", __name__)

#: pages beside the sections of the sidebar
OTHERS = (("Hand-offs", "agent_handoffs.show"), ("Taxonomies", "taxonomies.index"))


@bp.get("/")
@requires(Role.VIEWER)
def show() -> Response:
    return page("overview/show.html", **overview(current_actor()))


@bp.get("/palette")
@requires(Role.VIEWER)
def palette() -> Response:
    """The command palette's results: pages, then agents, then documents."""
    actor, q = current_actor(), request.args.get("q", "").strip()[:100]
    groups = [
        {"label": "Pages", "items": _pages(q, actor)},
        {"label": "Agents", "items": _agents(q, actor)},
        {"label": "Documents", "items": _documents(q, actor)},
    ]
    found = [group for group in groups if group["items"]]
    return Response(render_template("components/_palette_results.html", groups=found, query=q))


def overview(actor: Actor) -> dict[str, Any]:
    """What the page and its live frames show to this actor."""
    times, counts = questions.questions_per_minute(actor=actor)
    return {
        "agent_count": agents.count_agents(actor=actor),
        "document_count": documents.count_documents(actor=actor),
        "question_count": questions.count_questions(
            actor=actor, since=clock.now() - timedelta(days=1)
        ),
        "series": {"x": times, "y": counts},
        "least_covered": coverage.least_covered(actor=actor, limit=8),
        "most_asked": unanswered.most_asked(actor=actor, limit=5),
        "activity": audit.latest(actor.organization_id),
        "wording": wording,
    }


def _pages(q: str, actor: Actor) -> list[dict[str, str]]:
    pages = [(label, endpoint) for label, endpoint, _, _ in SECTIONS] + [*SETTINGS, *OTHERS]
    if actor.can(Role.ADMIN):
        pages += [
            ("New agent", "agents.new"),
            ("Import agents", "agent_transfer.new"),
            ("Add documents", "documents.new"),
        ]
    return [
        {"label": label, "href": url_for(endpoint), "hint": ""}
        for label, endpoint in pages
        if q.lower() in label.lower()
    ]


def _agents(q: str, actor: Actor) -> list[dict[str, str]]:
    found = agents.list_agents(AgentQuery(q=q, limit=6), actor=actor)
    return [
        {
            "label": agent.name,
            "href": url_for("agents.show", handle=agent.handle),
            "hint": _hint(agent),
        }
        for agent in found.items
    ]


def _hint(agent: Agent) -> str:
    running = agent.runs(Environment.PRODUCTION)
    return f"{agent.handle} · {running['semver'] if running else agent.status}"


def _documents(q: str, actor: Actor) -> list[dict[str, str]]:
    found = documents.list_documents(DocumentQuery(q=q, limit=6), actor=actor)
    return [
        {
            "label": document.title,
            "href": url_for("documents.show", document_id=document.id),
            "hint": document.external_id or "",
        }
        for document in found.items
    ]
