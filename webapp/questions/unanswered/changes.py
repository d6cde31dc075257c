"""Gather the questions that found little, inside of the transaction that answers them."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from webapp import engine
from webapp.agents.models import Agent
from webapp.core import live
from webapp.core.arrays import np
from webapp.core.database.transactions import get_locked
from webapp.core.extensions import db
from webapp.index.embedding import local_embedder
from webapp.questions.unanswered.models import MIN_CONFIDENCE, UnansweredQuestion

#: from this cosine on, two questions mean the same
SAME = 0.75
#: compared with a new one: those of an agent that were asked last
MAX_COMPARED = 500
#: changes are gathered for so long before questions are tried again
SETTLING_SECONDS = 5


#: what a question is made of; "?" asks nothing that a document could answer
_WORD = re.compile(r"[^\W\d_]")


def note_question(agent: Agent, text: str, confidence: float, at: datetime) -> None:
    """Gather a question if it has words and found little, in the running transaction."""
    if confidence >= MIN_CONFIDENCE or not _WORD.search(text):
        return
    vector = local_embedder.embed([text])[0]
    known = db.session.execute(
        select(UnansweredQuestion.id, UnansweredQuestion.text, UnansweredQuestion.vector)
        .where(UnansweredQuestion.agent_id == agent.id)
        .order_by(UnansweredQuestion.last_asked_at.desc())
        .limit(MAX_COMPARED)
    ).all()
    # "Error 404" is not "error 500", however near they are in meaning.
    numbers = _numbers(text)
    known = [row for row in known if _numbers(row.text) == numbers]
    same_id = None
    if known:
        vectors = np.frombuffer(b"".join(row.vector for row in known), dtype="<f2")
        cosines = vectors.reshape(len(known), -1).astype(np.float32) @ vector
        nearest = int(cosines.argmax())
        same_id = known[nearest].id if cosines[nearest] >= SAME else None
    same = lock_question(same_id) if same_id else None
    if same is not None:
        same.ask_again(confidence, at)
    else:
        db.session.add(
            UnansweredQuestion(
                organization_id=agent.organization_id,
                agent_id=agent.id,
                text=text,
                vector=vector.astype("<f2").tobytes(),
                confidence=confidence,
                first_asked_at=at,
                last_asked_at=at,
            )
        )
    live.announce(f"unanswered:{agent.id}", agent.organization_id)


def _numbers(text: str) -> list[str]:
    return sorted(re.findall(r"\d+(?:[.,:]\d+)*", text))


def lock_question(question_id: UUID) -> UnansweredQuestion | None:
    """The question, locked and freshly read; None where it is gone."""
    question: UnansweredQuestion | None = get_locked(
        select(UnansweredQuestion).where(UnansweredQuestion.id == question_id)
    )
    return question


def schedule_closing(organization_id: UUID) -> None:
    """Have open questions tried again soon after documents have changed (Receiver).

    Those of agents that answer from all documents; what other agents know changes with their
    scope, which is watched by whoever measures it.
    """
    engine.enqueue_debounced(
        db.session(),
        "unanswered",
        {"organization_id": str(organization_id)},
        seconds=SETTLING_SECONDS,
        priority=8,
    )
