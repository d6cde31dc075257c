"""Count what executions came to, took and cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, case, false, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from webapp.agents.models import Agent
from webapp.core import clock
from webapp.core.actor import Actor
from webapp.core.database.transactions import snapshot, time_limit
from webapp.core.errors import Unavailable
from webapp.core.extensions import db
from webapp.executions.metrics.schemas import MetricsQuery
from webapp.executions.models import ExecutionUsage
from webapp.executions.permissions import EXECUTIONS_READ
from webapp.executions.services import find_agent_id
from webapp.tasks.models import Status

DEFAULT_SPAN = timedelta(days=30)
MAX_GROUPS = 100
MAX_ERRORS = 10
#: counting that takes longer is given up
COUNT_SECONDS = 10
_SUMS = ("cpu_time_ms", "model_requests", "input_tokens", "output_tokens")


class utc_day(FunctionElement[str]):
    """SQL for the day of a moment in UTC, as text."""

    inherit_cache = True
    type = String()


@compiles(utc_day)
def _utc_day_sqlite(element: utc_day, compiler: Any, **options: Any) -> str:
    return f"substr({compiler.process(element.clauses, **options)}, 1, 10)"


@compiles(utc_day, "postgresql")
def _utc_day_postgresql(element: utc_day, compiler: Any, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    return f"to_char({moment} AT TIME ZONE 'UTC', 'YYYY-MM-DD')"


@dataclass
class Sum:
    """The figures of some executions, added up."""

    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    times: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    time_ms: int = 0
    sums: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_SUMS, 0))
    cost_usd: float = 0.0
    without_price: int = 0

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def add(self, row: Any) -> None:
        """Add a row of many executions with the same status and about the same time."""
        self.counts[row.status] += row.number
        if row.status == Status.COMPLETED:
            self.times[row.about_ms] += row.number
            self.time_ms += row.time_ms
        for name in _SUMS:
            self.sums[name] += getattr(row, name)
        self.cost_usd += row.cost_usd or 0.0
        self.without_price += row.number - row.priced

    def described(self) -> dict[str, Any]:
        """As the API says it."""
        good, bad = self.counts[Status.COMPLETED], self.counts[Status.FAILED]
        return {
            "executions": {
                "total": self.total,
                "successful": good,
                "failed": bad,
                "cancelled": self.counts[Status.CANCELLED],
                "successRate": round(good / (good + bad), 4) if good + bad else None,
            },
            "performance": {
                "average": round(self.time_ms / good, 1) if good else None,
                "median": self._percentile(0.5),
                "p95": self._percentile(0.95),
                "p99": self._percentile(0.99),
            },
            "resources": self.sums
            | {"cost_usd": round(self.cost_usd, 8), "without_price": self.without_price},
        }

    def _percentile(self, share: float) -> float | None:
        """The least time that so many do not exceed."""
        total = sum(self.times.values())
        seen = 0
        for milliseconds, count in sorted(self.times.items()):
            seen += count
            if seen >= share * total:
                return float(milliseconds)
        return None


def count_executions(query: MetricsQuery, *, actor: Actor) -> dict[str, Any]:
    """What the executions that ended within a time came to (docs/contract/executions.md, metrics).

    Raises Unavailable where that takes more than 10 s.
    """
    actor.require(EXECUTIONS_READ)
    until = query.until or clock.now()
    since = query.since or clock.shift(until, -DEFAULT_SPAN)
    snapshot()  # the errors are some of the failed ones that the figures count
    conditions = list(_conditions(query, since, until, actor))
    try:
        with time_limit(COUNT_SECONDS):
            rows = db.session.execute(_select_figures(conditions)).all()
            errors = db.session.execute(_select_errors(conditions)).all()
    except TimeoutError as error:
        raise Unavailable(
            f"To count that took more than {COUNT_SECONDS} s.",
            code="metrics_timeout",
            suggestions=["Ask for a shorter time, or for one agent."],
            retry_after=5,
        ) from error
    whole = _add(rows)
    return {
        "since": since,
        "until": until,
        **whole.described(),
        "errors": [
            {
                "errorCode": row.error_code or "execution_failed",
                "count": row.number,
                "percentage": round(100 * row.number / whole.counts[Status.FAILED], 2),
                "lastOccurrence": row.last_at,
            }
            for row in errors
        ],
        **_groups(rows),
    }


def _conditions(
    query: MetricsQuery, since: datetime, until: datetime, actor: Actor
) -> Iterable[ColumnElement[bool]]:
    usage = ExecutionUsage
    yield usage.organization_id == actor.organization_id
    yield usage.completed_at.between(since, until)
    if query.agent:
        agent_id = find_agent_id(query.agent, actor=actor)
        yield false() if agent_id is None else usage.agent_id == agent_id
    for column, value in (
        (usage.project_id, query.project),
        (usage.model, query.model),
        (usage.trigger, query.trigger),
    ):
        if value:
            yield column == value


def _select_figures(conditions: list[ColumnElement[bool]]) -> Any:
    """One look at the rows, which the database adds up: those that are alike are one."""
    usage = ExecutionUsage
    about = _about(usage.execution_time_ms)
    keys = (
        usage.agent_id,
        usage.agent_version,
        usage.model,
        usage.status,
        utc_day(usage.completed_at).label("day"),
        case((usage.status == Status.COMPLETED, about), else_=0).label("about_ms"),
    )
    return (
        select(
            *keys,
            func.count().label("number"),
            func.count(usage.cost_usd).label("priced"),
            func.sum(usage.cost_usd).label("cost_usd"),
            func.sum(usage.execution_time_ms).label("time_ms"),
            *(func.sum(getattr(usage, name)).label(name) for name in _SUMS),
        )
        .where(*conditions)
        .group_by(*(key.element if hasattr(key, "element") else key for key in keys))
    )


def _about(milliseconds: Any) -> ColumnElement[int]:
    """A time to three digits, so that many are alike."""
    return case(
        (milliseconds < 1000, milliseconds),
        (milliseconds < 10_000, milliseconds // 10 * 10),
        (milliseconds < 100_000, milliseconds // 100 * 100),
        (milliseconds < 1_000_000, milliseconds // 1000 * 1000),
        else_=milliseconds // 10_000 * 10_000,
    )


def _select_errors(conditions: list[ColumnElement[bool]]) -> Any:
    usage, number = ExecutionUsage, func.count().label("number")
    return (
        select(usage.error_code, number, func.max(usage.completed_at).label("last_at"))
        .where(*conditions, usage.status == Status.FAILED)
        .group_by(usage.error_code)
        .order_by(number.desc(), usage.error_code)
        .limit(MAX_ERRORS)
    )


def _groups(rows: Iterable[Any]) -> dict[str, list[dict[str, Any]]]:
    agents = _most(_by(rows, lambda row: row.agent_id))
    handles = _handles_of([agent_id for agent_id, _ in agents])
    days = sorted(_by(rows, lambda row: row.day).items())
    versions = _most(_by(rows, lambda row: (row.agent_id, row.agent_version)))
    return {
        "by_agent": [
            {"agent_id": agent_id, "handle": handles.get(agent_id), **figures.described()}
            for agent_id, figures in agents
        ],
        "by_version": [
            {"agent_id": key[0], "version": key[1], **figures.described()}
            for key, figures in versions
        ],
        "by_model": [
            {"model": model, **figures.described()}
            for model, figures in _most(_by(rows, lambda row: row.model))
        ],
        "by_day": [
            {"day": date.fromisoformat(day), **figures.described()} for day, figures in days
        ],
    }


def _add(rows: Iterable[Any]) -> Sum:
    whole = Sum()
    for row in rows:
        whole.add(row)
    return whole


def _by(rows: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, Sum]:
    groups: dict[Any, Sum] = defaultdict(Sum)
    for row in rows:
        groups[key(row)].add(row)
    return groups


def _most(groups: Mapping[Any, Sum]) -> list[tuple[Any, Sum]]:
    """The groups with most executions first."""
    ordered = sorted(groups.items(), key=lambda item: (-item[1].total, str(item[0])))
    return ordered[:MAX_GROUPS]


def _handles_of(agent_ids: list[UUID]) -> dict[UUID, str]:
    found = db.session.execute(select(Agent.id, Agent.handle).where(Agent.id.in_(agent_ids)))
    return {row.id: row.handle for row in found}
