"""The search page, and an agent's Ask page."""

from __future__ import annotations

from flask import Blueprint, Response, request

from webapp.agents import services as agents
from webapp.agents.models import Agent
from webapp.agents.permissions import EXECUTIONS_RUN
from webapp.core.errors import DomainError
from webapp.core.http.prefix import link
from webapp.core.schemas import read
from webapp.core.security import current_actor, needs_no, requires
from webapp.core.web import page, redirect_to, whole_number
from webapp.documents import services as documents
from webapp.index import Strategy
from webapp.index.embedding import get_embedder
from webapp.questions import counts, examples, services
from webapp.questions.schemas import QueryRequest, SearchRequest
from webapp.taxonomies.forms import draw_picker, read_topics
from webapp.taxonomies.permissions import KNOWLEDGE_READ

bp = Blueprint("questions", __name__)


@bp.get("/search")
@requires(KNOWLEDGE_READ)
def search() -> Response:
    """The workbench: what is found, by which strategy and weights, in which topics, and why."""
    answer, error, actor = None, None, current_actor()
    about = read_topics(request.args.getlist("about"))
    if request.args.get("q", "").strip():
        try:
            values = {
                "query": request.args["q"],
                "strategy": request.args.get("strategy") or "hybrid",
                "top_k": whole_number("top_k", 10, 1, 50),
                "keyword_weight": request.args.get("weight", type=float),
                "explain": True,
                "nodes": about,
            }
            answer = services.search_documents(read(SearchRequest, values), actor=actor)
        except DomainError as refused:
            error = refused.message
    return page(
        "questions/search.html",
        fragment="questions/_results.html",
        answer=answer,
        error=error,
        strategies=list(Strategy),
        picker=draw_picker("about", about, label="Topics", placeholder="All topics"),
        examples=[] if answer or error else examples.searches_to_try(actor=actor),
        weight=request.args.get("weight", default_weight(), type=float),
        document_count=documents.count_documents("ready", actor=actor),
    )


@bp.get("/agents/<handle>/ask")
@requires(EXECUTIONS_RUN)
def ask(handle: str) -> Response:
    """The Ask page; `?q=` shows an answer again, `?draft=` fills a question in; neither counts."""
    return _ask_page(agents.get_agent(handle, actor=current_actor()), request.args.get("q", ""))


@bp.post("/agents/<handle>/ask")
@requires(EXECUTIONS_RUN)
@needs_no(audit="a question is counted")
def send_question(handle: str) -> Response:
    """Ask without JavaScript: count the question, then show its answer at its own address."""
    agent, question = agents.get_agent(handle, actor=current_actor()), request.form.get("q", "")
    try:
        services.ask_agent(agent.id, read(QueryRequest, {"query": question}), actor=current_actor())
    except DomainError as error:
        return _ask_page(agent, question, error=error.message)
    return redirect_to("questions.ask", handle=agent.handle, q=question)


def _ask_page(agent: Agent, question: str, *, error: str | None = None) -> Response:
    actor, answer, status = current_actor(), None, 422 if error else 200
    if question.strip() and not error:
        try:
            body = read(QueryRequest, {"query": question})
            answer = services.answer_again(agent.id, body, actor=actor)
        except DomainError as refused:
            error = refused.message
    return page(
        "questions/ask.html",
        status=status,
        agent=agent,
        question=question or request.args.get("draft", ""),
        answer=answer,
        error=error,
        examples=[] if answer or error else examples.questions_to_try(agent, actor=actor),
        socket_url=link(f"/ws/ask/{agent.id}"),
        document_count=counts.count_documents_of(agent, actor=actor),
    )


def default_weight() -> float:
    """The share of keywords that the installation's embedder is used with."""
    return get_embedder().weights[0]
