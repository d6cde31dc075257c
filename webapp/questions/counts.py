"""How many questions were asked, and when; how many documents an agent answers from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from sqlalchemy import column, func, select, values

from webapp.agents.models import Agent
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.database.types import UtcDateTime
from webapp.core.extensions import db
from webapp.documents import services as documents
from webapp.questions.models import Question
from webapp.taxonomies.models import Scope

#: after everything that is dated
_END = datetime(9999, 12, 31, tzinfo=UTC)


def count_over_time(
    *, actor: Actor, span: timedelta, step: timedelta
) -> tuple[list[int], list[int]]:
    """Unix times at which the last `span`'s steps begin, and the questions asked in each.

    Steps are multiples of `step` since 1970; the last one is not over yet, and has what a clock
    ahead of ours has dated. Each is a range of one index: grouping would look at every row.
    """
    size, count = int(step.total_seconds()), span // step
    start = (int(clock.now().timestamp()) // size - count + 1) * size
    begins = [start + size * place for place in range(count)]
    edges = [datetime.fromtimestamp(begin, UTC) for begin in begins] + [_END]
    columns = (column("begin", UtcDateTime), column("end", UtcDateTime))
    steps = values(*columns, name="steps").data(list(pairwise(edges))).cte()
    asked = (
        select(func.count())
        .where(
            Question.organization_id == actor.organization_id,
            Question.created_at >= steps.c.begin,
            Question.created_at < steps.c.end,
        )
        .scalar_subquery()
    )
    rows = db.session.execute(select(steps.c.begin, asked).order_by(steps.c.begin))
    return begins, [count for _, count in rows]


def count_questions(*, actor: Actor, since: datetime) -> int:
    statement = select(func.count()).where(
        Question.organization_id == actor.organization_id, Question.created_at >= since
    )
    return db.session.scalar(statement) or 0


def read_revision(actor: Actor) -> str:
    """Another text whenever an agent of the organization was asked.

    What a wrong clock has dated later than now stays the newest, and must not hide the others.
    """
    newest = select(func.max(Question.created_at)).where(
        Question.organization_id == actor.organization_id
    )
    until_now = newest.where(Question.created_at <= clock.now())
    row = db.session.execute(select(newest.scalar_subquery(), until_now.scalar_subquery())).one()
    return " ".join(clock.iso(moment) for moment in row if moment)


def count_documents_of(agent: Agent, *, actor: Actor) -> int:
    """How many documents an agent answers from."""
    if not agent.taxonomy_node_ids:
        return documents.count_documents("ready", actor=actor)
    statement = select(Scope.document_count).where(Scope.id == agent.scope_id)
    return db.session.scalar(statement) or 0


def count_questions_of(agent: Agent) -> int:
    return db.session.scalar(select(func.count()).where(Question.agent_id == agent.id)) or 0
