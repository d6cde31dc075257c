"""An agent's coverage: the figures, the map, the tree, the gaps, the history; one topic of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from flask import Blueprint, Response, render_template, request, url_for

from webapp import index
from webapp.agents import services as agents
from webapp.agents.figures import figures_of
from webapp.agents.models import Agent
from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.schemas import AgentUpdate
from webapp.core import clock
from webapp.core.errors import Invalid
from webapp.core.lists import MAX_OFFSET, Offset, Page
from webapp.core.ranges import Range
from webapp.core.security import current_actor, requires
from webapp.core.web import is_htmx, page, read_query, redirect_to, whole_number
from webapp.coverage import refresh as refreshing
from webapp.coverage import services, targets
from webapp.coverage.forms import AlertForm, TargetForm
from webapp.coverage.map import draw_map
from webapp.coverage.models import DEFAULT_TARGET
from webapp.coverage.schemas import GapQuery, HistoryQuery
from webapp.coverage.topics import ScopeTopics
from webapp.coverage.tree import draw_tree, list_level
from webapp.documents import services as documents
from webapp.documents.schemas import DocumentQuery
from webapp.questions.unanswered import services as questions
from webapp.taxonomies import services as taxonomies
from webapp.taxonomies.permissions import KNOWLEDGE_READ, KNOWLEDGE_WRITE

HALF_A_DAY, MINUTE = timedelta(hours=12), timedelta(minutes=1)

bp = Blueprint("coverage", __name__, url_prefix="/agents/<handle>/coverage")

THRESHOLDS = (0.25, 0.5, 0.75, 1.0)
#: gaps listed at once; the API answers all
MAX_GAPS = 50
MAX_QUESTIONS = 20
#: gaps and questions on the agent's own page
PANEL_ROWS = 4
#: branches of a larger tree are folded below the second level
MAX_OPEN = 60


class GapPageQuery(GapQuery):
    offset: Offset = 0


class HistoryPageQuery(HistoryQuery):
    """A time up to now goes before days; one that the page does not know is no refusal."""

    range: str = ""

    @property
    def span(self) -> timedelta | None:
        return Range(self.range).span if self.range in set(Range) else None

    @property
    def is_unknown(self) -> bool:
        return self.range not in {"", "all", *Range}


def draw_panel(agent: Agent) -> str:
    """What an agent knows and does not, for its own page."""
    actor = current_actor()
    topics = ScopeTopics.of(agent)
    measured = services.summarize(agent, topics) if agent.taxonomy_node_ids else None
    return render_template(
        "coverage/_panel.html",
        agent=agent,
        coverage=measured,
        gaps=services.list_gaps(topics, measured, GapQuery().threshold, limit=PANEL_ROWS)
        if measured
        else [],
        unanswered=questions.list_unanswered(agent.id, actor=actor, limit=PANEL_ROWS),
        document_count=0 if measured else documents.count_documents("ready", actor=actor),
    )


@bp.get("")
@requires(KNOWLEDGE_READ)
def show(handle: str) -> Response:
    """The whole page; or, for a tree that opens it, the branch below the topic `under`."""
    agent = agents.get_agent(handle, actor=current_actor())
    under = request.args.get("under", type=UUID)
    if under is not None and is_htmx():
        return _branch(agent, under)
    return _coverage_page(agent, AlertForm.of(agent))


@bp.post("")
@requires(AGENTS_WRITE)
def set_alert(handle: str) -> Response:
    actor = current_actor()
    agent = agents.get_agent(handle, actor=actor)
    form, base = AlertForm(), agent.current_version
    if form.validate():
        with form.refusing():
            body = AgentUpdate(
                features_config=form.to_features(agent), version_note="The alert of its coverage"
            )
            saved = agents.update_agent(agent.id, body, actor=actor, if_match=f'"v{base}"')
            is_new = saved.current_version != base
            message = f"The alert is set, as version {saved.current_version}."
            return redirect_to(
                "coverage.show",
                handle=saved.handle,
                message=message if is_new else "Nothing has changed.",
            )
    return _coverage_page(agent, form, status=422)


@bp.post("/refresh")
@requires(KNOWLEDGE_WRITE)
def refresh(handle: str) -> Response:
    refreshing.start_refresh(handle, actor=current_actor())
    message = "Coverage is refreshed in the background."
    return redirect_to("coverage.show", handle=handle, message=message)


@bp.post("/unanswered/<uuid:question_id>/dismissal")
@requires(KNOWLEDGE_WRITE)
def dismiss(handle: str, question_id: UUID) -> Response:
    questions.dismiss_question(handle, question_id, actor=current_actor())
    return redirect_to(
        "coverage.show", handle=handle, message="Dismissed. Asked again, it comes back."
    )


@bp.get("/topics/<uuid:node_id>")
@requires(KNOWLEDGE_READ)
def topic(handle: str, node_id: UUID) -> Response:
    agent = agents.get_agent(handle, actor=current_actor())
    return _topic_page(agent, node_id, TargetForm(formdata=None))


@bp.post("/topics/<uuid:node_id>")
@requires(KNOWLEDGE_WRITE)
def set_target(handle: str, node_id: UUID) -> Response:
    actor = current_actor()
    agent = agents.get_agent(handle, actor=actor)
    form = TargetForm()
    if form.validate():
        with form.refusing():
            targets.set_targets(agent.id, {node_id: form.target.data}, actor=actor)
            return redirect_to("coverage.show", handle=handle, message="The target is set.")
    return _topic_page(agent, node_id, form, status=422)


def _coverage_page(agent: Agent, alert: AlertForm, *, status: int = 200) -> Response:
    actor = current_actor()
    query = read_query(GapPageQuery)
    figures = figures_of(agent)
    topics = ScopeTopics.of(agent)
    measured = services.summarize(agent, topics, with_children=True)
    task = refreshing.running_refresh(agent)
    measured_at = figures.values["last_coverage_update"]
    roots = draw_tree(topics, measured)
    history, problem = services.History(agent.id, [], None, None), ""
    unknown_range = ""
    try:
        dates = read_query(HistoryPageQuery)
        start, end = dates.start_date, dates.end_date
        if dates.span:
            end = clock.now()
            start = end - dates.span
        if dates.is_unknown:
            unknown_range = dates.range[:20]
        history = services.get_history(agent.id, actor=actor, start=start, end=end)
    except Invalid as error:
        is_reversed = error.code == "dates_reversed"
        problem = "The first day is after the last one." if is_reversed else error.message
        status = 422
    return page(
        "coverage/show.html",
        fragment="coverage/_coverage.html",
        status=status,
        agent=agent,
        figures=figures.values,
        alert=alert,
        coverage=measured,
        roots=roots,
        areas=draw_map(topics, measured, roots),
        topic_url=_topic_urls(agent.handle),
        gaps=_list_gaps(topics, measured, query),
        threshold=query.threshold,
        thresholds=THRESHOLDS,
        history=history,
        series=_series(history),
        span=_span(history),
        dates=request.args,
        ranges=[Range.DAY, Range.WEEK, Range.MONTH],
        dates_problem=problem,
        unknown_range=unknown_range,
        task=task,
        is_awaited=task is not None or refreshing.is_awaited(agent, measured_at),
        max_open=MAX_OPEN,
        default_target=DEFAULT_TARGET,
        unanswered=questions.list_unanswered(agent.id, actor=actor, limit=MAX_QUESTIONS),
        coverage_revision=refreshing.revision_of(agent, figures),
        documents_revision=index.read_revision(agent.organization_id),
    )


def _topic_urls(handle: str) -> Callable[[UUID], str]:
    """The addresses of an agent's topics; Flask takes as long for each of hundreds as for one."""
    none = UUID(int=0)
    before, after = url_for("coverage.topic", handle=handle, node_id=none).split(str(none))
    return lambda node_id: f"{before}{node_id}{after}"


def _list_gaps(topics: ScopeTopics, measured: services.Summary, query: GapPageQuery) -> Page:
    gaps = services.list_gaps(
        topics, measured, query.threshold, limit=MAX_GAPS, offset=query.offset
    )
    total = sum(measured.gap_counts(query.threshold).values())
    return Page(gaps, total, MAX_GAPS, query.offset)


def _branch(agent: Agent, node_id: UUID) -> Response:
    topics = ScopeTopics.of(agent)
    under = topics.find(node_id)
    return page(
        "coverage/_branch.html",
        agent=agent,
        under=node_id,
        level=list_level(topics, under.node_id, whole_number("offset", 0, 0, MAX_OFFSET)),
        max_open=MAX_OPEN,
    )


def _topic_page(agent: Agent, node_id: UUID, form: TargetForm, *, status: int = 200) -> Response:
    actor = current_actor()
    topic = ScopeTopics.of(agent).find(node_id)
    own_target = services.get_target(agent, node_id)
    if not form.is_submitted():
        form.target.data = own_target
    form.target.render_kw = {"placeholder": topic.wanted}
    return page(
        "coverage/topic.html",
        status=status,
        agent=agent,
        node=taxonomies.get_node(node_id, actor=actor),
        document_count=topic.documents,
        target=topic.wanted,
        own_target=own_target,
        percent=services.share(topic.documents, topic.wanted),
        documents=documents.list_documents(DocumentQuery(node=node_id, limit=20), actor=actor),
        form=form,
    )


def _series(history: services.History) -> dict[str, list[float]]:
    # What is dated after the newest was measured by a wrong clock, and would squeeze the others.
    newest = history.history[0].timestamp if history.history else None
    entries = [entry for entry in history.history[::-1] if newest and entry.timestamp <= newest]
    return {
        "x": [round(entry.timestamp.timestamp(), 3) for entry in entries],
        "y": [entry.overall_coverage for entry in entries],
    }


def _span(history: services.History) -> tuple[float, float] | None:
    """What the chart shows, in seconds: the chosen days and all points, or a day with one.

    One point stands in the middle of its day, or as near to it as the day ends by now.
    """
    if not history.history:
        return None
    first, last = history.history[-1].timestamp, history.history[0].timestamp
    start, end = history.start_date or first, history.end_date or last
    if end - start < MINUTE:
        end = max(end, min(end + HALF_A_DAY, clock.now()))
        start = end - 2 * HALF_A_DAY
    return start.timestamp(), end.timestamp()
