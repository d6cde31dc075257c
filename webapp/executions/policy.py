"""When a failed try is made again by itself, and what else an agent says of its executions."""

from __future__ import annotations

import random
from typing import Annotated, Any

from pydantic import Field, ValidationError

from webapp.agents.switches import AgentSwitch
from webapp.core.errors import Invalid
from webapp.core.schemas import RequestModel, read

MAX_TIMEOUT_SECONDS = 3600
DEFAULT_TIMEOUT_SECONDS = 300.0
#: failures that pass by themselves
UPSTREAM = ("upstream_error", "upstream_rate_limited", "upstream_timeout")
#: what a model's server may ask us to wait at most
MAX_RETRY_AFTER_SECONDS = 3600.0
#: how much a delay is off at random, so that what failed together is not tried together
JITTER = 0.2

Milliseconds = Annotated[int, Field(ge=0, le=3_600_000)]


class RetryPolicy(RequestModel):
    """How often, when and after which errors a failed try is made again."""

    max_attempts: int = Field(3, ge=1, le=10)
    initial_delay_ms: Milliseconds = 1000
    backoff_multiplier: float = Field(2.0, ge=1, le=10)
    max_delay_ms: Milliseconds = 30_000
    retry_on: list[str] = Field(list(UPSTREAM), max_length=20)

    def delay_seconds(self, attempt: int, code: str, retry_after: float | None) -> float | None:
        """How long to wait after the n-th try, from 1, failed so; None: it is not made again.

        What a model's server asks for is kept to, whatever the policy's own delays are.
        """
        if attempt >= self.max_attempts or code not in self.retry_on:
            return None
        delay = self.initial_delay_ms * self.backoff_multiplier ** (attempt - 1)
        jitter = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads the load
        seconds = min(delay, self.max_delay_ms) * jitter / 1000
        if retry_after is None:
            return seconds
        return max(seconds, min(max(retry_after, 0.0), MAX_RETRY_AFTER_SECONDS))


def policy_of(definition: dict[str, Any]) -> RetryPolicy:
    """The policy that an agent's `features_config` has, else the usual one.

    A stored version may have anything there: what is no policy counts as none.
    """
    try:
        return read(RetryPolicy, definition.get("features_config", {}).get("retry_policy", {}))
    except Invalid:
        return RetryPolicy()


def timeout_of(definition: dict[str, Any]) -> float:
    """How long an execution of it may take where nobody says, in seconds."""
    value = definition.get("features_config", {}).get("timeout_seconds")
    return float(value) if _is_number(value, MAX_TIMEOUT_SECONDS) else DEFAULT_TIMEOUT_SECONDS


def concurrency_of(features: dict[str, Any]) -> int | None:
    """How many executions of an agent run at once at most; None: as many as there is room for."""
    value = features.get("concurrency")
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _is_number(value: Any, highest: float) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 < value <= highest


def _check_policy(value: Any) -> None:
    try:
        RetryPolicy.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{place}: {first['msg']}" if place else first["msg"]) from error


def _check_timeout(value: Any) -> None:
    if not _is_number(value, MAX_TIMEOUT_SECONDS):
        raise ValueError(f"must be a number of seconds up to {MAX_TIMEOUT_SECONDS}")


def _check_concurrency(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:
        raise ValueError("must be a whole number from 1 to 1000")


SWITCHES = (
    AgentSwitch("retry_policy", _check_policy),
    AgentSwitch("timeout_seconds", _check_timeout),
    AgentSwitch("concurrency", _check_concurrency),
)
