"""What was measured of each agent last, beside its definition: in its JSON, the list, its page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, select

from webapp.agents.models import Agent
from webapp.core.extensions import db
from webapp.core.schemas import RequestModel, ResponseModel
from webapp.coverage.models import AgentCoverage


class CoverageFields(ResponseModel):
    total_documents: int
    total_chunks: int
    coverage_percent: float
    last_coverage_update: datetime | None


class CoverageFilter(RequestModel):
    min_coverage: float | None = Field(None, ge=0, le=100, description="Percent")


def condition(query: BaseModel, of: Any) -> ColumnElement[bool] | None:
    """What the filters of a list of agents want of a row `of` the measured column."""
    if isinstance(query, CoverageFilter) and query.min_coverage:  # all agents have 0 or more
        is_wanted: ColumnElement[bool] = of.coverage_percent >= query.min_coverage
        return is_wanted
    return None


def get_figures(agent: Agent) -> AgentCoverage:
    """What was measured of an agent last, freshly read; who locks the agent may change it."""
    statement = select(AgentCoverage).where(AgentCoverage.agent_id == agent.id)
    return db.session.scalars(statement.execution_options(populate_existing=True)).one()
