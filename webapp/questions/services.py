"""Ask and search: from a query to ranked passages, and to the events of a stream."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from webapp import index
from webapp.agents import services as agents
from webapp.agents.figures import announce_figures
from webapp.agents.models import Agent
from webapp.agents.permissions import EXECUTIONS_RUN
from webapp.core import clock, live
from webapp.core.actor import Actor
from webapp.core.database import outcomes
from webapp.core.database.transactions import snapshot, time_limit
from webapp.core.errors import Conflict, Unavailable
from webapp.core.extensions import db
from webapp.core.http.prefix import link
from webapp.documents.filters import select_documents
from webapp.documents.models import Chunk, Document
from webapp.index import Strategy
from webapp.questions.figures import count_question
from webapp.questions.models import Question
from webapp.questions.schemas import (
    QueryRequest,
    QueryResponse,
    Result,
    ResultMetadata,
    SearchRequest,
    SearchResponse,
)
from webapp.questions.unanswered.changes import note_question
from webapp.taxonomies.references import Topics, find_roots

#: a search that takes longer is given up (docs/contract/knowledge.md, search-time)
SEARCH_SECONDS = 3


def ask_agent(reference: str | UUID, body: QueryRequest, *, actor: Actor) -> QueryResponse:
    """The best passages for a question in the agent's scope (docs/contract/knowledge.md, query).

    `top_k` is the body's, else the agent's own, else 5. Counts the question on the agent. Raises
    Conflict where the agent is paused, Unavailable where the search takes more than 3 s.
    """
    agent = get_asked_agent(reference, actor=actor)
    answer = _answer(agent, body)
    _count_question(agent, answer)
    return _without_metadata(answer) if not body.include_metadata else answer


def answer_again(reference: str | UUID, body: QueryRequest, *, actor: Actor) -> QueryResponse:
    """What `ask_agent` answers, for somebody who only looks at it again: nothing is counted."""
    return _answer(get_asked_agent(reference, actor=actor), body)


def answer_running(agent_id: UUID, body: QueryRequest, *, actor: Actor) -> QueryResponse:
    """The same for an execution that runs: it goes on when its agent is paused."""
    actor.require(EXECUTIONS_RUN)
    return _answer(agents.get_agent(agent_id, actor=actor), body)


def get_asked_agent(reference: str | UUID, *, actor: Actor) -> Agent:
    """The agent, for who may ask it; Conflict where it is paused and answers nobody."""
    actor.require(EXECUTIONS_RUN)
    agent = agents.get_agent(reference, actor=actor)
    if agent.paused:
        raise Conflict(
            f"{agent.name} is paused and answers nobody.",
            code="agent_paused",
            suggestions=["Resume it in its settings, or ask another agent."],
        )
    return agent


def search_documents(body: SearchRequest, *, actor: Actor) -> SearchResponse:
    """The best passages in all documents of the organization, or in those of some topics.

    Raises BadReference on unknown topics, Unavailable where it takes more than 3 s.
    """
    topics = Topics(actor.organization_id)
    topics.load(body.version, body.nodes)
    chosen = select_documents(topics.find(body.version, body.nodes) or None, body.filters)
    started = time.perf_counter()
    results, notice = _find(
        actor.organization_id,
        body.query,
        body.top_k,
        body.strategy,
        chosen,
        keyword_weight=body.keyword_weight,
        is_explained=body.explain,
    )
    return SearchResponse(
        query=body.query,
        results=results,
        total_results=len(results),
        query_time_ms=round((time.perf_counter() - started) * 1000, 3),
        retrieval_strategy=Strategy.KEYWORD if notice else body.strategy,
        notice=notice,
        executed_at=clock.now(),
    )


def started_event(agent_id: UUID) -> dict[str, Any]:
    """The first event of a stream, before anything is searched."""
    return {"status": "started", "agent_id": str(agent_id)}


def result_events(answer: QueryResponse) -> Iterator[dict[str, Any]]:
    """What follows the start: each result, then completed.

    See docs/contract/knowledge.md, S-REQ-010.
    """
    for position, result in enumerate(answer.results):
        yield {"index": position, **result.model_dump(mode="json")}
    ending = answer.model_dump(mode="json", exclude={"agent_id", "query", "results"})
    yield {"status": "completed", **ending}


def _answer(agent: Agent, body: QueryRequest) -> QueryResponse:
    strategy = Strategy(agent.retrieval_config.get("strategy", "hybrid"))
    started = time.perf_counter()
    roots = find_roots(agent.scope_id) if agent.taxonomy_node_ids else None
    chosen = select_documents(roots, body.filters)
    results, notice = _find(
        agent.organization_id, body.query, body.top_k or agent.top_k, strategy, chosen
    )
    return QueryResponse(
        agent_id=agent.id,
        query=body.query,
        results=results,
        total_results=len(results),
        query_time_ms=round((time.perf_counter() - started) * 1000, 3),
        retrieval_strategy=Strategy.KEYWORD if notice else strategy,
        notice=notice,
        executed_at=clock.now(),
    )


def _without_metadata(answer: QueryResponse) -> QueryResponse:
    for result in answer.results:
        result.metadata = None
    return answer


def _find(
    organization_id: UUID,
    query: str,
    top_k: int,
    strategy: Strategy,
    chosen: index.Filter | None,
    **options: Any,
) -> tuple[list[Result], str | None]:
    snapshot()
    try:
        with time_limit(SEARCH_SECONDS):
            return _read_results(organization_id, query, top_k, strategy, chosen, **options)
    except TimeoutError as error:
        raise Unavailable(
            f"The search took more than {SEARCH_SECONDS} s.",
            code="search_timeout",
            suggestions=["Ask again in a moment, or with fewer words."],
            retry_after=5,
        ) from error
    except DBAPIError:
        # The commit below would fail, too, and hide what went wrong.
        with outcomes.ending():
            db.session.rollback()
        raise
    finally:
        # Ends the snapshot: what comes next may write, and must see the present.
        db.session.commit()


def _read_results(
    organization_id: UUID,
    query: str,
    top_k: int,
    strategy: Strategy,
    chosen: index.Filter | None,
    **options: Any,
) -> tuple[list[Result], str | None]:
    """The best passages, each text once; what neither words nor meaning speak for is no result."""
    # More than are shown, because copies of one text are left out below.
    limit = min(4 * top_k, index.MAX_HITS)
    while True:
        hits = index.search(
            organization_id, query, top_k=limit, strategy=strategy, only=chosen, **options
        )
        relevant = [hit for hit in hits if round(hit.score, 6) > 0 or hit.confidence > 0]
        distinct, rows = _distinct(organization_id, relevant, top_k)
        if len(distinct) == top_k or len(hits) < limit or limit == index.MAX_HITS:
            break
        limit = index.MAX_HITS
    results = [
        Result(
            doc_id=row.document_id,
            chunk_id=row.id,
            content=row.text,
            score=round(hit.score, 6),
            metadata=ResultMetadata(
                title=row.title,
                heading_path=row.heading_path,
                position=row.position,
                external_id=row.external_id,
                source_url=row.source_url,
                content_type=row.content_type,
                document_url=link(f"/documents/{row.document_id}?passage={row.id}#chunk-{row.id}"),
                bm25=round(hit.bm25, 6),
                cosine=round(hit.cosine, 6),
                confidence=hit.confidence,
                terms=hit.terms,
                highlights=index.highlights(query, row.text),
            ),
        )
        for hit in distinct
        if (row := rows[hit.chunk_id])
    ]
    return results, hits.notice


def _distinct(
    organization_id: UUID, hits: list[index.Hit], top_k: int
) -> tuple[list[index.Hit], dict[int, Any]]:
    """The first `top_k` hits whose passage is there, of several with the same text the best.

    With the passages by id; no more are read than it takes.
    """
    best: dict[str, index.Hit] = {}
    rows: dict[int, Any] = {}
    for start in range(0, len(hits), top_k):
        part = hits[start : start + top_k]
        rows |= _read_chunks(organization_id, [hit.chunk_id for hit in part])
        for hit in part:
            if hit.chunk_id in rows:
                best.setdefault(rows[hit.chunk_id].text, hit)
        if len(best) >= top_k:
            break
    return list(best.values())[:top_k], rows


def _read_chunks(organization_id: UUID, ids: list[int]) -> dict[int, Any]:
    """Passages with what is shown of their documents, by id.

    The organization is compared here: as a condition it leads SQLite to walk all documents of the
    organization where there are many ids.
    """
    rows = db.session.execute(
        select(
            Chunk.id,
            Chunk.text,
            Chunk.position,
            Chunk.heading_path,
            Chunk.document_id,
            Document.title,
            Document.external_id,
            Document.source_url,
            Document.content_type,
            Document.organization_id,
        )
        .join(Document, Document.id == Chunk.document_id)
        .where(Chunk.id.in_(ids))
    )
    return {row.id: row for row in rows if row.organization_id == organization_id}


def _count_question(agent: Agent, answer: QueryResponse) -> None:
    results, milliseconds, now = answer.results, answer.query_time_ms, answer.executed_at
    count_question(agent, is_answered=answer.is_answered, milliseconds=milliseconds, at=now)
    db.session.add(
        Question(
            organization_id=agent.organization_id,
            agent_id=agent.id,
            text=answer.query,
            result_count=len(results),
            best_score=results[0].score if results else None,
            query_time_ms=milliseconds,
            confidence=answer.confidence,
            created_at=now,
        )
    )
    note_question(agent, answer.query, answer.confidence, now)
    announce_figures(agent.id, agent.organization_id)
    live.announce("questions:all", agent.organization_id)
    db.session.commit()
