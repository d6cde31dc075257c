"""Questions to begin with: what an agent has answered lately, else sections of documents."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select

from webapp.agents.models import Agent
from webapp.core.actor import Actor
from webapp.core.extensions import db
from webapp.documents.models import Chunk, Document, DocumentStatus
from webapp.documents.topics.counts import documents_under
from webapp.questions.models import Question
from webapp.questions.unanswered.models import MIN_CONFIDENCE
from webapp.taxonomies.references import find_roots

EXAMPLES = 3
#: how many questions and documents are looked through, and passages of each document
RECENT_QUESTIONS = 50
DOCUMENTS = 10
FIRST_PASSAGES = 8
MAX_CHARS = 80


def questions_to_try(agent: Agent, *, actor: Actor) -> list[str]:
    """At most three questions that the agent has an answer to."""
    recent = (
        select(Question.text, Question.confidence)
        .where(Question.agent_id == agent.id)
        .order_by(Question.created_at.desc())
        .limit(RECENT_QUESTIONS)
    )
    answered = _first_of(
        row.text for row in db.session.execute(recent) if (row.confidence or 0) >= MIN_CONFIDENCE
    )
    if answered:
        return answered
    if not agent.taxonomy_node_ids:
        return searches_to_try(actor=actor)
    # A document about several topics comes several times; to sort them all would read them all.
    in_scope = documents_under(find_roots(agent.scope_id)).limit(3 * DOCUMENTS)
    return _sections(list(dict.fromkeys(db.session.scalars(in_scope))))


def searches_to_try(*, actor: Actor) -> list[str]:
    """At most three headings of the organization's newest documents, one of each."""
    newest = (
        select(Document.id)
        .where(
            Document.organization_id == actor.organization_id,
            Document.status == DocumentStatus.READY,
        )
        .order_by(Document.created_at.desc(), Document.id.desc())
        .limit(DOCUMENTS)
    )
    return _sections(list(db.session.scalars(newest)))


def _sections(document_ids: list[UUID]) -> list[str]:
    """What the first sections of documents are called, where that is more than a word."""
    passages = (
        select(Chunk.document_id, Chunk.heading_path)
        .where(Chunk.document_id.in_(document_ids), Chunk.position < FIRST_PASSAGES)
        .order_by(Chunk.position)
    )
    headings: dict[UUID, str] = {}
    for document_id, path in db.session.execute(passages):
        if path and len(path[-1].split()) > 1:
            headings.setdefault(document_id, path[-1].replace("`", ""))
    return _first_of(headings[number] for number in document_ids if number in headings)


def _first_of(texts: Iterable[str]) -> list[str]:
    """The first few that are short and differ."""
    distinct = {" ".join(text.casefold().split()): text for text in texts if len(text) <= MAX_CHARS}
    return list(distinct.values())[:EXAMPLES]
