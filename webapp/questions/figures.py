"""How each agent was asked and how it answered, beside its definition; how its answers stream."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import update

from webapp.agents.models import Agent
from webapp.agents.switches import AgentSwitch
from webapp.core.errors import NotFound
from webapp.core.extensions import db
from webapp.core.schemas import ResponseModel
from webapp.questions.models import AgentUsage

DELAY = "stream_delay_ms"
DEFAULT_DELAY_MS, MAX_DELAY_MS = 50, 5000


class UsageFields(ResponseModel):
    total_queries: int
    successful_queries: int
    avg_response_time_ms: float
    last_query_at: datetime | None


def count_question(agent: Agent, *, is_answered: bool, milliseconds: float, at: datetime) -> None:
    """Add one to what an agent was asked; the caller commits.

    Raises NotFound where the agent has been deleted for good since it was read.
    """
    usage = AgentUsage
    counted = db.session.scalar(
        update(usage)
        .where(usage.agent_id == agent.id)
        .values(
            total_queries=usage.total_queries + 1,
            successful_queries=usage.successful_queries + int(is_answered),
            avg_response_time_ms=usage.avg_response_time_ms
            + (milliseconds - usage.avg_response_time_ms) / (usage.total_queries + 1),
            last_query_at=at,
            revision=usage.revision + 1,
        )
        .returning(usage.agent_id)
        .execution_options(synchronize_session=False)
    )
    if counted is None:
        raise NotFound(f"Agent not found: {agent.id}")


def stream_delay_ms(agent: Agent) -> int:
    """Pause between streamed results: 50 ms unless set, 0 allowed.

    See docs/contract/knowledge.md, S-REQ-012.
    """
    value = agent.features_config.get(DELAY)
    return value if isinstance(value, int) and 0 <= value <= MAX_DELAY_MS else DEFAULT_DELAY_MS


def _check_delay(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_DELAY_MS:
        raise ValueError(f"must be a whole number from 0 to {MAX_DELAY_MS}")


SWITCHES = (AgentSwitch(DELAY, _check_delay),)
